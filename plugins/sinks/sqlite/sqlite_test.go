package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sinks/sqlite"
	"github.com/scrapekit/scrapekit/plugins/sinks/sqltest"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// theCase is the sink in a mode. live says of a row whether it counts.
func theCase(mode, live string) sdktest.SinkCase {
	return sdktest.SinkCase{
		Config: func(_ *testing.T, dir string) any {
			return map[string]any{"path": filepath.Join(dir, "out.db"), "mode": mode}
		},
		Read: func(t *testing.T, dir, stream string) []string {
			db := sqltest.Open(t, "sqlite", filepath.Join(dir, "out.db"))
			defer db.Close()
			return sqltest.Records(t, db, `SELECT data FROM "`+stream+`" WHERE `+live)
		},
		Keyed:  mode == "upsert" || mode == "history",
		Rounds: 20,
	}
}

//ci:plain
func TestModes(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	for mode, live := range map[string]string{"append": "_scrapekit_deleted = 0", "upsert": "1",
		"history": "_current"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			sdktest.TestSink(t, sqlite.Plugin(), theCase(mode, live))
		})
	}
}

// TestCrash has one of some operations fail, evenly spread: SDKTEST_CRASH_SHARE=1 has all. SQLite
// makes hundreds, and most are alike.
//
//ci:plain
func TestCrash(t *testing.T) {
	crashtest.Plain(t)
	if os.Getenv("SDKTEST_CRASH_SHARE") == "" {
		t.Setenv("SDKTEST_CRASH_SHARE", "13")
		t.Setenv("SDKTEST_CRASH_TWICE", "2")
	}
	sdktest.CrashSink(t, sqlite.Plugin(), theCase("append", "_scrapekit_deleted = 0"))
}
