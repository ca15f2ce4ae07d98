// What each mode leaves, in every database that is to be had.

package sqlsink_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sinks/mysql"
	"github.com/scrapekit/scrapekit/plugins/sinks/postgres"
	"github.com/scrapekit/scrapekit/plugins/sinks/sqlite"
	"github.com/scrapekit/scrapekit/plugins/sinks/sqltest"
	"github.com/scrapekit/scrapekit/sdk"
)

// place is an empty database, and the sink for it.
type place struct {
	*testing.T
	plugin sdk.Plugin
	config map[string]any
	db     *sql.DB
	table  string // of the stream "things"
	// poor makes a login that may only read the tables of records, and is its URL; nil: the database
	// has none.
	poor  func(*place) string
	epoch int64
	token sdk.Token
	// records of its runs were rejected by a stage before the sink
	rejected bool
	sink     sinkUnderTest
}

type sinkUnderTest interface {
	sdk.Sink
	sdk.Opener
	sdk.Finisher
	sdk.Checker
	sdk.SinkPlanner
	Close() error
}

// tests are those of each database.
var tests = map[string]func(*place){
	"Upsert":        testUpsert,
	"SoftDeletions": testSoftDeletions,
	"Newer":         testNewer,
	"Insert":        testInsert,
	"History":       testHistory,
	"Mirror":        testMirror,
	"Replace":       testReplace,
	"DeadLetters":   testDeadLetters,
	"NUL":           testNUL,
	"Refused":       testRefused,
	"Fenced":        testFenced,
	"OthersTables":  testOthersTables,
	"SchemaChanges": testSchemaChanges,
	"Plan":          testPlan,
	"Rights":        testRights,
	"Names":         testNames,
	"Numbers":       testNumbers,
	"ManyFields":    testManyFields,
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "out.db")
			test(&place{T: t, plugin: sqlite.Plugin(), config: map[string]any{"path": path}, table: `"things"`,
				db: sqltest.Open(t, "sqlite", path)})
		})
	}
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	addr := sqltest.Postgres(t).Addr
	url := sqltest.PostgresURL(addr, "scrapekit")
	poor := func(p *place) string {
		p.exec("CREATE ROLE reader LOGIN PASSWORD 'reader'", `GRANT USAGE ON SCHEMA "Rights" TO reader`,
			`GRANT SELECT ON "Rights".things TO reader`,
			`GRANT SELECT, INSERT, UPDATE ON "Rights"._scrapekit_tables TO reader`)
		return "postgres://reader:reader@" + addr + "/scrapekit?sslmode=disable"
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&place{T: t, plugin: postgres.Plugin(), config: map[string]any{"url": url, "schema": name},
				table: `"` + name + `"."things"`, db: sqltest.Open(t, "pgx", url), poor: poor})
		})
	}
}

// TestMariaDB reads with the words of standard SQL.
func TestMariaDB(t *testing.T) {
	t.Parallel()
	server := sqltest.MariaDB(t)
	addr := server.Addr
	t.Run("Socket", func(t *testing.T) {
		t.Parallel()
		p := &place{T: t, plugin: mysql.Plugin(), config: map[string]any{
			"url": "mysql://scrapekit:secret@localhost:1/scrapekit", "socket": filepath.Join(server.Dir, "socket")}}
		if err := p.open("r1", false); err != nil {
			t.Error(err)
		}
	})
	root := sqltest.Open(t, "mysql", "scrapekit:secret@tcp("+addr+")/scrapekit")
	poor := func(p *place) string {
		p.exec("CREATE USER reader IDENTIFIED BY 'reader'", `GRANT SELECT ON "Rights".* TO reader`,
			`GRANT INSERT, UPDATE ON "Rights"._scrapekit_tables TO reader`)
		return "mysql://reader:reader@" + addr + "/Rights"
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := root.ExecContext(t.Context(), "CREATE DATABASE `"+name+"`"); err != nil {
				t.Fatal(err)
			}
			test(&place{T: t, plugin: mysql.Plugin(), table: `"things"`, poor: poor,
				config: map[string]any{"url": "mysql://scrapekit:secret@" + addr + "/" + name},
				db:     sqltest.Open(t, "mysql", "scrapekit:secret@tcp("+addr+")/"+name+"?sql_mode=ANSI")})
		})
	}
}

