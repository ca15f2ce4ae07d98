// What SQLite alone has to stand: kills, damage, full disks, foreign files.

package checkpoint_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// childEnv names the state file that the test binary, started once more, is to commit to.
const childEnv = "CHECKPOINT_TEST_CHILD"

func TestMain(m *testing.M) {
	if path, life := os.Getenv(childEnv), os.Getenv(lifeEnv); path != "" {
		switch life {
		case "":
			commitForever(path)
		case watchedLife:
			commitWatched(path)
			os.Exit(0)
		default:
			makeAndDie(path, life)
		}
	}
	os.Exit(m.Run())
}

// commitForever commits cursor after cursor and says so after each, until it is killed.
func commitForever(path string) {
	ctx := context.Background()
	s, err := checkpoint.OpenSQLite(ctx, path)
	must(err)
	run, err := begin(ctx, s, checkpoint.Begin{ID: "r", Now: time.Now()})
	must(err)
	if !run.Planned {
		must(plan(ctx, run, []sdk.Split{{ID: "a"}}))
	}
	a, err := claimFirst(ctx, run)
	must(err)
	n := a.Records
	for {
		n++
		must(commit(ctx, run, numbered(a, n, checkpoint.Open)))
		fmt.Println(n)
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestKill kills a process that commits, again and again. What it said it committed is there, and
// each commit is there whole.
//
//ci:plain
func TestKill(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	path := filepath.Join(t.TempDir(), "state.db")
	random := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		said := commitAndKill(t, path, 1+random.IntN(40))
		s := openSQLite(t, path)
		tokens, err := tokensOf(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		splits, err := allSplits(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		a := splits[0]
		if a.Records < said || a.Records > said+1 {
			t.Fatalf("the process said %d, the store says %d", said, a.Records)
		}
		want := strconv.FormatInt(a.Records, 10)
		if string(a.Cursor) != want || string(tokens["sink"].Token) != want || len(splits) != int(a.Records)+1 {
			t.Fatalf("commit %s is there in part: cursor %s, token %s, %d splits", want, a.Cursor, tokens["sink"].Token,
				len(splits))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// commitAndKill returns the last commit that the process spoke of.
func commitAndKill(t *testing.T, path string, after int) int64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said int64
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if said, err = strconv.ParseInt(lines.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || said == 0 {
		t.Fatalf("the process ended by itself after %d: %v", said, err)
	}
	return said
}

// filled makes a state file with some content and returns its path.
func filled(t *testing.T, splits int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	s := openSQLite(t, path)
	run, err := begin(t.Context(), s, checkpoint.Begin{ID: "r", Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]sdk.Split, splits)
	for i := range all {
		all[i] = sdk.Split{ID: fmt.Sprint("split ", i), Data: []byte(strings.Repeat("x", 100))}
	}
	if err := plan(t.Context(), run, all); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// unusable opens path and expects an error that names it and says all of these; the file stays as
// it is.
func unusable(t *testing.T, path string, words ...string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.OpenSQLite(t.Context(), path)
	if err == nil {
		_, err = allSplits(t.Context(), s)
		if closed := s.Close(); closed != nil {
			t.Log(closed)
		}
	}
	var e *checkpoint.FileError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a FileError", err)
	}
	for _, w := range append(words, path, "move") {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("the file was changed (%v)", err)
	}
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	t.Run("text", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path, []byte(strings.Repeat("this is a letter\n", 500)), 0o644); err != nil {
			t.Fatal(err)
		}
		unusable(t, path)
	})
	t.Run("short", func(t *testing.T) {
		t.Parallel()
		path := filled(t, 1000)
		if err := os.Truncate(path, 20_000); err != nil {
			t.Fatal(err)
		}
		unusable(t, path, "damaged")
	})
	for _, splits := range []int{1000, 50_000} { // small enough to be checked whole, and not
		t.Run(fmt.Sprint("overwritten ", splits), func(t *testing.T) {
			t.Parallel()
			path := filled(t, splits)
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte(strings.Repeat("\xa5", int(info.Size()/2))), info.Size()/4); err != nil {
				t.Fatal(err)
			}
			unusable(t, path, "damaged")
		})
	}
}

func TestForeignFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	change(t, path, "CREATE TABLE songs (title TEXT)")
	unusable(t, path, "another program")
}

func TestNewerFile(t *testing.T) {
	t.Parallel()
	path := filled(t, 1)
	change(t, path, "PRAGMA user_version=7")
	unusable(t, path, "newer", "format 7")
}

// TestFileWithoutIdentity: earlier versions wrote none, and the next run gives one.
func TestFileWithoutIdentity(t *testing.T) {
	t.Parallel()
	path := filled(t, 1)
	change(t, path, "DROP TABLE IF EXISTS pipeline")
	s := openSQLite(t, path)
	defer s.Close()
	run, err := begin(t.Context(), s, checkpoint.Begin{ID: "next", Now: time.Now(), Full: true})
	if err != nil || run.Pipeline == "" {
		t.Errorf("%+v, %v", run, err)
	}
}

// change runs a statement behind the store's back.
func change(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestNoFolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "no", "state.db")
	_, err := checkpoint.OpenSQLite(t.Context(), path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	if os.Getuid() <= 0 {
		t.Skip("this user may write everywhere, or folders have no such mode here")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	_, err := checkpoint.OpenSQLite(t.Context(), filepath.Join(dir, "state.db"))
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "writable") {
		t.Errorf("got %v", err)
	}
}

// TestTwoProcesses: what one store does the other sees, and only the newest holder may go on.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	one, two := openSQLite(t, path), openSQLite(t, path)
	defer one.Close()
	defer two.Close()
	first, err := begin(t.Context(), one, checkpoint.Begin{ID: "r", Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan(t.Context(), first, []sdk.Split{{ID: "a"}}); err != nil {
		t.Fatal(err)
	}
	second, err := begin(t.Context(), two, checkpoint.Begin{ID: "r2", Now: time.Now()})
	if err != nil || second.ID != "r" {
		t.Fatal(second, err)
	}
	if err := commit(t.Context(), first, checkpoint.Commit{}); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("the old holder's commit: %v", err)
	}
	if _, err := claimFirst(t.Context(), second); err != nil {
		t.Error(err)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := openSQLite(t, filepath.Join(t.TempDir(), "state.db"))
	defer s.Close()
	run, err := begin(t.Context(), s, checkpoint.Begin{ID: "r", Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.LimitPages(40); err != nil {
		t.Fatal(err)
	}
	big := sdk.Split{ID: "big", Data: []byte(strings.Repeat("x", 1<<20))}
	err = commit(t.Context(), run, checkpoint.Commit{New: []sdk.Split{{ID: "small"}, big}, Stats: []byte(`{"n":1}`)})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "no space") {
		t.Fatalf("got %v, want ENOSPC", err)
	}
	splits, err := allSplits(t.Context(), s)
	if err != nil || len(splits) != 0 {
		t.Errorf("a commit that failed left %d splits (%v)", len(splits), err)
	}
	if err := s.LimitPages(10_000); err != nil {
		t.Fatal(err)
	}
	if err := commit(t.Context(), run, checkpoint.Commit{New: []sdk.Split{big}}); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

// BenchmarkSQLite is what a run asks of the store. SCRAPEKIT_SPLITS says of how many splits.
func BenchmarkSQLite(b *testing.B) {
	n := 100_000
	if text := os.Getenv("SCRAPEKIT_SPLITS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		must(err)
	}
	path := filepath.Join(b.TempDir(), "state.db")
	s := openSQLite(b, path)
	wholeRun := func(name string) {
		run, err := begin(b.Context(), s, checkpoint.Begin{ID: name, Now: time.Now()})
		must(err)
		took := func(what string, f func()) {
			started := time.Now()
			f()
			b.Logf("%s, %d splits: %s takes %s", name, n, what, time.Since(started).Round(time.Millisecond))
		}
		took("plan", func() { must(run.Plan(b.Context(), manySplits(n))) })
		var claims, commits time.Duration
		var c checkpoint.Commit
		for {
			started := time.Now()
			page, err := run.Claim(b.Context(), 64)
			must(err)
			claims += time.Since(started)
			for _, p := range page {
				c.Splits = append(c.Splits,
					checkpoint.Progress{ID: p.ID, Epoch: p.Epoch, Cursor: []byte("cursor"), Status: checkpoint.Done,
						Records: 1})
			}
			if len(c.Splits) >= 5000 || len(page) == 0 {
				started = time.Now()
				must(commit(b.Context(), run, c))
				commits += time.Since(started)
				c.Splits = c.Splits[:0]
			}
			if len(page) == 0 {
				break
			}
		}
		b.Logf("%s: claims take %s, commits %s", name, claims.Round(time.Millisecond), commits.Round(time.Millisecond))
		took("sums", func() { _, err = s.Sums(b.Context(), run.ID); must(err) })
		must(run.Leave(b.Context()))
		took("finish", func() { must(run.Finish(b.Context(), checkpoint.Complete, checkpoint.End{Now: time.Now()})) })
		took("going through the previous splits", func() {
			for _, err := range checkpoint.EachPrevious(b.Context(), s) {
				must(err)
			}
		})
	}
	for b.Loop() {
		wholeRun("first run")
		wholeRun("second run")
	}
	must(s.Close())
}

// manySplits is a plan of n splits, in pages.
func manySplits(n int) iter.Seq2[[]sdk.Split, error] {
	return func(yield func([]sdk.Split, error) bool) {
		const length = 1000
		for from := 0; from < n; from += length {
			var page []sdk.Split
			for i := from; i < min(n, from+length); i++ {
				page = append(page, sdk.Split{ID: fmt.Sprintf("split %07d", i), Stream: "issues",
					Data: []byte(`{"project":"X","from":"2020-01-01"}`), Estimate: 1})
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// sitting is a run with its coordinator, who also sits on seat 0.
type sitting struct {
	checkpoint.Run
	checkpoint.Coordinator
	checkpoint.Held
}

func begin(ctx context.Context, s checkpoint.Store, b checkpoint.Begin) (sitting, error) {
	run, coordinator, err := s.Begin(ctx, b)
	if err != nil {
		return sitting{}, err
	}
	_, held, err := s.Join(ctx, run, 0)
	return sitting{run, coordinator, held}, err
}

// plan plans splits that are few.
func plan(ctx context.Context, run sitting, splits []sdk.Split) error {
	return run.Plan(ctx, checkpoint.OnePage(splits))
}

func commit(ctx context.Context, run sitting, c checkpoint.Commit) error {
	_, err := run.Commit(ctx, c)
	return err
}

func claimFirst(ctx context.Context, run sitting) (checkpoint.Split, error) {
	page, err := run.Claim(ctx, 1)
	if err == nil && len(page) == 0 {
		err = errors.New("no split is open")
	}
	if err != nil {
		return checkpoint.Split{}, err
	}
	return page[0], nil
}

// tokensOf returns the tokens of seat 0.
func tokensOf(ctx context.Context, s checkpoint.View) (map[string]checkpoint.Token, error) {
	seats, err := s.Seats(ctx)
	if err != nil || len(seats) == 0 {
		return nil, err
	}
	return seats[0].Tokens, nil
}

// allSplits returns the splits of run r, if the sums that are kept are what they come to.
func allSplits(ctx context.Context, s checkpoint.View) ([]checkpoint.Split, error) {
	const run = "r"
	splits, err := checkpoint.All(checkpoint.EachSplit(ctx, s, run, ""))
	if err != nil {
		return nil, err
	}
	var want checkpoint.Sums
	for _, p := range splits {
		want.Add(p)
	}
	got, err := s.Sums(ctx, run)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("the sums are %+v, the splits come to %+v", got, want)
	}
	return splits, err
}
