// What goes into the files.

package jsonl

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
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

func newPlace(t *testing.T, path string) *place {
	t.Helper()
	t.Parallel()
	p := &place{T: t, dir: t.TempDir()}
	var err error
	if p.sink, err = New(Config{Path: p.file(path)}); err == nil {
		err = p.sink.Open(t.Context(), sdk.Start{Run: "r1"})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.sink.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *place) file(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(stream string, lines ...string) {
	p.Helper()
	if err := p.sink.Write(p.Context(), batch(stream, lines...)); err != nil {
		p.Fatal(err)
	}
}

func batch(stream string, lines ...string) sdk.Batch {
	return sdk.Batch{Stream: stream, Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
}

func (p *place) commit() {
	p.Helper()
	if _, err := p.sink.Commit(p.Context()); err != nil {
		p.Fatal(err)
	}
}

// has expects a file with this text.
func (p *place) has(name, text string) {
	p.Helper()
	if raw, err := os.ReadFile(p.file(name)); err != nil || string(raw) != text {
		p.Errorf("%s holds %q (%v), want %q", name, raw, err, text)
	}
}

func TestRecordsStayAsTheyAre(t *testing.T) {
	p := newPlace(t, "all.jsonl")
	odd := []string{`{"b" : 1.50, "a":1e400}`, `{"t":"\u00e9é\ud83d\ude00 "}`}
	p.write("one", odd...)
	p.write("two", `{"x":2}`) // another stream of the same file
	p.commit()
	p.has("all.jsonl", odd[0]+"\n"+odd[1]+"\n"+`{"x":2}`+"\n")
}

func TestDeletions(t *testing.T) {
	p := newPlace(t, "{stream}.jsonl")
	b := batch("a", `{"id":1}`, ` { "x" : "}" } `, `{}`, `[1]`)
	b.Op = sdk.Delete
	var rejects sdk.Rejects
	if err := p.sink.Write(t.Context(), b); !errors.As(err, &rejects) || len(rejects) != 2 ||
		string(rejects[0].Record) != "{}" || string(rejects[1].Record) != "[1]" {
		t.Fatalf("got %v, want the empty key and the one that is no object rejected", err)
	}
	p.commit()
	p.has("a.jsonl", `{"_op":"delete","id":1}`+"\n"+`{"_op":"delete","x" : "}" }`+"\n")
	for _, line := range filesinktest.Lines(t, p.file("a.jsonl"), false) {
		if !json.Valid([]byte(line)) {
			t.Errorf("%s is not JSON", line)
		}
	}
}

func TestInvalidUTF8(t *testing.T) {
	p := newPlace(t, "{stream}.jsonl")
	err := p.sink.Write(t.Context(), batch("a", "ä1", "ä\xff2", "3", "\xc3"))
	var rejects sdk.Rejects
	if !errors.As(err, &rejects) {
		t.Fatalf("got %v", err)
	}
	want := sdk.Rejects{
		{Stream: "a", Record: []byte("ä\xff2"), Reason: "invalid UTF-8: at byte 2"},
		{Stream: "a", Record: []byte("\xc3"), Reason: "invalid UTF-8: at byte 0"},
	}
	if !reflect.DeepEqual(rejects, want) {
		t.Errorf("rejects %+v, want %+v", rejects, want)
	}
	p.commit()
	p.has("a.jsonl", "ä1\n3\n")
	// All of a batch refused: no file is begun for nothing.
	if err := p.sink.Write(t.Context(), batch("b", "\xff")); !errors.As(err, &rejects) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(p.file("b.jsonl")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("b.jsonl: %v", err)
	}
}

func TestUnendedBatch(t *testing.T) {
	p := newPlace(t, "{stream}.jsonl")
	if err := p.sink.Write(t.Context(), sdk.Batch{Stream: "a", Count: 2, Payload: []byte("1\n2")}); err != nil {
		t.Fatal(err)
	}
	p.write("a", "3")
	p.commit()
	p.has("a.jsonl", "1\n2\n3\n")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		says   string
	}{
		{Config{Path: "out/{steam}.jsonl"}, "{steam}"},
		{Config{Path: "out/"}, "no file"},
		{Config{Path: ""}, "no file"},
		{Config{Path: "-"}, `sink "stdout"`},
		{Config{Path: "a", RotateSize: "big"}, "512MiB"},
		{Config{Path: "a", RotateSize: "-1"}, "512MiB"},
		{Config{Path: "a", Compression: "lzma"}, "zstd"},
		{Config{Path: "a", Mode: "replace"}, "overwrite"},
	} {
		if _, err := New(c.config); err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want a permanent error with %q", c.config, err, c.says)
		}
	}
}