const things = `{"type":"object","properties":{
	"id":{"type":"integer"},"part":{"type":"string"},"name":{"type":["string","null"]},
	"at":{"type":"string","format":"date-time"},"open":{"type":"boolean"},"score":{"type":"number"},
	"more":{"type":"object"}}}`

func (p *place) exec(statements ...string) {
	p.Helper()
	for _, one := range statements {
		if _, err := p.db.ExecContext(p.Context(), one); err != nil {
			p.Fatalf("%s: %v", one, err)
		}
	}
}

func (p *place) open(run string, full bool, change ...func(*sdk.Start)) error {
	p.Helper()
	ctx := p.host()
	v, err := p.plugin.New(ctx, p.raw())
	if err != nil {
		return err
	}
	p.epoch++
	start := sdk.Start{Pipeline: "P", Run: run, Epoch: p.epoch, Token: p.token, Full: full,
		Streams: []sdk.Stream{{Name: "things", PrimaryKey: []string{"part", "id"}, Schema: json.RawMessage(things)}}}
	for _, f := range change {
		f(&start)
	}
	p.sink = v.(sinkUnderTest)
	sink := p.sink
	p.Cleanup(func() { _ = sink.Close() })
	return p.sink.Open(ctx, start)
}

// host is a context with a host that connects to everything.
func (p *place) host() context.Context {
	return sdk.Host{Dial: new(net.Dialer).DialContext}.In(p.Context())
}

// raw are the settings.
func (p *place) raw() json.RawMessage {
	p.Helper()
	raw, err := json.Marshal(p.config)
	if err != nil {
		p.Fatal(err)
	}
	return raw
}

// run is a run: it writes lines, those that begin with "-" as deletions, and ends.
func (p *place) run(run string, full bool, lines ...string) error {
	p.Helper()
	if err := p.open(run, full); err != nil {
		return err
	}
	if err := p.write(lines...); err != nil {
		return err
	}
	token, err := p.sink.Commit(context.Background())
	if err != nil {
		return err
	}
	p.token = token
	return errors.Join(p.sink.Finish(context.Background(), sdk.End{Run: run, Full: full, Rejected: p.rejected}),
		p.sink.Close())
}

func (p *place) write(lines ...string) error {
	for _, line := range lines {
		b := sdk.Batch{Stream: "things", Count: 1, Payload: []byte(strings.TrimPrefix(line, "-") + "\n")}
		if strings.HasPrefix(line, "-") {
			b.Op = sdk.Delete
		}
		if err := p.sink.Write(context.Background(), b); err != nil {
			return err
		}
	}
	return nil
}

// must runs, and holds what is there then: part, id, name and a condition.
func (p *place) must(what string, err error, condition string, want ...string) {
	p.Helper()
	if err != nil {
		p.Fatalf("%s: %v", what, err)
	}
	got := sqltest.Strings(p.T, p.db, "SELECT part || id || COALESCE(name, '') FROM "+p.table+" WHERE "+condition+
		" ORDER BY 1")
	if !slices.Equal(got, want) {
		p.Fatalf("%s: %q, want %q", what, got, want)
	}
}

func thing(part string, id int, name string) string {
	return fmt.Sprintf(`{"part":%q,"id":%d,"name":%q}`, part, id, name)
}

