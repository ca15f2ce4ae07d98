// The SQL sinks, killed in the middle of their transactions, and cut off at their commits.

//go:build linux

package e2e

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sinks/sqltest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// database is where a pipeline writes its records.
type database struct {
	sink     string
	settings func(dir string, round int) string
	open     func(t testing.TB, dir string) *sql.DB
	table    func(round int) string
}

// storing writes a pipeline that stores in a database, and commits as often as it can.
func (b tools) storing(dir string, d database, round, records int) (file string, err error) {
	file = filepath.Join(dir, "p.hcl")
	text := fmt.Sprintf(`pipeline {
  commit_every = "40ms"
  commit_bytes = "1B"
  required_plugins {
    steady = { source = %q }
  }
}
source "steady" {
  records = %d
  every   = 8
}
sink %q {
  mode = "append"
%s
}
`, b.path("steady"), records, d.sink, d.settings(dir, round))
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// TestStoringKilled kills host, source and sink while the sink writes to a database in the mode
// append, which would show a record that is there twice. SCRAPEKIT_KILLS says how many kills must
// land on each.
//
//ci:plain
func TestStoringKilled(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	b := needTools(t)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		b.storingKilled(t, database{sink: "sqlite",
			settings: func(dir string, _ int) string {
				return fmt.Sprintf("  path = %q",
					filepath.Join(dir, "out.db"))
			},
			open: func(t testing.TB, dir string) *sql.DB {
				return sqltest.Open(t, "sqlite", filepath.Join(dir, "out.db"))
			},
			table: func(int) string { return "records" }})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := sqltest.Postgres(t)
		proxy := sqltest.NewProxy(t, server.Addr, sqltest.PostgresCommit)
		b.storingCut(t, postgresAt(server.Addr, proxy.Addr), proxy)
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		server := sqltest.MariaDB(t)
		proxy := sqltest.NewProxy(t, server.Addr, sqltest.MySQLCommit)
		b.storingCut(t, database{sink: "mysql",
			settings: func(_ string, round int) string {
				return fmt.Sprintf("  url = \"mysql://scrapekit:secret@%s/scrapekit?tls=false\"\n"+
					"  table = \"round%d_{stream}\"",
					proxy.Addr, round)
			},
			open: func(t testing.TB, _ string) *sql.DB {
				return sqltest.Open(t, "mysql", "scrapekit:secret@tcp("+server.Addr+")/scrapekit")
			},
			table: func(round int) string { return fmt.Sprintf("round%d_records", round) }}, proxy)
	})
}

// postgresAt is a server that the sink reaches by another address.
func postgresAt(addr, by string) database {
	return database{sink: "postgres",
		settings: func(_ string, round int) string {
			return fmt.Sprintf("  url = %q\n  schema = \"round%d\"", sqltest.PostgresURL(by, "scrapekit"), round)
		},
		open: func(t testing.TB, _ string) *sql.DB {
			return sqltest.Open(t, "pgx", sqltest.PostgresURL(addr, "scrapekit"))
		},
		table: func(round int) string { return fmt.Sprintf("round%d.records", round) }}
}

// storingCut kills, and cuts connections too.
func (b tools) storingCut(t *testing.T, d database, proxy *sqltest.Proxy) {
	b.storingKilled(t, d)
	before, after := proxy.Cuts()
	t.Logf("cut at a COMMIT: %d before it came to the server, %d after it landed", before, after)
	if before < 2 || after < 2 {
		t.Error("the test proves less than it says")
	}
}

func (b tools) storingKilled(t *testing.T, d database) {
	all, seed := number(t, "SCRAPEKIT_KILLS", 20), number(t, "SCRAPEKIT_SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), 4))
	landed := map[string]int{}
	for total, round := 0, 0; total < all; round++ {
		n, err := b.storingRound(t, d, round, random, landed)
		if err != nil {
			t.Fatalf("seed %d, after %d kills: %v", seed, total, err)
		}
		total += n
	}
	t.Logf("kills %v", landed)
	if all >= 20 && len(landed) < 3 {
		t.Errorf("kills %v: the test proves less than it says", landed)
	}
}

// storingRound runs a pipeline to its end, with kills, and returns how many landed.
func (b tools) storingRound(t *testing.T, d database, round int, random *rand.Rand, landed map[string]int) (n int,
	err error) {
	const records = 320
	dir := t.TempDir()
	file, err := b.storing(dir, d, round, records)
	if err != nil {
		return 0, err
	}
	host := crashtest.Program{Path: b.path("launch"),
		Args: []string{b.path("scrapekit"), "run", file, "--output", "plain"}, Root: dir}
	for killed := true; killed; {
		p, at := host, 0
		for _, victim := range []string{d.sink, "steady", ""} {
			if n < 12 && (victim == "" || random.IntN(3) > 0) {
				at += 1 + random.IntN(110)
				p.Strikes = append(p.Strikes, crashtest.Strike{At: at, Of: victim})
			}
		}
		out, err := p.Run(t.Context())
		if err != nil {
			return n, err
		}
		killed = false
		for _, s := range out.Struck {
			n++
			landed[cmp.Or(s.Of, "host")]++
			killed = killed || s.Of == ""
		}
		if !killed && out.Code != 0 {
			return n, fmt.Errorf("after %v the host ended by itself with %d:\n%s", out.Struck, out.Code, out.Output)
		}
	}
	return n, errors.Join(b.stored(t, d, dir, round, records), os.RemoveAll(dir))
}

// stored holds that each record is there once, also after a run that finds nothing new.
func (b tools) stored(t *testing.T, d database, dir string, round, records int) error {
	again := exec.CommandContext(t.Context(), b.path("scrapekit"), "run", filepath.Join(dir, "p.hcl"))
	if out, err := again.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	db := d.open(t, dir)
	defer db.Close()
	var got []int
	for _, one := range sqltest.Strings(t, db, "SELECT data FROM "+d.table(round)) {
		var r struct{ ID int }
		if err := json.Unmarshal([]byte(one), &r); err != nil {
			return err
		}
		got = append(got, r.ID)
	}
	slices.Sort(got)
	for i := range max(records, len(got)) {
		if i >= len(got) || got[i] != i {
			return fmt.Errorf("%d records, want %d; the first that is wrong is %d", len(got), records, i)
		}
	}
	return nil
}

// TestServerRestarts ends the server in the middle of a run, as a crash does, and starts it again.
//
//ci:plain
func TestServerRestarts(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	b := needTools(t)
	server := sqltest.Postgres(t)
	d := postgresAt(server.Addr, server.Addr)
	dir := t.TempDir()
	const records = 800
	file, err := b.storing(dir, d, 0, records)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), b.path("scrapekit"), "run", file, "--output", "plain")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	db := d.open(t, dir)
	const some = "SELECT 1 FROM round0.records LIMIT 1"
	for len(sqltest.Strings(t, db, some)) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	server.Stop(syscall.SIGQUIT)
	server.Start(t)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "postgres") {
		t.Errorf("nobody says that the server was away:\n%s", out.String())
	}
	if err := b.stored(t, d, dir, 0, records); err != nil {
		t.Error(err)
	}
}
