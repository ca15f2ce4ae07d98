// Coming back to a token where users have their hands in the folder.

package filesink

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
)

var day = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// place is an output folder and the sink that is open on it.
type place struct {
	*testing.T
	dir    string
	config Options
	sink   *sink
}

func newPlace(t *testing.T, c Options) *place {
	t.Helper()
	t.Parallel()
	return &place{T: t, dir: t.TempDir(), config: c}
}

func (p *place) file(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

// tryOpen opens the sink anew; what was open before is as if killed.
func (p *place) tryOpen(s sdk.Start) error {
	p.Helper()
	c := p.config
	c.Path = filepath.Join(p.dir, filepath.FromSlash(c.Path))
	p.kill()
	sink, err := newSink(c)
	if err != nil {
		p.Fatal(err)
	}
	// A process that another test starts holds our files, and so their locks, until it is another
	// program.
	sink.patience = time.Second
	p.sink = sink
	p.Cleanup(func() { sink.Abandon() })
	if s.Started.IsZero() {
		s.Started = day
	}
	return sink.Open(p.Context(), s)
}

// kill leaves the sink as a kill would.
func (p *place) kill() {
	if p.sink != nil {
		p.sink.Abandon()
	}
}

func (p *place) open(s sdk.Start) {
	p.Helper()
	if err := p.tryOpen(s); err != nil {
		p.Fatal(err)
	}
}

// refuses expects an error of Open that is permanent and says all of these.
func (p *place) refuses(s sdk.Start, words ...string) {
	p.Helper()
	err := p.tryOpen(s)
	if err == nil || !sdk.IsPermanent(err) {
		p.Fatalf("got %v, want a permanent error", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			p.Errorf("%q does not say %q", err, w)
		}
	}
}

func (p *place) write(stream string, lines ...string) {
	p.Helper()
	if err := p.sink.Write(p.Context(), batch(stream, lines...)); err != nil {
		p.Fatal(err)
	}
}

func batch(stream string, lines ...string) sdk.Batch {
	return sdk.Batch{Stream: stream, Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
}

func (p *place) commit() sdk.Token {
	p.Helper()
	token, err := p.sink.Commit(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	return token
}

func (p *place) put(name, text string) {
	p.Helper()
	if err := os.MkdirAll(filepath.Dir(p.file(name)), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(p.file(name), []byte(text), 0o644); err != nil {
		p.Fatal(err)
	}
}

// has checks the whole text of a file; "-" is: there is none.
func (p *place) has(name, want string) {
	p.Helper()
	got, err := os.ReadFile(p.file(name))
	if os.IsNotExist(err) {
		got, err = []byte("-"), nil
	}
	if err != nil || string(got) != want {
		p.Errorf("%s holds %q, want %q (%v)", name, got, want, err)
	}
}

func (p *place) ok(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func TestUsersFile(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.put("a.jsonl", "users\n")
	p.put("b.jsonl", "no end of line")
	first := sdk.Start{Run: "r1"}
	for range 2 {
		p.open(first)
		p.has("a.jsonl", "users\n")
		p.has("b.jsonl", "no end of line")
		p.write("a", "1")
		p.write("b", "1")
	}
	p.open(first)
	p.write("a", "2")
	p.write("b", "2")
	token := p.commit()
	p.has("a.jsonl", "users\n2\n")
	p.has("b.jsonl", "no end of line\n2\n")
	p.write("a", "3")
	p.open(sdk.Start{Run: "r1", Token: token, Resume: true})
	p.has("a.jsonl", "users\n2\n")
	p.open(sdk.Start{Run: "r2", Token: token, Full: true})
	p.has("a.jsonl", "users\n")
	p.has("b.jsonl", "no end of line")
	p.write("a", "4")
	p.open(sdk.Start{Run: "r2", Token: token, Full: true})
	p.has("a.jsonl", "users\n")
}

func TestUsersFileBesideNumbers(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl", RotateSize: "4"})
	p.put("a-00001.jsonl", "users\n")
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	p.write("a", "2")
	p.write("a", "3")
	token := p.commit()
	p.has("a-00001.jsonl", "users\n")
	p.has("a-00002.jsonl", "1\n2\n")
	p.has("a-00003.jsonl", "3\n")
	p.open(sdk.Start{Run: "r2", Token: token})
	p.write("a", "4")
	p.write("a", "5")
	p.commit()
	p.has("a-00003.jsonl", "3\n4\n")
	p.has("a-00004.jsonl", "5\n")
}

func TestOverwriteReplacesWhatWasThere(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl", Mode: "overwrite"})
	p.put("a.jsonl", "users\n")
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	p.write("b", "1")
	token := p.commit()
	p.has("a.jsonl", "1\n")
	p.open(sdk.Start{Run: "r2", Token: token})
	p.write("a", "2")
	token = p.commit()
	p.has("a.jsonl", "2\n")
	p.has("b.jsonl", "-") // of a stream that does not come any more
	p.write("a", "3")
	p.open(sdk.Start{Run: "r2", Token: token, Resume: true})
	p.has("a.jsonl", "2\n")
}

// TestMovedAway: who uses a finished run's files may take them away; the next run begins anew, and
// comes back to that.
func TestMovedAway(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	p.write("b", "1")
	token := p.commit()
	p.ok(os.Remove(p.file("a.jsonl")))
	next := sdk.Start{Run: "r2", Token: token}
	for range 2 {
		p.open(next)
		p.has("a.jsonl", "-")
		p.write("a", "longer than what was there") // uncommitted, and longer than the token says
		p.write("b", "2")
	}
	p.open(next)
	p.write("a", "2")
	next.Token, next.Resume = p.commit(), true
	p.has("a.jsonl", "2\n")
	p.has("b.jsonl", "1\n") // not written by r2 yet
	p.ok(os.Remove(p.file("b.jsonl")))
	p.open(next)
	p.write("b", "3")
	p.open(next)
	p.has("b.jsonl", "-")
	p.has("a.jsonl", "2\n")
	// An unfinished run's own file must not be missing, nor shorter.
	p.ok(os.Truncate(p.file("a.jsonl"), 1))
	p.refuses(next, p.file("a.jsonl"), "1 bytes", "2 were committed")
	p.ok(os.Remove(p.file("a.jsonl")))
	p.refuses(next, p.file("a.jsonl"), "gone", "full run")
	p.open(sdk.Start{Run: "r3", Token: next.Token, Full: true}) // which is the way out
}

func TestEmptiedByUser(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	token := p.commit()
	p.ok(os.Truncate(p.file("a.jsonl"), 0))
	p.open(sdk.Start{Run: "r2", Token: token})
	p.write("a", "2")
	p.commit()
	p.has("a.jsonl", "2\n")
}

func TestMovedFolder(t *testing.T) {
	p := newPlace(t, Options{Path: "out/{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	token := p.commit()
	p.write("a", "2")
	moved := t.TempDir()
	p.ok(os.Rename(p.file("out"), filepath.Join(moved, "out")))
	p.refuses(sdk.Start{Run: "r1", Token: token, Resume: true}, p.file("out"), "put back")
	p.dir = moved
	p.open(sdk.Start{Run: "r1", Token: token, Resume: true})
	p.has("out/a.jsonl", "1\n")
}

// TestOtherFolder: files of the same names in another folder are not ours to cut.
func TestOtherFolder(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	token := p.commit()
	p.dir = t.TempDir()
	p.put("a.jsonl", "users, and long\n")
	p.refuses(sdk.Start{Run: "r1", Token: token, Resume: true})
	p.has("a.jsonl", "users, and long\n")
	for _, s := range []sdk.Start{{Run: "r2", Token: token}, {Run: "r3", Token: token, Full: true}} {
		p.open(s)
		p.has("a.jsonl", "users, and long\n")
	}
	p.write("a", "2")
	p.commit()
	p.has("a.jsonl", "users, and long\n2\n")
}

// TestStateReset: without a token, what a token was handed out for is the user's, and what was not
// is a leftover.
func TestStateReset(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	p.commit()
	p.write("b", "1")
	p.open(sdk.Start{Run: "r2"})
	p.has("a.jsonl", "1\n")
	p.has("b.jsonl", "-")
	p.write("a", "2")
	p.commit()
	p.has("a.jsonl", "1\n2\n")
}

func TestDateAndRun(t *testing.T) {
	p := newPlace(t, Options{Path: "{date}/{run}/{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1", Started: day})
	p.write("a", "1")
	token := p.commit()
	p.write("a", "2")
	// The next day: the earlier file is brought back, and never touched again.
	next := sdk.Start{Run: "r/2", Started: day.AddDate(0, 0, 1), Token: token}
	p.open(next)
	p.has("2026-03-01/r1/a.jsonl", "1\n")
	p.write("a", "2")
	token = p.commit()
	p.has("2026-03-02/r%2F2/a.jsonl", "2\n")
	if strings.Contains(string(token), "2026-03-01") {
		t.Errorf("the token grows with every day: %s", token)
	}
	p.put("2026-03-02/r%2F2/a.jsonl", "")
	p.open(sdk.Start{Run: "r3", Started: day.AddDate(0, 0, 2), Token: token, Full: true})
	p.has("2026-03-01/r1/a.jsonl", "1\n")
	p.has("2026-03-02/r%2F2/a.jsonl", "")
}

func TestChangedCompression(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	token := p.commit()
	p.config.Compression = "gzip"
	p.refuses(sdk.Start{Run: "r2", Token: token}, "compression none", "gzip")
	p.open(sdk.Start{Run: "r2", Token: token, Full: true})
	p.write("a", "2")
	p.commit()
}

// TestEveryCommitIsAWholeFile cuts a copy of the file at each token.
func TestEveryCommitIsAWholeFile(t *testing.T) {
	for _, ext := range []string{"", ".gz", ".zst"} {
		t.Run("jsonl"+ext, func(t *testing.T) {
			p := newPlace(t, Options{Path: "{stream}.jsonl" + ext})
			p.open(sdk.Start{Run: "r1"})
			for n := 1; n <= 5; n++ {
				p.write("a", strings.Repeat("x", n*1000))
				token, err := decodeToken(p.commit())
				p.ok(err)
				raw, err := os.ReadFile(p.file("a.jsonl" + ext))
				p.ok(err)
				cut := filepath.Join(t.TempDir(), "cut.jsonl"+ext)
				p.ok(os.WriteFile(cut, raw[:token.Files[0].Size], 0o644))
				if got := filesinktest.Lines(t, cut, false); len(got) != n || len(got[n-1]) != n*1000 {
					t.Errorf("after commit %d: %d records", n, len(got))
				}
			}
		})
	}
}

// TestCrashWithin ends Open and begin half-way, where a kill could.
func TestCrashWithin(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.put("b.jsonl", "users\n")
	start := sdk.Start{Run: "r1", Started: day}
	p.open(start)
	p.write("a", "1")
	start.Token, start.Resume = p.commit(), true
	p.write("a", "2")
	p.write("b", "2")
	p.write("c", "2")

	// Open is killed after it has brought the files back, and before it clears the journal.
	p.kill()
	j, err := openJournal(t.Context(), "test", p.sink.template, 0)
	p.ok(err)
	token, err := decodeToken(start.Token)
	p.ok(err)
	r := &restore{sink: p.sink.Files, start: start, names: p.sink.template.names(start), touched: map[string]bool{}}
	p.ok(r.all(token.Files, j.begun))
	p.ok(j.close())
	p.has("b.jsonl", "users\n")

	p.open(start)
	p.has("a.jsonl", "1\n")
	p.has("b.jsonl", "users\n")
	p.has("c.jsonl", "-")

	// begin is killed after its line in the journal, and before the file is made.
	p.ok(p.sink.journal.begin(&file{Series: "d.jsonl", New: true, Run: "r1"}, false))
	p.open(start)
	p.has("a.jsonl", "1\n")

	// … and within the line.
	p.write("e", "1")
	journal := p.sink.journal.path
	raw, err := os.ReadFile(journal)
	p.ok(err)
	p.ok(os.WriteFile(journal, append(raw, `{"file":{"series":"b.jso`...), 0o644))
	p.open(start)
	p.has("e.jsonl", "-")
	p.has("b.jsonl", "users\n")
	p.write("e", "2")
	p.commit()
	p.has("e.jsonl", "2\n")

	// A journal that is damaged says so.
	p.ok(os.WriteFile(journal, []byte("{\"mark\":\"x\"}\nnonsense\n"), 0o644))
	p.refuses(start, journal+":2", "damaged")
}

// TestCrashWithinFirstJournal: a first line that has no end speaks of nothing.
func TestCrashWithinFirstJournal(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.ok(os.WriteFile(p.sink.journal.path, []byte(`{"about":"scra`), 0o644))
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	token := p.commit()
	p.write("a", "2")
	p.open(sdk.Start{Run: "r1", Token: token, Resume: true})
	p.has("a.jsonl", "1\n")
}

func TestFolderInPlaceOfFile(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.ok(os.Mkdir(p.file("a.jsonl"), 0o755))
	p.open(sdk.Start{Run: "r1"})
	err := p.sink.Write(context.Background(), batch("a", "1"))
	if err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), p.file("a.jsonl")) {
		t.Errorf("got %v", err)
	}
}

// TestLostTokenThenFull: what the lost token stood for was never the user's.
func TestLostTokenThenFull(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	p.commit() // and the host is killed before it keeps the token
	p.open(sdk.Start{Run: "r2", Full: true})
	p.has("a.jsonl", "-")
}

// TestPlaceTakenByUser: a leftover is taken away once. What the user puts in its place stays.
func TestPlaceTakenByUser(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	p.open(sdk.Start{Run: "r1"})
	p.has("a.jsonl", "-")
	p.put("a.jsonl", "users\n")
	p.open(sdk.Start{Run: "r1"})
	p.has("a.jsonl", "users\n")
}

// TestContinuedFileGone: a file of an earlier run that this one has written to is this one's.
func TestContinuedFileGone(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	token := p.commit()
	p.open(sdk.Start{Run: "r2", Token: token})
	p.write("a", "2")
	token = p.commit()
	p.ok(os.Remove(p.file("a.jsonl")))
	p.refuses(sdk.Start{Run: "r2", Token: token, Resume: true}, "gone")
}