func testUpsert(p *place) {
	p.must("first", p.run("r1", false, thing("a", 1, "x"), thing("a", 2, "y"), thing("b", 1, "z"), thing("a", 1, "w")),
		"1=1", "a1w", "a2y", "b1z")
	p.must("deletions of one key and of many",
		p.run("r2", false, `-{"part":"b","id":1}`, `-{"part":"a"}`, thing("a", 2, "again")),
		"1=1", "a2again")
	p.must("unchanged", p.run("r3", false, thing("a", 2, "again")), "_scrapekit_run = 'r2'", "a2again")
}

func testSoftDeletions(p *place) {
	p.config["deletes"] = "soft"
	p.must("deleted", p.run("r1", false, thing("a", 1, "x"), thing("a", 2, "y"), `-{"part":"a","id":1}`),
		"_scrapekit_deleted_at IS NOT NULL", "a1x")
	p.must("back", p.run("r2", false, thing("a", 1, "x")), "_scrapekit_deleted_at IS NULL", "a1x", "a2y")
}

func testNewer(p *place) {
	p.config["newer"] = "at"
	at := func(id int, name, hour string) string {
		return fmt.Sprintf(`{"part":"a","id":%d,"name":%q,"at":"2026-01-01T%s:00:00+01:00"}`, id, name, hour)
	}
	p.must("within a commit", p.run("r1", false, at(1, "new", "12"), at(1, "old", "11")), "1=1", "a1new")
	p.must("older", p.run("r2", false, at(1, "old", "11")), "1=1", "a1new")
	p.must("as old", p.run("r3", false, at(1, "same", "12")), "1=1", "a1same")
}

func testInsert(p *place) {
	p.config["mode"] = "insert"
	p.must("first", p.run("r1", false, thing("a", 1, "x"), thing("a", 1, "y")), "1=1", "a1x")
	p.must("second, full", p.run("r2", true, thing("a", 1, "z"), thing("a", 2, "w"), `-{"part":"a","id":1}`), "1=1",
		"a1x", "a2w")
}

func testHistory(p *place) {
	p.config["mode"] = "history"
	p.must("first", p.run("r1", false, thing("a", 1, "x"), thing("a", 2, "y"), thing("a", 1, "x")), "1=1", "a1x", "a2y")
	p.must("changed", p.run("r2", false, thing("a", 1, "w"), thing("a", 2, "y")), "1=1", "a1w", "a1x", "a2y")
	current := "_current AND _valid_to IS NULL"
	p.must("current", nil, current, "a1w", "a2y")
	kept := p.token
	p.must("lost with its token", p.run("r3", false, thing("a", 1, "v"), `-{"part":"a","id":2}`), current, "a1v")
	p.token = kept
	p.must("taken back", p.open("r3", false), current, "a1w", "a2y")
	p.must("an incremental run ends nothing", p.run("r4", false, thing("a", 1, "w")), current, "a1w", "a2y")
	p.must("a full one does", p.run("r5", true, thing("a", 1, "w")), current, "a1w")
	p.must("and keeps what was", nil, "1=1", "a1w", "a1x", "a2y")
}

func testMirror(p *place) {
	p.config["mode"], p.config["min_rows"] = "mirror", "50%"
	three := []string{thing("a", 1, "x"), thing("a", 2, "y"), thing("a", 3, "z")}
	p.must("first", p.run("r1", false, three...), "1=1", "a1x", "a2y", "a3z")
	p.must("incremental", p.run("r2", false, thing("a", 1, "w")), "1=1", "a1w", "a2y", "a3z")
	if err := p.run("r3", true, thing("a", 1, "w")); !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "min_rows") {
		p.Errorf("a run with too few rows: %v", err)
	}
	p.must("after it", nil, "1=1", "a1w", "a2y", "a3z")
	p.rejected = true
	p.must("records were rejected", p.run("r4", true, thing("a", 1, "w"), thing("a", 3, "z")), "1=1", "a1w", "a2y",
		"a3z")
	p.rejected = false
	p.must("full", p.run("r5", true, thing("a", 1, "w"), thing("a", 3, "z")), "1=1", "a1w", "a3z")
}

