// What goes into the files.

package parquet

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/scrapekit/scrapekit/sdk"
)

// place is an output folder, and the sink that is open on it.
type place struct {
	*testing.T
	dir, private string
	sink         *Sink
	token        sdk.Token
}

// newPlace has a sink open with these settings, whose path is below a folder of its own.
func newPlace(t *testing.T, c Config, streams ...sdk.Stream) *place {
	t.Helper()
	t.Parallel()
	p := &place{T: t, dir: t.TempDir(), private: t.TempDir()}
	p.open(c, sdk.Start{Run: "r1", Streams: streams})
	t.Cleanup(func() { p.ok(p.sink.Close()) })
	return p
}

func (p *place) open(c Config, start sdk.Start) {
	p.Helper()
	c.Path, start.Dir, start.Token = p.file(c.Path), p.private, p.token
	var err error
	if p.sink, err = New(c); err == nil {
		err = p.sink.Open(p.Context(), start)
	}
	p.ok(err)
}

func (p *place) ok(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *place) file(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(stream string, lines ...string) {
	p.Helper()
	p.ok(p.sink.Write(p.Context(), batch(stream, lines...)))
}

func batch(stream string, lines ...string) sdk.Batch {
	return sdk.Batch{Stream: stream, Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
}

func (p *place) commit() {
	p.Helper()
	var err error
	p.token, err = p.sink.Commit(p.Context())
	p.ok(err)
}

// end is the end of a run.
func (p *place) end() {
	p.Helper()
	p.commit()
	p.ok(p.sink.Finish(p.Context(), sdk.End{}))
}

// has expects a file with these rows.
func (p *place) has(name string, rows ...string) {
	p.Helper()
	if got := records(p.T, p.file(name)); !slices.Equal(got, rows) {
		p.Errorf("%s holds %q, want %q", name, got, rows)
	}
}

// files expects that there are these files and no others, hidden ones included.
func (p *place) files(want ...string) {
	p.Helper()
	all, err := os.ReadDir(p.dir)
	p.ok(err)
	var got []string
	for _, one := range all {
		got = append(got, one.Name())
	}
	if !slices.Equal(got, want) {
		p.Errorf("there are %q, want %q", got, want)
	}
}

// typed is a stream with a field of each kind.
var typed = sdk.Stream{Name: "a", Schema: []byte(`{"$ref":"#/$defs/A","$defs":{"N":{"type":"integer"},"A":{
	"properties":{"text":{"type":["string","null"]},"enum":{"enum":["x","y",null]},"n":{"$ref":"#/$defs/N"},
	"f":{"type":["number","integer"]},"ok":{"anyOf":[{"type":"boolean"},{"type":"null"}]},
	"day":{"type":"string","format":"date"},"at":{"type":"string","format":"date-time"},
	"nested":{"type":"object"},"list":{"type":"array"},"mixed":{"type":["string","integer"]},"any":{},
	"round":{"$ref":"#/$defs/R"}},"type":"object"},"R":{"$ref":"#/$defs/R"}}}`)}

func TestColumns(t *testing.T) {
	p := newPlace(t, Config{Path: "{stream}.parquet"}, typed)
	p.write("a",
		`{"text":"\u00e9\"","enum":"x","n":-9223372036854775808,"f":0.1,"ok":true,"day":"1969-12-31",`+
			`"at":"2024-02-29T01:02:03.123456+02:00","nested":{"b": [1]},"list":[],"mixed":1,"any":"s"}`,
		`{"n":3.0,"f":2,"ok":false,"at":"2024-02-29T01:02:03.000+0000","text":null,"mixed":"s","round":{}}`, `{}`)
	p.end()
	p.files("a-00001.parquet")
	p.has("a-00001.parquet", `{"text":"é\"","enum":"x","n":-9223372036854775808,"f":0.1,"ok":true,`+
		`"day":"1969-12-31","at":"2024-02-28T23:02:03.123456Z","nested":{"b": [1]},"list":[],"mixed":1,"any":"s"}`,
		`{"n":3,"f":2,"ok":false,"at":"2024-02-29T01:02:03Z","mixed":"s","round":{}}`, `{}`)
	if columns := columnsOf(t, p.file("a-00001.parquet")); !slices.Equal(columns, []string{"text string",
		"enum string", "n integer", "f number", "ok boolean", "day date", "at date-time", "nested json", "list json",
		"mixed json", "any json", "round json"}) {
		t.Errorf("columns %q", columns)
	}
}

func columnsOf(t *testing.T, path string) (out []string) {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	info, _ := in.Stat()
	f, err := parquet.OpenFile(in, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Root().Columns() {
		out = append(out, c.Name()+" "+string(kindOfNode(c)))
	}
	return out
}

// TestRejects: what cannot be written is rejected by itself, with its path, and leaves no column.
func TestRejects(t *testing.T) {
	p := newPlace(t, Config{Path: "{stream}.parquet"}, typed)
	for record, why := range map[string]string{
		`{"n":9223372036854775808}`: "/n: 9223372036854775808 is out of the range",
		`{"n":1.5}`:                 "/n: 1.5 is no integer",
		`{"n":"1"}`:                 `/n: "1" is no integer`,
		`{"f":1e400}`:               "/f: 1e400 is out of the range",
		`{"ok":1}`:                  "/ok: 1 is no boolean",
		`{"text":{"x":1}}`:          "/text: ",
		`{"day":"2024-02-30"}`:      "/day: ",
		`{"at":"yesterday"}`:        "/at: ",
		`{"z":1,"at":5}`:            "/at: 5 is no date-time",
		"{\"any\":\"\xff\"}":        "UTF-8",
		`[1]`:                       "no JSON object",
		`{"n":1,"n":2}`:             "twice: /n",
		`{"_op":1}`:                 "reserved",
		`{"n":`:                     "EOF",
		`{} {}`:                     "more than one",
	} {
		err := p.sink.Write(t.Context(), batch("a", record))
		var rejects sdk.Rejects
		if !errors.As(err, &rejects) || len(rejects) != 1 || string(rejects[0].Record) != record ||
			!strings.Contains(rejects[0].Reason, why) {
			t.Errorf("%s: %v, want it rejected with %q", record, err, why)
		}
	}
	p.end()
	p.files()
	var rejects sdk.Rejects
	if err := p.sink.Write(t.Context(), batch("a", `{"n":1}`, `{"z":1,"n":"x"}`, `{"n":2}`)); !errors.As(err,
		&rejects) {
		t.Fatalf("got %v", err)
	}
	p.end()
	p.has("a-00001.parquet", `{"n":1}`, `{"n":2}`)
	if columns := columnsOf(t, p.file("a-00001.parquet")); len(columns) != 12 {
		t.Errorf("columns %q", columns)
	}
}

// TestNewColumns: a new column begins a new file, and a run that goes on knows the columns.
func TestNewColumns(t *testing.T) {
	c := Config{Path: "{stream}.parquet"}
	p := newPlace(t, c)
	p.write("a", `{"id":1,"":2,"A b":3,"a B":4,"ID":5}`)
	p.write("a", `{"id":2,"b":null}`)
	p.commit()
	p.write("a", `{"id":3}`, `{"b":"x","id":4}`)
	p.commit()
	p.write("a", `{"c":1}`)
	p.sink.Abandon()
	p.open(c, sdk.Start{Run: "r1", Resume: true})
	p.write("a", `{"b":true,"id":6}`)
	b := batch("a", `{"id":1}`)
	b.Op = sdk.Delete
	p.ok(p.sink.Write(t.Context(), b))
	p.end()
	p.files("a-00001.parquet", "a-00002.parquet", "a-00003.parquet")
	p.has("a-00001.parquet", `{"id":1,"":2,"A b":3,"a B":4,"ID":5}`, `{"id":2}`)
	p.has("a-00002.parquet", `{"id":3}`, `{"id":4,"b":"x"}`, `{"id":6,"b":true}`)
	p.has("a-00003.parquet", `{"_op":"delete","id":1}`)
}

// TestNewColumnsOtherwise: what there is beside a new file.
func TestNewColumnsOtherwise(t *testing.T) {
	for _, how := range []string{"ignore", "reject", "fail"} {
		t.Run(how, func(t *testing.T) {
			p := newPlace(t, Config{Path: "{stream}.parquet", Changes: Changes{how}})
			p.write("a", `{"id":1}`, `{"id":2,"x":3}`)
			err := p.sink.Write(t.Context(), batch("a", `{"id":5,"y":1}`, `{"id":6}`))
			var rejects sdk.Rejects
			switch {
			case how == "ignore":
				p.ok(err)
				p.end()
				p.has("a-00001.parquet", `{"id":1}`, `{"id":2,"x":3}`, `{"id":5}`, `{"id":6}`)
			case how == "reject":
				if !errors.As(err, &rejects) || len(rejects) != 1 || !strings.Contains(rejects[0].Reason, "/y") {
					t.Fatalf("got %v", err)
				}
				p.end()
				p.has("a-00001.parquet", `{"id":1}`, `{"id":2,"x":3}`, `{"id":6}`)
			case err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "/y"):
				t.Fatalf("got %v", err)
			}
		})
	}
}

// TestChangedSchema: a run that goes on after its stream's schema has changed begins a new file.
func TestChangedSchema(t *testing.T) {
	c := Config{Path: "{stream}.parquet"}
	stream := func(kind string) sdk.Stream {
		return sdk.Stream{Name: "a", Schema: []byte(`{"properties":{"id":{"type":"` + kind + `"}}}`)}
	}
	p := newPlace(t, c, stream("integer"))
	p.write("a", `{"id":1}`)
	p.commit()
	p.ok(p.sink.Close())
	p.open(c, sdk.Start{Run: "r1", Resume: true, Streams: []sdk.Stream{stream("string")}})
	p.write("a", `{"id":"x"}`)
	p.end()
	p.has("a-00001.parquet", `{"id":1}`)
	p.has("a-00002.parquet", `{"id":"x"}`)
}

// TestRuns: a run adds files, one in the mode overwrite replaces them at its end, a full one removes
// them, and none touches those of others.
func TestRuns(t *testing.T) {
	for _, mode := range []string{"append", "overwrite"} {
		t.Run(mode, func(t *testing.T) {
			c := Config{Path: "{stream}.parquet", Mode: mode}
			p := newPlace(t, c)
			run := func(id string, full bool, records ...string) {
				p.ok(p.sink.Close())
				p.open(c, sdk.Start{Run: id, Full: full, Streams: []sdk.Stream{{Name: "a"}}})
				for _, r := range records {
					p.write("a", r)
				}
				p.end()
			}
			run("r1", false, `{"id":1}`, `{"new":1}`)
			p.files("a-00001.parquet", "a-00002.parquet")
			run("r2", false, `{"id":2}`)
			if mode == "append" {
				p.files("a-00001.parquet", "a-00002.parquet", "a-00003.parquet")
				p.has("a-00001.parquet", `{"id":1}`)
				p.has("a-00003.parquet", `{"id":2}`)
			} else {
				p.files("a-00001.parquet")
				p.has("a-00001.parquet", `{"id":2}`)
			}
			run("r3", true, `{"id":3}`)
			p.files("a-00001.parquet")
			p.has("a-00001.parquet", `{"id":3}`)
			p.ok(os.WriteFile(p.file("a-00001.parquet"), []byte("of somebody else"), 0o644))
			s, err := New(Config{Path: p.file(c.Path), Mode: mode})
			p.ok(err)
			p.ok(p.sink.Close())
			err = s.Open(t.Context(), sdk.Start{Run: "r4", Full: true, Dir: p.private, Token: p.token})
			if err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "a-00001.parquet") {
				t.Errorf("got %v, want the file of somebody else named", err)
			}
		})
	}
}

// TestForeignFile: a file that somebody else makes while the run goes on is not replaced.
func TestForeignFile(t *testing.T) {
	p := newPlace(t, Config{Path: "{stream}.parquet"})
	p.write("a", `{"id":1}`)
	p.commit()
	p.ok(os.WriteFile(p.file("a-00001.parquet"), []byte("of somebody else"), 0o644))
	if err := p.sink.Finish(t.Context(), sdk.End{}); err == nil || !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "a-00001.parquet") {
		t.Errorf("got %v", err)
	}
	if raw, err := os.ReadFile(p.file("a-00001.parquet")); err != nil || string(raw) != "of somebody else" {
		t.Errorf("it holds %q (%v)", raw, err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		says   string
	}{
		{Config{Path: "out/{steam}.parquet"}, "{steam}"},
		{Config{Path: "a", Changes: Changes{"drop"}}, "ignore"},
		{Config{Path: "a", Mode: "replace"}, "overwrite"},
		{Config{Path: "a", RotateSize: "big"}, "512MiB"},
	} {
		if _, err := New(c.config); err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want a permanent error with %q", c.config, err, c.says)
		}
	}
	s, err := New(Config{Path: "a.parquet"})
	if err == nil {
		err = s.Open(t.Context(), sdk.Start{Run: "r1", Streams: []sdk.Stream{{Name: "a"}, {Name: "b"}}})
	}
	if err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "{stream}") {
		t.Errorf("two streams in one file: %v", err)
	}
}
