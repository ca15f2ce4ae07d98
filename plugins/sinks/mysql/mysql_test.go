package mysql_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"net"
	"os"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sinks/mysql"
	"github.com/scrapekit/scrapekit/plugins/sinks/sqltest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// serverVar tells the process that is killed where the server is.
const serverVar = "SINK_MYSQL_SERVER"

// server is the address of a server.
func server(t *testing.T) string {
	t.Helper()
	addr := os.Getenv(serverVar)
	if addr == "" {
		addr = sqltest.MariaDB(t).Addr
		t.Setenv(serverVar, addr)
	}
	return addr
}

// place is the prefix of tables for a folder.
func place(mode, dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return mode + hex.EncodeToString(sum[:4])
}

func theCase(db *sql.DB, addr, mode, live string) sdktest.SinkCase {
	return sdktest.SinkCase{
		Config: func(_ *testing.T, dir string) any {
			return map[string]any{"url": "mysql://scrapekit:secret@" + addr + "/scrapekit",
				"table": place(mode, dir) + "{stream}", "mode": mode}
		},
		Read: func(t *testing.T, dir, stream string) []string {
			return sqltest.Records(t, db, "SELECT data FROM `"+place(mode, dir)+stream+"` WHERE "+live)
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
	addr := server(t)
	db := sqltest.Open(t, "mysql", "scrapekit:secret@tcp("+addr+")/scrapekit")
	for mode, live := range map[string]string{"append": "NOT _scrapekit_deleted", "upsert": "true",
		"history": "_current"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			sdktest.TestSink(t, mysql.Plugin(), theCase(db, addr, mode, live))
		})
	}
	t.Run("crash", func(t *testing.T) {
		t.Parallel()
		sdktest.CrashSink(t, mysql.Plugin(), theCase(db, addr, "append", "NOT _scrapekit_deleted"))
	})
}