func testReplace(p *place) {
	p.config["mode"] = "replace"
	p.must("first", p.run("r1", false, thing("a", 1, "x"), thing("a", 2, "y")), "1=1", "a1x", "a2y")
	if err := p.open("r2", false); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "--full") {
		p.Errorf("an incremental run: %v", err)
	}
	p.must("opened", p.open("r3", true), "1=1", "a1x", "a2y")
	p.must("of a run that is left incomplete", p.write(thing("a", 9, "never")), "1=1", "a1x", "a2y")
	if _, err := p.sink.Commit(context.Background()); err != nil {
		p.Fatal(err)
	}
	p.must("committed and incomplete", p.sink.Close(), "1=1", "a1x", "a2y")
	if err := p.run("r4", true); !sdk.IsPermanent(err) {
		p.Errorf("an empty run: %v", err)
	}
	p.must("after it", nil, "1=1", "a1x", "a2y")
	p.must("full", p.run("r5", true, thing("a", 3, "z")), "1=1", "a3z")
}

// testDeadLetters: what does not fit is rejected by itself, with its field.
func testDeadLetters(p *place) {
	if err := p.open("r1", false); err != nil {
		p.Fatal(err)
	}
	for line, field := range map[string]string{
		`{"part":"a","id":9223372036854775808}`:     "/id",
		`{"part":"a","id":1.5}`:                     "/id",
		`{"part":"a","id":"1"}`:                     "/id",
		`{"part":"a"}`:                              "/id",
		`{"part":"a","id":1,"open":"yes"}`:          "/open",
		`{"part":"a","id":1,"at":"yesterday"}`:      "/at",
		`{"part":"a","id":1,"score":1e999}`:         "/score",
		`{"part":"a","id":1,"name":"\ud800"}`:       "surrogate",
		`{"part":"a","id":1,"name":"a","name":"b"}`: "name",
	} {
		var rejects sdk.Rejects
		err := p.write(line)
		if !errors.As(err, &rejects) || len(rejects) != 1 || string(rejects[0].Record) != line ||
			!strings.Contains(rejects[0].Reason, field) {
			p.Errorf("%s: %v", line, err)
		}
	}
	p.must("what fits", p.write(`{"part":"a","id":-9223372036854775808,"new":{"field":1}}`,
		`{"part":"a\t\n\\b","id":1.0,"at":"2026-01-01T00:00:00.123456789+0200"}`), "1=2")
	if _, err := p.sink.Commit(context.Background()); err != nil {
		p.Fatal(err)
	}
	p.must("what fits", nil, "1=1", "a\t\n\\b1", "a-9223372036854775808")
}

// testNUL: PostgreSQL cannot keep the character U+0000, in a text or in JSON.
func testNUL(p *place) {
	if err := p.open("r1", false); err != nil {
		p.Fatal(err)
	}
	keeps := p.plugin.Name != "postgres"
	for _, line := range []string{`{"part":"a","id":1,"name":"\u0000"}`, `{"part":"a","id":2,"more":{"x":"\u0000"}}`,
		`{"part":"a","id":3,"undeclared":"\u0000"}`} {
		if err := p.write(line); (err == nil) != keeps {
			p.Errorf("%s: %v", line, err)
		}
	}
	if err := p.write(`{"part":"a","id":4,"more":{"x":"\\u0000"}}`); err != nil {
		p.Error(err)
	}
}

