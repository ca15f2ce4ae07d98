package postgres_test

import (
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sinks/postgres"
	"github.com/scrapekit/scrapekit/plugins/sinks/sqltest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// serverVar tells the process that is killed where the server is.
const serverVar = "SINK_POSTGRES_SERVER"

// server is the address of a server.
func server(t *testing.T) string {
	t.Helper()
	addr := os.Getenv(serverVar)
	if addr == "" {
		addr = sqltest.Postgres(t).Addr
		t.Setenv(serverVar, addr)
	}
	return addr
}

// place is the schema for a folder.
func place(dir string) string {
	return strings.ToLower(filepath.Base(filepath.Dir(dir)) + filepath.Base(dir))
}

func theCase(db *sql.DB, url, mode, live string) sdktest.SinkCase {
	return sdktest.SinkCase{
		Config: func(_ *testing.T, dir string) any {
			return map[string]any{"url": url, "schema": mode + place(dir), "mode": mode}
		},
		Read: func(t *testing.T, dir, stream string) []string {
			return sqltest.Records(t, db, `SELECT data FROM "`+mode+place(dir)+`"."`+stream+`" WHERE `+live)
		},
		Host:   sdk.Host{Dial: new(net.Dialer).DialContext},
		Keyed:  mode == "upsert" || mode == "history",
		Rounds: 15,
	}
}

// TestServer is one server for all: to start one takes longer than most tests.
//
//ci:plain
func TestServer(t *testing.T) {
	crashtest.Plain(t)
	url := sqltest.PostgresURL(server(t), "scrapekit")
	db := sqltest.Open(t, "pgx", url)
	for mode, live := range map[string]string{"append": "NOT _scrapekit_deleted", "upsert": "true",
		"history": "_current"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			sdktest.TestSink(t, postgres.Plugin(), theCase(db, url, mode, live))
		})
	}
	t.Run("crash", func(t *testing.T) {
		t.Parallel()
		sdktest.CrashSink(t, postgres.Plugin(), theCase(db, url, "append", "NOT _scrapekit_deleted"))
	})
}
