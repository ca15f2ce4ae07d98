// Package postgres is a sink that writes streams into tables of PostgreSQL. How is told in package
// sqlsink.
package postgres

import (
	"context"

	"github.com/scrapekit/scrapekit/plugins/internal/sqlsink"
	"github.com/scrapekit/scrapekit/sdk"
)

// Config is the sink's settings.
type Config struct {
	sqlsink.Login
	Schema string `json:"schema" default:"public" min:"1" doc:"The schema of the tables. It is made if it is not there." example:"jira"`
	sqlsink.Options
}

const doc = `Writes each stream into a table of PostgreSQL, in one of six modes.

Data and token are written in one transaction, so a run that is killed at any moment goes on without a record
lost or twice. A table belongs to one pipeline; ` + "`_scrapekit_tables`" + ` in the same schema says to which.
A value that does not fit its column is a dead letter that names the field. See ` + "`scrapekit help databases`" + `.`

// Plugin returns the sink as a plugin.
func Plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "postgres", Version: "0.1.0", Doc: doc},
		func(ctx context.Context, c Config) (sdk.Sink, error) {
			dialect, err := sqlsink.NewPostgres(c.Login, c.Schema)
			if err != nil {
				return nil, err
			}
			return sqlsink.New(ctx, dialect, c.Options)
		})
}