// testRefused: what is wrong is said before anything is read.
func testRefused(p *place) {
	for _, c := range []struct{ key, value, says string }{
		{"table", "all", "{stream}"}, {"min_rows", "many", "min_rows"}, {"mode", "sideways", "mode"},
		{"columns", "none", "columns"},
	} {
		before := p.config
		p.config = map[string]any{}
		for k, v := range before {
			p.config[k] = v
		}
		p.config[c.key] = c.value
		if err := p.open("r1", false); err == nil || !strings.Contains(err.Error(), c.says) {
			p.Errorf("%s = %q: %v", c.key, c.value, err)
		}
		p.config = before
	}
	keyless := func(s *sdk.Start) { s.Streams[0].PrimaryKey = nil }
	p.config["mode"] = "upsert"
	if err := p.open("r1", false, keyless); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "no key") {
		p.Errorf("a mode without a key: %v", err)
	}
	p.must("the first pipeline", p.run("r1", false, thing("a", 1, "x")), "1=1", "a1x")
	for what, change := range map[string]func(*sdk.Start){
		"another pipeline": func(s *sdk.Start) { s.Pipeline, s.Token = "Q", nil },
		"another sink":     func(s *sdk.Start) { s.Epoch = 1 },
	} {
		if err := p.open("r2", false, change); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "another") {
			p.Errorf("%s: %v", what, err)
		}
	}
	p.config["mode"] = "history"
	if err := p.open("r2", false); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "set another table") {
		p.Errorf("another mode: %v", err)
	}
	p.must("all the while", nil, "1=1", "a1x")
}

// testFenced: a former instance commits nothing when another has followed.
func testFenced(p *place) {
	if err := p.open("r1", false); err != nil {
		p.Fatal(err)
	}
	former := p.sink
	if err := p.write(thing("a", 1, "late")); err != nil {
		p.Fatal(err)
	}
	if err := p.open("r1", false); err != nil {
		p.Fatal(err)
	}
	if _, err := former.Commit(context.Background()); !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "another process") {
		p.Errorf("the former one commits: %v", err)
	}
	if err := former.Finish(context.Background(), sdk.End{Run: "r1"}); !sdk.IsPermanent(err) {
		p.Errorf("the former one finishes: %v", err)
	}
	p.must("the former one", former.Close(), "1=1")
}

// testOthersTables: a table that no pipeline has is taken if it is empty, and refused if it is not.
func testOthersTables(p *place) {
	p.must("opened", p.open("r1", false), "1=2")
	p.must("closed", p.sink.Close(), "1=2")
	forget := func() {
		if _, err := p.db.ExecContext(p.Context(), "DELETE FROM "+strings.Replace(p.table, "things",
			"_scrapekit_tables", 1)); err != nil {
			p.Fatal(err)
		}
	}
	forget()
	p.must("an empty one", p.run("r2", false, thing("a", 1, "x")), "1=1", "a1x")
	forget()
	p.token = nil
	if err := p.open("r3", false); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "is not this sink's") {
		p.Errorf("one with rows: %v", err)
	}
	p.must("after it", nil, "1=1", "a1x")
}

// testSchemaChanges: new fields become columns, and types widen without loss.
func testSchemaChanges(p *place) {
	p.must("first", p.run("r1", false, thing("a", 1, "x")), "1=1", "a1x")
	changed := func(s *sdk.Start) {
		text := strings.Replace(things, `"score":{"type":"number"}`,
			`"score":{"type":"string"},"fresh":{"type":"integer"}`, 1)
		s.Streams[0].Schema = json.RawMessage(text)
	}
	p.config["ddl"] = "off"
	if err := p.open("r2", false, changed); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "ALTER TABLE") {
		p.Errorf("ddl is off: %v", err)
	}
	delete(p.config, "ddl")
	if err := p.open("r2", false, changed); err != nil {
		p.Fatal(err)
	}
	err := p.write(`{"part":"a","id":2,"score":"high","fresh":7}`)
	if err == nil {
		_, err = p.sink.Commit(context.Background())
	}
	p.must("changed", err, "score = 'high' AND fresh = 7", "a2")
	p.must("what was there", nil, "score IS NULL", "a1x")
}

