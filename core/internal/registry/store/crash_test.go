// The store under processes that are killed at each thing that they do to it, whose disk fails, and
// of which several run at once.

package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/registry/store"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// childEnv holds what the test binary does to a store when it is started once more: "install",
// "prune" or "both".
const childEnv = "STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	what := os.Getenv(childEnv)
	if what == "" {
		os.Exit(m.Run())
	}
	err := child(what, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(what, dir string) error {
	s := store.At(dir)
	switch what {
	case "install":
		if err := crashtest.Watch(); err != nil {
			return err
		}
		return install(s)
	case "prune":
		if err := crashtest.Watch(); err != nil {
			return err
		}
		return prune(s)
	}
	for n := range 20 {
		if _, err := put(s, fmt.Sprint("program ", n%3)); err != nil {
			return err
		}
		if n%5 == 4 {
			if err := prune(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func install(s *store.Store) error {
	if err := errors.Join(s.PutRelease(digestOf("index"), []byte("statement"), []byte("signature")),
		s.Register("lock")); err != nil {
		return err
	}
	if _, err := put(s, "new"); err != nil {
		return err
	}
	fmt.Println("installed")
	return nil
}

// prune leaves "old" and nothing else.
func prune(s *store.Store) error {
	_, err := s.Prune(context.Background(), false, func([]string) (store.InUse, error) {
		return store.InUse{Programs: []string{digestOf("old")}, Releases: []string{digestOf("old index")}}, nil
	})
	return err
}

// stored is a store with a program.
func stored(t *testing.T) *store.Store {
	t.Helper()
	s := store.At(t.TempDir())
	if _, err := put(s, "old"); err != nil {
		t.Fatal(err)
	}
	if err := s.PutRelease(digestOf("old index"), []byte("old"), nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, what, dir string, f crashtest.Fault) *crashtest.Outcome {
	t.Helper()
	if err := crashtest.Supported(); err != nil {
		t.Skip(err)
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	out, err := program(what, dir, f).Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Output)
	}
	return out
}

func program(what, dir string, f crashtest.Fault) crashtest.Program {
	return crashtest.Program{Path: os.Args[0], Args: []string{dir}, Env: append(os.Environ(), childEnv+"="+what),
		Root: dir, Fault: f, Record: true}
}

// checkWhole checks what is there, that the old program is, and that the new one can be installed,
// in whatever state the store is.
func checkWhole(t *testing.T, s *store.Store, when string, installed bool) {
	t.Helper()
	items, err := s.Items()
	if err != nil {
		t.Errorf("%s: %v", when, err)
	}
	for _, i := range items {
		if err := i.Check(); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	if ok, err := s.Has(digestOf("old"), "plugin"); !ok || err != nil {
		t.Errorf("%s: the old program is there: %v (%v)", when, ok, err)
	}
	if what, _, err := s.Release(digestOf("old index")); string(what) != "old" {
		t.Errorf("%s: the old release: %q (%v)", when, what, err)
	}
	if ok, err := s.Has(digestOf("new"), "plugin"); installed && !ok {
		t.Errorf("%s: what was installed is gone (%v)", when, err)
	}
	if what, who, err := s.Release(digestOf("index")); installed && err != nil || err == nil &&
		(string(what) != "statement" || string(who) != "signature") {
		t.Errorf("%s: the release: %q, %q (%v)", when, what, who, err)
	}
	if _, err := put(s, "new"); err != nil {
		t.Errorf("%s: install again: %v", when, err)
	}
	if err := prune(s); err != nil {
		t.Errorf("%s: prune: %v", when, err)
	}
	if left, err := os.ReadDir(filepath.Join(s.Dir(), "tmp")); err != nil || len(left) != 0 {
		t.Errorf("%s: after a prune: %v (%v)", when, left, err)
	}
}

// TestKilled kills who installs, and who prunes, before each thing that they do.
func TestKilled(t *testing.T) {
	t.Parallel()
	for what, least := range map[string]int{"install": 25, "prune": 6} {
		for n := 1; ; n++ {
			s := stored(t)
			if _, err := put(s, "unused"); err != nil {
				t.Fatal(err)
			}
			out := run(t, what, s.Dir(), crashtest.Fault{At: n})
			if out.Hit == nil {
				if n <= least {
					t.Errorf("%s does %d things, want more than %d:\n%s", what, n-1, least, out.Output)
				}
				break
			}
			checkWhole(t, s, fmt.Sprintf("%s killed before operation %d (%v)", what, n, out.Hit), false)
		}
	}
}

// TestDiskFails makes each thing fail: it is an error, and does no harm.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		s := stored(t)
		out := run(t, "install", s.Dir(), crashtest.Fault{At: n, Do: crashtest.BrokenDisk})
		if out.Hit == nil {
			break
		}
		if out.Code == 0 && out.Hit.Kind != crashtest.Remove {
			t.Errorf("operation %d (%v) failed, and nobody said so", n, out.Hit)
		}
		checkWhole(t, s, fmt.Sprintf("operation %d (%v) failed", n, out.Hit), false)
	}
}

// TestPowerCuts: what is said to be installed outlasts a power cut; what is there is whole.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	s := stored(t)
	out := run(t, "install", s.Dir(), crashtest.Fault{})
	if out.Code != 0 {
		t.Fatalf("code %d: %s", out.Code, out.Output)
	}
	n := 0
	for c := range out.PowerCuts(1) {
		dir := t.TempDir()
		if err := c.Restore(dir); err != nil {
			t.Fatal(err)
		}
		n++
		checkWhole(t, store.At(dir), fmt.Sprintf("cut after operation %d, %s kept", c.After, c.How),
			len(out.Said(c.After)) > 0)
	}
	if n < 20 {
		t.Errorf("%d cuts", n)
	}
}

// TestKilledThenPowerCut: a process is killed just before it would have synced something, another
// finds its work done, says that it is installed, and the power fails.
func TestKilledThenPowerCut(t *testing.T) {
	t.Parallel()
	s := stored(t)
	first := run(t, "install", s.Dir(), crashtest.Fault{})
	n := 0
	for _, at := range first.BeforeSyncs() {
		root := t.TempDir()
		both, err := program("install", root, crashtest.Fault{}).GoOn(t.Context(), first, at)
		if err != nil || both.Code != 0 {
			t.Fatalf("gone on after operation %d: %v\n%s", at, err, both.Output)
		}
		for c := range both.PowerCuts(1) {
			if said := len(both.Said(c.After)) > 0; !said || c.How != "nothing" {
				continue
			}
			dir := t.TempDir()
			if err := c.Restore(dir); err != nil {
				t.Fatal(err)
			}
			n++
			when := fmt.Sprintf("killed after operation %d, then cut after operation %d, %s kept", at, c.After, c.How)
			if notes, err := filepath.Glob(filepath.Join(dir, "users", "[^.]*")); err != nil || len(notes) != 1 {
				t.Errorf("%s: %d lock files are known (%v)", when, len(notes), err)
			}
			checkWhole(t, store.At(dir), when, true)
		}
	}
	if n < 8 {
		t.Errorf("%d cuts", n)
	}
}

// TestSeveralProcesses: they install the same and prune at the same time, and each gets what it
// installed.
func TestSeveralProcesses(t *testing.T) {
	t.Parallel()
	s := stored(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], s.Dir())
			cmd.Env = append(os.Environ(), childEnv+"=both")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wait.Wait()
	checkWhole(t, s, "after four processes", false)
}
