package deadletter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

func letter(reason, record string) pipeline.Letter {
	return pipeline.Letter{Stage: "sink x", Stream: "s", Split: "p", Reason: reason, Record: []byte(record)}
}

func place(t *testing.T) (*File, string) {
	t.Helper()
	dir := t.TempDir()
	f := New(func(run string) string { return filepath.Join(dir, run) })
	t.Cleanup(func() { _ = f.Close() })
	return f, filepath.Join(dir, "r1", fileName(0))
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, f *File, letters ...pipeline.Letter) {
	t.Helper()
	for _, l := range letters {
		ok(t, f.Add(l))
	}
}

// read returns the letters in the file; none if it is not there.
func read(t *testing.T, path string) []line {
	t.Helper()
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	ok(t, err)
	var out []line
	for text := range strings.Lines(string(raw)) {
		var l line
		ok(t, json.Unmarshal([]byte(text), &l))
		out = append(out, l)
	}
	return out
}

func TestLettersComeBackToTheirToken(t *testing.T) {
	t.Parallel()
	f, path := place(t)
	ok(t, f.Open("r1", 0, nil))
	empty, err := f.Commit()
	ok(t, err)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("a run without a dead letter has a file of them")
	}
	add(t, f, letter("bad", `{"id":1}`), letter("worse", `{"id":2}`))
	token, err := f.Commit()
	ok(t, err)
	add(t, f, letter("late", `{"id":3}`))
	_, err = f.Commit() // durable, but its token is lost
	ok(t, err)
	ok(t, f.Open("r1", 0, token))
	add(t, f, letter("again", `{"id":3}`))
	_, err = f.Commit()
	ok(t, err)
	got := read(t, path)
	if len(got) != 3 || got[1].Reason != "worse" || got[2].Reason != "again" {
		t.Errorf("%+v", got)
	}
	if l := got[0]; l.Stage != "sink x" || l.Stream != "s" || l.Split != "p" || string(l.Record) != `{"id":1}` {
		t.Errorf("%+v", l)
	}
	ok(t, f.Open("r1", 0, empty))
	if got := read(t, path); len(got) != 0 {
		t.Errorf("%d letters after going back to the beginning", len(got))
	}
}

// Seats have files of their own: one that goes back takes nothing from another.
func TestSeatsAreApart(t *testing.T) {
	t.Parallel()
	f, path := place(t)
	ok(t, f.Open("r1", 0, nil))
	add(t, f, letter("one", "{}"))
	_, err := f.Commit()
	ok(t, err)
	ok(t, f.Open("r1", 2, nil))
	add(t, f, letter("two", "{}"))
	_, err = f.Commit()
	ok(t, err)
	for file, want := range map[string]string{path: "one",
		filepath.Join(filepath.Dir(path), "rejects-2.jsonl"): "two"} {
		if got := read(t, file); len(got) != 1 || got[0].Reason != want {
			t.Errorf("%s holds %+v, want %s", file, got, want)
		}
	}
}

// A record that is no JSON is kept byte for byte all the same.
func TestAnyRecordIsKept(t *testing.T) {
	t.Parallel()
	f, path := place(t)
	ok(t, f.Open("r1", 0, nil))
	records := []string{"{", "\xff\x00", "", "null", "\"\xff\""}
	for _, r := range records {
		add(t, f, letter("odd", r))
	}
	_, err := f.Commit()
	ok(t, err)
	for i, l := range read(t, path) {
		got := string(l.Bytes)
		if l.Bytes == nil {
			got = string(l.Record)
		}
		if got != records[i] {
			t.Errorf("record %q came back as %q", records[i], got)
		}
	}
}

func TestLostLettersAreAnError(t *testing.T) {
	t.Parallel()
	f, path := place(t)
	ok(t, f.Open("r1", 0, nil))
	add(t, f, letter("bad", `{"id":1}`))
	token, err := f.Commit()
	ok(t, err)
	ok(t, f.Close())
	ok(t, os.Truncate(path, 3))
	if err := f.Open("r1", 0, token); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), path) {
		t.Errorf("cut: %v", err)
	}
	ok(t, os.Remove(path))
	if err := f.Open("r1", 0, token); err == nil {
		t.Error("a file that is gone was not missed")
	}
	if err := f.Open("r1", 0, sdk.Token("x")); !sdk.IsPermanent(err) {
		t.Errorf("token x: %v", err)
	}
}