// testRights: a login that may not write into the tables hears that when the run begins.
func testRights(p *place) {
	p.must("first", p.run("r1", false, thing("a", 1, "x")), "1=1", "a1x")
	p.config["ddl"] = "off"
	p.must("all rights", p.run("r2", false, thing("b", 2, "y")), "1=1", "a1x", "b2y")
	if p.poor == nil {
		return
	}
	p.config["url"] = p.poor(p)
	if err := p.open("r3", false); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "GRANT") ||
		!strings.Contains(err.Error(), "things") {
		p.Errorf("a login that may only read: %v", err)
	}
}

// testPlan: a plan changes nothing, and has the statements that the next run issues.
func testPlan(p *place) {
	stream := sdk.Stream{Name: "things", PrimaryKey: []string{"part", "id"}, Schema: json.RawMessage(things)}
	planned := func(what, begins string) {
		p.Helper()
		v, err := p.plugin.New(p.host(), p.raw())
		if err != nil {
			p.Fatal(err)
		}
		plan, err := v.(sinkUnderTest).PlanSink(p.host(), []sdk.Stream{stream})
		if err != nil || len(plan.Effects) != 1 || !strings.HasPrefix(plan.Effects[0], "things → ") {
			p.Fatalf("%s: %+v, %v", what, plan, err)
		}
		got := plan.Statements
		if begins == "" && len(got) > 0 || begins != "" &&
			(len(got) == 0 || !strings.HasPrefix(got[len(got)-1], begins)) {
			p.Errorf("%s: %q, want %q", what, got, begins)
		}
	}
	planned("before the first run", "CREATE TABLE")
	planned("again", "CREATE TABLE")
	p.must("first", p.run("r1", false, thing("a", 1, "x")), "1=1", "a1x")
	planned("after it", "")
	stream.Schema = json.RawMessage(strings.Replace(things, `"id"`, `"fresh":{"type":"integer"},"id"`, 1))
	planned("with a new field", "ALTER TABLE")
	planned("again", "ALTER TABLE")
	if p.plugin.Name == "sqlite" {
		p.config["path"] = filepath.Join(p.TempDir(), "none.db")
		planned("without a file", "CREATE TABLE")
		if _, err := os.Stat(p.config["path"].(string)); err == nil {
			p.Error("a plan makes a file")
		}
	}
}

// shaped is a stream of integers, and a record that has the position of each as its value.
func shaped(fields ...string) (change func(*sdk.Start), record string) {
	properties, values := map[string]any{"id": map[string]any{"type": "integer"}}, map[string]any{"id": 0}
	for i, name := range fields {
		properties[name], values[name] = map[string]any{"type": "integer"}, i+1
	}
	schema, err := json.Marshal(map[string]any{"type": "object", "properties": properties})
	if err != nil {
		panic(err)
	}
	line, err := json.Marshal(values)
	if err != nil {
		panic(err)
	}
	return func(s *sdk.Start) { s.Streams[0].PrimaryKey, s.Streams[0].Schema = []string{"id"}, schema }, string(line)
}

