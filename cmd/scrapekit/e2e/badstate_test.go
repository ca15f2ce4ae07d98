// A state that cannot be used: it is said, and nothing is lost by it.

//go:build linux

package e2e

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// halfway is a trial whose host was killed in its middle, and what it should have delivered.
func halfway(t *testing.T) (trial, string) {
	t.Helper()
	b := needTools(t)
	whole, want := b.calm(t, settled)
	x := b.newTrial(t, settled)
	if out := x.run(t, crashtest.Fault{At: whole.Count() * 3 / 4, Do: crashtest.KillFirst}, false); out.Hit == nil {
		t.Fatal("the host was not killed")
	}
	return x, want
}

func (x trial) state() string { return filepath.Join(x.dir, ".scrapekit", "p", "state.db") }

// refuses runs the pipeline and expects it to fail, to say all of these, and to leave the outputs
// as they are.
func (x trial) refuses(t *testing.T, words ...string) {
	t.Helper()
	written := filepath.Join(x.dir, "out", "records.jsonl")
	before, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	cmd := x.command(t.Context())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	for _, w := range append(words, x.state()) {
		if !strings.Contains(string(out), w) {
			t.Errorf("it does not say %q:\n%s", w, out)
		}
	}
	if code := cmd.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("code %d\n%s", code, out)
	}
	after, err := os.ReadFile(written)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the output had %d bytes and has %d (%v)", len(before), len(after), err)
	}
}

// locked keeps the state from being written to until the function that it returns is called.
func (x trial) locked(t *testing.T) func() {
	t.Helper()
	db, err := sql.Open("sqlite", x.state()+"?_pragma=busy_timeout(30000)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestStateInUse(t *testing.T) {
	t.Parallel()
	t.Run("at the start", func(t *testing.T) {
		t.Parallel()
		x, want := halfway(t)
		unlock := x.locked(t)
		x.refuses(t, "another process has locked it", "try again")
		unlock()
		x.endsSame(t, "the state was in use", want)
	})
	t.Run("in the middle", func(t *testing.T) {
		t.Parallel()
		b := needTools(t)
		_, want := b.calm(t, slow)
		s := b.asleep(t)
		unlock := s.locked(t)
		code, out := s.wakes(t)
		if code != exitFailed || !strings.Contains(out, "another process has locked it") {
			t.Errorf("code %d\n%s", code, out)
		}
		unlock()
		s.endsSame(t, "the state was in use", want)
	})
}

func TestStateDamaged(t *testing.T) {
	t.Parallel()
	x, want := halfway(t)
	good := map[string][]byte{}
	files, err := filepath.Glob(x.state() + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if good[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	bad := bytes.Clone(good[x.state()])
	for i := len(bad) / 4; i < len(bad)*3/4; i++ {
		bad[i] = 0xa5
	}
	if err := errors.Join(os.Remove(x.state()+"-wal"), os.WriteFile(x.state(), bad, 0o644)); err != nil {
		t.Fatal(err)
	}
	x.refuses(t, "damaged", "nothing was deleted", "--full")
	if now, err := os.ReadFile(x.state()); err != nil || !bytes.Equal(now, bad) {
		t.Errorf("the damaged file was changed (%v)", err)
	}
	for file, raw := range good {
		if err := os.WriteFile(file, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	x.endsSame(t, "the state was put back", want)
}
