// Package mysql is a sink that writes streams into tables of MySQL or MariaDB. How is told in
// package sqlsink.
package mysql

import (
	"context"

	"github.com/scrapekit/scrapekit/plugins/internal/sqlsink"
	"github.com/scrapekit/scrapekit/sdk"
)

// Config is the sink's settings.
type Config struct {
	URL      string `json:"url" required:"true" dial:"true" sensitive:"true" doc:"Of the database, with user and host; env(\"DATABASE_URL\") keeps it out of the file. With ?tls=true the server's certificate is verified." example:"mysql://me@db.example.com/records?tls=true"`
	Password string `json:"password" sensitive:"true" doc:"Of the user, if the URL does not hold it."`
	Socket   string `json:"socket" dial:"true" doc:"Path of the server's Unix socket. The host and the port of the URL are not used then." example:"/run/mysqld/mysqld.sock"`
	CAFile   string `json:"ca_file" path:"read" doc:"PEM file of the authority that vouches for the server, for TLS."`
	CertFile string `json:"cert_file" path:"read" doc:"PEM file of the client's certificate, where the server asks for one."`
	KeyFile  string `json:"key_file" path:"read" doc:"PEM file of the key of cert_file."`
	sqlsink.Options
}

const doc = `Writes each stream into a table of MySQL or MariaDB, in one of six modes.

Data and token are written in one transaction, so a run that is killed at any moment goes on without a record
lost or twice. A table belongs to one pipeline; ` + "`_scrapekit_tables`" + ` in the same database says to which.
A value that does not fit its column is a dead letter. See ` + "`scrapekit help databases`" + `.`

// Plugin returns the sink as a plugin.
func Plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "mysql", Version: "0.1.0", Doc: doc},
		func(ctx context.Context, c Config) (sdk.Sink, error) {
			dialect, err := sqlsink.NewMySQL(sqlsink.Login{URL: c.URL, Password: c.Password, Socket: c.Socket,
				CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile})
			if err != nil {
				return nil, err
			}
			return sqlsink.New(ctx, dialect, c.Options)
		})
}