// integers are the values of the one row's columns that are integers, without those of the run.
func (p *place) integers() (out []int, extra map[string]int) {
	p.Helper()
	rows, err := p.db.QueryContext(p.Context(), "SELECT * FROM "+p.table)
	if err != nil {
		p.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || !rows.Next() {
		p.Fatal("no row: ", errors.Join(err, rows.Err()))
	}
	cells := make([]sql.NullString, len(names))
	var to []any
	for i := range cells {
		to = append(to, &cells[i])
	}
	if err := rows.Scan(to...); err != nil {
		p.Fatal(err)
	}
	for i, c := range cells {
		switch n, err := strconv.Atoi(c.String); {
		case names[i] == "_scrapekit_extra" && c.Valid:
			if err := json.Unmarshal([]byte(c.String), &extra); err != nil {
				p.Fatal(err)
			}
		case err == nil && !strings.HasPrefix(names[i], "_scrapekit_commit"):
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, extra
}

// testNames: words of the language, names that differ in case alone or beyond the limit, quotes,
// and names of the sink's and the database's own columns.
func testNames(p *place) {
	long := strings.Repeat("é", 70)
	fields := []string{"select", "User", "user", "USER", long, long + "b", `a"b`, "a`b", "ctid", "_scrapekit_run",
		"_scrapekit_commit_", "data", "a.b", " a ", "a%s", "$1", "?", "名前", "\U0001f600"}
	change, record := shaped(fields...)
	err := p.open("r1", false, change)
	if err == nil {
		err = p.write(record)
	}
	if err == nil {
		_, err = p.sink.Commit(context.Background())
	}
	if err != nil {
		p.Fatal(err)
	}
	got, _ := p.integers()
	var want []int
	for i := range len(fields) + 1 {
		if i != slices.Index(fields, "_scrapekit_commit_")+1 {
			want = append(want, i)
		}
	}
	if !slices.Equal(got, want) {
		p.Errorf("%v, want %v", got, want)
	}
}

// testNumbers: what an integer of 64 bits or a double would round keeps every digit.
func testNumbers(p *place) {
	p.config["numbers"] = "decimal"
	err := p.open("r1", false, func(s *sdk.Start) {
		s.Streams[0].PrimaryKey, s.Streams[0].Schema = []string{"id"}, json.RawMessage(`{"type":"object","properties":{
			"id":{"type":"integer"},"large":{"type":"integer","maximum":18446744073709551616},"exact":{"type":"number"},
			"more":{"type":"object"}}}`)
	})
	const large, exact = "123456789012345678901234567890", "0.1234567890123456789"
	if err == nil {
		err = p.write(`{"id":1,"large":` + large + `,"exact":` + exact + `,"more":{"x":` + large + `}}`)
	}
	if err == nil {
		_, err = p.sink.Commit(context.Background())
	}
	if err != nil {
		p.Fatal(err)
	}
	for column, want := range map[string]string{"large": large, "exact": exact, "more": large} {
		got := sqltest.Strings(p.T, p.db, "SELECT "+column+" FROM "+p.table)
		if len(got) != 1 || !strings.Contains(got[0], want) {
			p.Errorf("%s: %q, want %s", column, got, want)
		}
	}
	var rejects sdk.Rejects
	err = p.write(`{"id":2,"more":{"x":1e200000}}`, `{"id":3}`)
	if p.plugin.Name == "postgres" && (!errors.As(err, &rejects) || len(rejects) != 1) ||
		p.plugin.Name != "postgres" && err != nil {
		p.Errorf("a number that jsonb cannot keep: %v", err)
	}
}

// testManyFields: more than a table has columns.
func testManyFields(p *place) {
	const many = 2100
	var fields []string
	for i := range many {
		fields = append(fields, fmt.Sprintf("field%d", i))
	}
	change, record := shaped(fields...)
	if err := p.open("r1", false, change); err != nil {
		p.Fatal(err)
	}
	var rejects sdk.Rejects
	if err := p.write(record); err != nil && (!errors.As(err, &rejects) || len(rejects) != 1) {
		p.Fatal(err) // PostgreSQL has room for that many columns, and not for that many values
	}
	if err := p.write(`{"id":1,"field0":1,"field1599":2,"field2099":3}`); err != nil {
		p.Fatal(err)
	}
	if _, err := p.sink.Commit(context.Background()); err != nil {
		p.Fatal(err)
	}
	if len(rejects) == 0 {
		if got, extra := p.integers(); len(got)+len(extra) != many+1 {
			p.Errorf("%d columns and %d fields beside them, want %d in all", len(got), len(extra), many+1)
		}
		return
	}
	if got, extra := p.integers(); len(got)+len(extra) != 4 {
		p.Errorf("%v and %v", got, extra)
	}
}
