// How the state file comes into being: whole or not at all, whoever is killed, and whoever else
// makes it.

package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// lifeEnv says for how long the child that makes a state file may live.
const lifeEnv = "CHECKPOINT_TEST_LIFE"

// makeAndDie opens the state file at path, and is killed when its time is over, wherever it is
// then.
func makeAndDie(path, life string) {
	d, err := time.ParseDuration(life)
	must(err)
	self, err := os.FindProcess(os.Getpid())
	must(err)
	time.AfterFunc(d, func() { must(self.Kill()) })
	_, err = checkpoint.OpenSQLite(context.Background(), path)
	must(err)
	select {}
}

// TestKilledWhileMade: at no instant does a kill leave a file that the next start takes for damage.
func TestKilledWhileMade(t *testing.T) {
	t.Parallel()
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	dir := t.TempDir()
	made := 0
	for i := range rounds {
		path := filepath.Join(dir, strconv.Itoa(made))
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+path, lifeEnv+"="+(time.Duration(i)*200*time.Microsecond).String())
		if out, err := cmd.CombinedOutput(); err == nil || len(out) > 0 {
			t.Fatalf("the process was to be killed: %v, %s", err, out)
		}
		if _, err := os.Stat(path); err != nil {
			continue // killed before; the next one finds what it left
		}
		begins(t, path)
		made++
	}
	t.Logf("%d of %d processes made the file before they were killed", made, rounds)
	begins(t, filepath.Join(dir, strconv.Itoa(made)))
	onlyStateFiles(t, dir)
}

// begins opens the state file and finds it new.
func begins(t *testing.T, path string) {
	t.Helper()
	s := openSQLite(t, path)
	defer s.Close()
	run, err := begin(t.Context(), s, checkpoint.Begin{ID: "r", Now: time.Now()})
	if err != nil || run.Resumed {
		t.Fatalf("a run in a new store: %+v, %v", run, err)
	}
}

func onlyStateFiles(t *testing.T, dir string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if strings.Contains(e.Name(), ".new-") {
			t.Errorf("%s was left over", e.Name())
		}
	}
}

// TestMadeByManyAtOnce: all of them come to use the same file.
func TestMadeByManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	stores := make([]*checkpoint.SQLite, 8)
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			s, err := checkpoint.OpenSQLite(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i, s := range stores {
		defer s.Close()
		run, err := begin(t.Context(), s, checkpoint.Begin{ID: "r", Now: time.Now()})
		if err != nil || run.Resumed != (i > 0) {
			t.Errorf("store %d: %+v, %v; it is not the file of the others", i, run, err)
		}
	}
	onlyStateFiles(t, dir)
}

func TestLeftoversAreCleared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"state.db.new-ABC", "state.db.new-ABC-journal", "state.db.newer"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	begins(t, filepath.Join(dir, "state.db"))
	onlyStateFiles(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "state.db.newer")); err != nil {
		t.Errorf("somebody else's file: %v", err)
	}
}

// TestTruncatedFile: whatever is left of a state file, it is not taken for a new one.
func TestTruncatedFile(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(filled(t, 200))
	if err != nil {
		t.Fatal(err)
	}
	sizes := []int{0, 1, 16, 99, 100, 511, 512, 1000, 4095, 4097, len(whole) - 1}
	for size := 4096; size < len(whole); size += 4096 {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "state.db")
			if err := os.WriteFile(path, whole[:size], 0o644); err != nil {
				t.Fatal(err)
			}
			unusable(t, path, "damaged", "state.db-wal", "scrapekit run --full")
		})
	}
}

// TestLogOfALostFile: a log without its file says that there was a state, and would be taken for
// the new file's.
func TestLogOfALostFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	commitAndKill(t, path, 3)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err := checkpoint.OpenSQLite(t.Context(), path)
	var e *checkpoint.FileError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "state.db-wal is there") ||
		!strings.Contains(err.Error(), "--full") {
		t.Fatalf("got %v, want a FileError that names the log", err)
	}
	if err := os.Rename(path+"-wal", path+"-wal.kept"); err != nil {
		t.Fatal(err)
	}
	begins(t, path)
}

// TestLostLog: without its log the file is as it was earlier, and sound: that it is not the newest
// nobody can tell.
func TestLostLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	commitAndKill(t, path, 3)
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	s := openSQLite(t, path)
	defer s.Close()
	splits, err := allSplits(t.Context(), s)
	if err != nil || len(splits) > 0 && splits[0].Records > 3 {
		t.Errorf("%+v, %v", splits, err)
	}
	run, err := begin(t.Context(), s, checkpoint.Begin{ID: "r", Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if !run.Planned {
		if err := plan(t.Context(), run, []sdk.Split{{ID: "a"}}); err != nil {
			t.Error(err)
		}
	}
}
