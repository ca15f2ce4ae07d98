package checkpoint_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// stateFile returns the bytes of a state file with a run in it.
func stateFile(f *testing.F) []byte {
	f.Helper()
	path := filepath.Join(f.TempDir(), "state.db")
	s, err := checkpoint.OpenSQLite(f.Context(), path)
	if err != nil {
		f.Fatal(err)
	}
	run, err := begin(f.Context(), s, checkpoint.Begin{ID: "r", Now: time.Now()})
	if err != nil {
		f.Fatal(err)
	}
	if err := plan(f.Context(), run, []sdk.Split{{ID: "a", Stream: "s", Data: []byte("{}")},
		{ID: "b", Stream: "s"}}); err != nil {
		f.Fatal(err)
	}
	split, err := claimFirst(f.Context(), run)
	if err != nil {
		f.Fatal(err)
	}
	if err := commit(f.Context(), run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: split.Epoch, Cursor: []byte("1"), Status: checkpoint.Open}},
		Tokens: map[string]sdk.Token{"sink": sdk.Token("t")},
	}); err != nil {
		f.Fatal(err)
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	return raw
}

// FuzzStateFile damages a state file. It is refused and left as it is, or works: never does it
// bring the host down.
func FuzzStateFile(f *testing.F) {
	whole := stateFile(f)
	f.Add(uint32(0), []byte("SQLite format 4"), uint32(0))
	f.Add(uint32(16), []byte{0xff, 0xff}, uint32(0))   // the size of a page
	f.Add(uint32(100), []byte{0, 0, 0, 0}, uint32(0))  // the first page's kind
	f.Add(uint32(4096), []byte{13, 0xff}, uint32(0))   // a table's free places
	f.Add(uint32(60), []byte{0, 0, 0, 99}, uint32(10)) // the version
	f.Add(uint32(0), []byte(nil), uint32(len(whole)-1))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, cut uint32) {
		raw := bytes.Clone(whole)
		copy(raw[int(at)%len(raw):], patch)
		raw = raw[:len(raw)-int(cut)%len(raw)]
		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := checkpoint.OpenSQLite(t.Context(), path)
		if err != nil {
			if left, readErr := os.ReadFile(path); readErr != nil || !bytes.Equal(left, raw) {
				t.Errorf("refused with %v, and changed (%v)", err, readErr)
			}
			return
		}
		use(t, s)
		if err := s.Close(); err != nil {
			t.Logf("close: %v", err)
		}
	})
}

// use does what a run does. What is damaged makes errors, which are fine.
func use(t *testing.T, s *checkpoint.SQLite) {
	t.Helper()
	ctx := t.Context()
	_, _ = s.Runs(ctx, 10)
	_, _ = tokensOf(ctx, s)
	_, _ = checkpoint.All(checkpoint.EachPrevious(ctx, s))
	run, err := begin(ctx, s, checkpoint.Begin{ID: "r2", Now: time.Now()})
	if err != nil {
		return
	}
	splits, err := run.Claim(ctx, 10)
	if err != nil {
		return
	}
	_, _ = s.Sums(ctx, run.ID)
	_, _, _ = s.Current(ctx)
	for _, split := range splits {
		if split.ID == "" {
			t.Errorf("a split without an id: %+v", split)
		}
		_ = commit(ctx, run, checkpoint.Commit{Splits: []checkpoint.Progress{{ID: split.ID, Epoch: split.Epoch,
			Cursor: []byte("2"), Status: checkpoint.Done}}})
	}
	_ = run.Leave(ctx)
	_ = run.Finish(ctx, checkpoint.Complete, checkpoint.End{Now: time.Now()})
}
