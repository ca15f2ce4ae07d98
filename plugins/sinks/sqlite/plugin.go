// Package sqlite is a sink that writes streams into tables of an SQLite file. How is told in
// package sqlsink.
package sqlite

import (
	"context"

	"github.com/scrapekit/scrapekit/plugins/internal/sqlsink"
	"github.com/scrapekit/scrapekit/sdk"
)

// Config is the sink's settings.
type Config struct {
	Path string `json:"path" required:"true" path:"true" doc:"The file of the database. It is made if it is not there." example:"jira.db"`
	sqlsink.Options
}

const doc = `Writes each stream into a table of an SQLite file, in one of six modes. It needs no server.

Data and token are written in one transaction, so a run that is killed at any moment goes on without a record
lost or twice. Others may read the file meanwhile. A table belongs to one pipeline; ` + "`_scrapekit_tables`" + ` says
to which. See ` + "`scrapekit help databases`" + `.`

// Plugin returns the sink as a plugin.
func Plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "sqlite", Version: "0.1.0", Doc: doc},
		func(ctx context.Context, c Config) (sdk.Sink, error) {
			return sqlsink.New(ctx, sqlsink.NewSQLite(c.Path), c.Options)
		})
}
