// What goes into the files.

package csv

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
)

// place is an output folder, and the sink that is open on it.
type place struct {
	*testing.T
	dir  string
	sink *Sink
}

// newPlace has a sink open with these settings, whose path is below a folder of its own.
func newPlace(t *testing.T, c Config, streams ...sdk.Stream) *place {
	t.Helper()
	t.Parallel()
	return newLonePlace(t, c, streams...)
}

// newLonePlace is newPlace for a test that no other runs beside.
func newLonePlace(t *testing.T, c Config, streams ...sdk.Stream) *place {
	t.Helper()
	p := &place{T: t, dir: t.TempDir()}
	p.open(c, sdk.Start{Run: "r1", Streams: streams})
	t.Cleanup(func() { p.ok(p.sink.Close()) })
	return p
}

func (p *place) open(c Config, start sdk.Start) {
	p.Helper()
	c.Path = p.file(c.Path)
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

func (p *place) commit() sdk.Token {
	p.Helper()
	token, err := p.sink.Commit(p.Context())
	p.ok(err)
	return token
}

// has expects a file with these lines.
func (p *place) has(name string, lines ...string) {
	p.Helper()
	want := strings.Join(lines, "\r\n") + "\r\n"
	if got := filesinktest.Text(p.T, p.file(name), false); got != want {
		p.Errorf("%s holds %q, want %q", name, got, want)
	}
}

// hasNo expects that there is no such file.
func (p *place) hasNo(name string) {
	p.Helper()
	if _, err := os.Stat(p.file(name)); !errors.Is(err, os.ErrNotExist) {
		p.Errorf("%s: %v", name, err)
	}
}

func TestValues(t *testing.T) {
	p := newPlace(t, Config{Path: "{stream}.csv"})
	p.write("a",
		`{"v":1.50,"b":true}`, `{"v":1e400,"b":false}`, `{"v":12345678901234567890123}`,
		`{"v":null}`, `{"v":""}`, `{"v":"plain"}`, `{"v":"a,b"}`, `{"v":"say \"hi\""}`, `{"v":"two\nlines"}`,
		`{"v":"\u00e9\ud83d\ude00\u0000"}`, `{"v":" led"}`, `{"v":"trailed\t"}`, `{"v":"\\."}`, `{"v":"=1+1"}`,
		`{"v":{"x": [1, "ä,"]}}`, `{"v":[]}`, `{}`, `{"b":true,"v":-1}`)
	p.commit()
	p.has("a.csv", "v,b", "1.50,true", "1e400,false", "12345678901234567890123,", ",", `"",`, "plain,", `"a,b",`,
		`"say ""hi""",`, "\"two\nlines\",", "é😀\x00,", `" led",`, "\"trailed\t\",", `"\.",`, "=1+1,",
		`"{""x"": [1, ""ä,""]}",`, "[],", ",", "-1,true")
}

func TestNull(t *testing.T) {
	p := newPlace(t, Config{Path: "{stream}.csv", Null: "NULL"})
	p.write("a", `{"a":null,"b":"NULL"}`, `{"a":"","b":"null"}`)
	p.commit()
	p.has("a.csv", "a,b", `NULL,"NULL"`, ",null")
}

func TestFormulas(t *testing.T) {
	p := newPlace(t, Config{Path: "{stream}.csv", GuardFormulas: true})
	p.write("a", `{"a":"=1+1","=b":"@x"}`, `{"a":-1,"=b":"-1"}`, `{"a":"+1","=b":"\t"}`, `{"a":"a=","=b":["=1"]}`)
	p.commit()
	p.has("a.csv", `a,'=b`, `'=1+1,'@x`, `-1,'-1`, "'+1,\"'\t\"", `a=,"[""=1""]"`)
	p.write("a", `{"=b":1}`)
	p.commit()
	p.hasNo("a-00001.csv")
}

func TestColumnsOfTheSchema(t *testing.T) {
	p := newPlace(t, Config{Path: "{stream}.csv"},
		sdk.Stream{Name: "a", Schema: []byte(`{"type":"object","properties":{"z":{},"a":{"properties":{"no":{}}}}}`)},
		sdk.Stream{Name: "b", Schema: []byte(`{"$ref":"#/$defs/B","$defs":{"B":{"properties":{"id":{}}}}}`)})
	p.write("a", `{"a":1,"m":2}`)
	p.write("b", `{"x":1}`)
	p.commit()
	p.has("a.csv", "z,a,m", ",1,2")
	p.has("b.csv", "id,x", ",1")
}

// TestNewColumns: a new column begins a new file, and a run that goes on knows the columns.
func TestNewColumns(t *testing.T) {
	for _, ext := range []string{"", ".gz", ".zst"} {
		t.Run("csv"+ext, func(t *testing.T) {
			c := Config{Path: "{stream}.csv" + ext}
			p := newPlace(t, c)
			p.write("a", `{"id":1}`)
			p.write("a", `{"id":2,"b":null}`)
			p.write("a", `{"id":3}`, `{"b":"x","id":4}`)
			p.has2(ext, "id,b", "3,", "4,x")
			p.write("a", `{"id":5}`)
			token := p.commit()
			p.write("a", `{"c":1}`)
			p.sink.Abandon()
			p.open(c, sdk.Start{Run: "r1", Token: token, Resume: true})
			p.write("a", `{"b":true,"id":6}`)
			p.commit()
			p.has("a.csv"+ext, "id", "1", "2")
			p.has("a-00001.csv"+ext, "id,b", "3,", "4,x", "5,", "6,true")
			p.hasNo("a-00002.csv" + ext)
			p.write("a", `{"c":1}`)
			p.commit()
			p.has("a-00002.csv"+ext, "id,b,c", ",,1")
		})
	}
}

// has2 looks at the second file where it can be looked at: a compressed one waits for the commit.
func (p *place) has2(ext string, lines ...string) {
	p.Helper()
	if ext == "" {
		p.has("a-00001.csv", lines...)
	}
}

// TestNewColumnsOtherwise: what there is beside a new file.
func TestNewColumnsOtherwise(t *testing.T) {
	for _, how := range []string{"ignore", "reject", "fail"} {
		t.Run(how, func(t *testing.T) {
			c := Config{Path: "{stream}.csv", RotateSize: "1B", Changes: Changes{how}}
			p := newPlace(t, c)
			p.write("a", `{"id":1}`, `{"id":2,"x":3}`)
			p.write("a", `{"id":4,"x":null,"z":null}`)
			err := p.sink.Write(t.Context(), batch("a", `{"id":5,"y":1}`, `{"id":6}`))
			var rejects sdk.Rejects
			switch {
			case how == "ignore":
				p.ok(err)
				p.commit()
				p.has("a-00003.csv", "id,x", "5,", "6,")
			case how == "reject":
				if !errors.As(err, &rejects) || len(rejects) != 1 || string(rejects[0].Record) != `{"id":5,"y":1}` ||
					!strings.Contains(rejects[0].Reason, "/y") {
					t.Fatalf("got %v", err)
				}
				p.commit()
				p.has("a-00003.csv", "id,x", "6,")
			case err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "/y"):
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestOneFileOfTwoStreams(t *testing.T) {
	p := newPlace(t, Config{Path: "all.csv.gz"})
	p.write("one", `{"a":1}`)
	p.write("two", `{"b":2}`)
	p.write("one", `{"a":3}`)
	p.write("two", `{"b":4}`)
	p.commit()
	p.has("all.csv.gz", "a", "1")
	p.has("all-00001.csv.gz", "a,b", ",2", "3,", ",4")
}

// TestFilesOfOthers: what is there is added to if it has the columns, and else left alone.
func TestFilesOfOthers(t *testing.T) {
	c := Config{Path: "{stream}.csv"}
	p := newPlace(t, c)
	for name, text := range map[string]string{"a.csv": "\ufeffb,id\r\nx,0\r\n", "b.csv": "id\r\n0\r\n",
		"c.csv": "no\"names", "d.csv": "id,id\r\n", "e.csv": ""} {
		p.ok(os.WriteFile(p.file(name), []byte(text), 0o644))
	}
	for _, stream := range []string{"a", "b", "c", "d", "e"} {
		p.write(stream, `{"id":1,"b":2}`)
	}
	p.commit()
	p.has("a.csv", "\ufeffb,id", "x,0", "2,1")
	p.has("b.csv", "id", "0")
	p.has("b-00001.csv", "id,b", "1,2")
	p.has("c-00001.csv", "id,b", "1,2")
	p.has("d-00001.csv", "id,b", "1,2")
	p.has("e.csv", "id,b", "1,2")
}

func TestDeletions(t *testing.T) {
	p := newPlace(t, Config{Path: "{stream}.csv", Changes: Changes{"ignore"}},
		sdk.Stream{Name: "a", Schema: []byte(`{"properties":{"id":{}}}`)})
	p.write("a", `{"id":1}`)
	b := batch("a", `{"id":1}`)
	b.Op = sdk.Delete
	p.ok(p.sink.Write(t.Context(), b))
	p.write("a", `{"id":2}`)
	p.commit()
	p.has("a.csv", "id", "1")
	p.has("a-00001.csv", "id,_op", "1,delete", "2,")
}

// TestRejects: what cannot be written is rejected by itself, and leaves no column behind.
func TestRejects(t *testing.T) {
	p := newPlace(t, Config{Path: "{stream}.csv"})
	for record, why := range map[string]string{
		"{\"x\":1,\"id\":\"\xff\"}": "UTF-8",
		`{"y":"\ud800"}`:            "surrogate",
		`[1]`:                       "no JSON object",
		`1`:                         "no JSON object",
		`{"id":1,"id":2}`:           "twice: /id",
		`{"_op":1}`:                 "reserved",
		`{"\u005fop":1}`:            "reserved",
		`{"id":`:                    "EOF",
		`{} {}`:                     "more than one",
		`{}`:                        "no field",
	} {
		err := p.sink.Write(t.Context(), batch("a", record))
		var rejects sdk.Rejects
		if !errors.As(err, &rejects) || len(rejects) != 1 || string(rejects[0].Record) != record ||
			!strings.Contains(rejects[0].Reason, why) {
			t.Errorf("%s: %v, want it rejected with %q", record, err, why)
		}
	}
	p.hasNo("a.csv")
	var rejects sdk.Rejects
	if err := p.sink.Write(t.Context(), batch("a", `{"id":1}`, `{"z":1,"id":[}`, `{"id":2}`)); !errors.As(err,
		&rejects) {
		t.Fatalf("got %v", err)
	}
	p.commit()
	p.has("a.csv", "id", "1", "2")
}

// TestManyStreams: ten thousand streams at once take neither files nor memory. In CI there are
// fewer; SCRAPEKIT_STREAMS=10000 has all.
func TestManyStreams(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc/self/fd here")
	}
	streams := 300
	if text := os.Getenv("SCRAPEKIT_STREAMS"); text != "" {
		streams, _ = strconv.Atoi(text)
	}
	p := newLonePlace(t, Config{Path: "{stream}.csv.zst"})
	before := memory()
	for round := range 2 {
		for i := range streams {
			p.write(fmt.Sprint("s", i), fmt.Sprintf(`{"id":%d,"a":1,"b":2,"c":3}`, round))
		}
	}
	open, err := os.ReadDir("/proc/self/fd")
	p.ok(err)
	if len(open) > 100 {
		t.Errorf("%d files are open", len(open))
	}
	grown := memory() - before
	t.Logf("%d streams: %d files open, %d KiB", streams, len(open), grown>>10)
	if grown > int64(100<<20+streams*8<<10) {
		t.Errorf("%d streams take %d bytes", streams, grown)
	}
	p.commit()
	for _, i := range []int{0, streams - 1} {
		p.has(fmt.Sprintf("s%d.csv.zst", i), "id,a,b,c", "0,1,2,3", "1,1,2,3")
	}
}

func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		says   string
	}{
		{Config{Path: "out/{steam}.csv"}, "{steam}"},
		{Config{Path: "-"}, "standard output"},
		{Config{Path: "a", Null: "a,b"}, "comma"},
		{Config{Path: "a", Changes: Changes{"drop"}}, "ignore"},
		{Config{Path: "a", Mode: "replace"}, "overwrite"},
	} {
		if _, err := New(c.config); err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want a permanent error with %q", c.config, err, c.says)
		}
	}
}

// FuzzTexts: the standard library reads the texts that were given.
func FuzzTexts(f *testing.F) {
	f.Add("a", "b\"", "\n", ",")
	f.Add("", " ", "\u00e9", `\N`)
	f.Fuzz(func(t *testing.T, a, b, x, y string) {
		if a == b || a == deleted || b == deleted {
			return
		}
		s := &Sink{row: rowWriter{null: null}, reader: newReader()}
		table := &table{stream: "s", index: map[string]int{}}
		raw, err := json.Marshal(map[string]string{a: x, b: y})
		if err != nil {
			t.Fatal(err)
		}
		rejects, err := s.reader.read(table, batch("s", string(raw)), "add")
		if len(rejects) > 0 || err != nil {
			var back map[string]string
			if json.Unmarshal(raw, &back) == nil && len(back) == 2 {
				t.Fatalf("%s: %v %v", raw, rejects, err)
			}
			return
		}
		table.use(table.names)
		out := s.row.rows(s.row.head(nil, table.names), table, &s.reader)
		rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q: %q (%v)", out, rows, err)
		}
		var want map[string]string
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		asRead := strings.NewReplacer("\r\n", "\n").Replace // as the reader makes of line ends
		for i := range 2 {
			if got := rows[1][i]; got != asRead(want[table.names[i]]) || rows[0][i] != asRead(table.names[i]) {
				t.Errorf("%q is read as %q, want %q", out, rows, want)
			}
		}
	})
}
