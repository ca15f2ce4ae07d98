// The state file after a power cut: what was said to be committed is there, and each commit is
// there whole or not at all.

package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// watchedLife is a life of the test binary, started once more: it commits a few times and ends the
// run.
const watchedLife = "watched"

// watchedCommits is how many commits a watched life makes.
const watchedCommits = 5

// commitWatched is that life. It says the number of each commit, and "finished".
func commitWatched(path string) {
	ctx := context.Background()
	must(crashtest.Watch())
	s, err := checkpoint.OpenSQLite(ctx, path)
	must(err)
	run, err := begin(ctx, s, checkpoint.Begin{ID: "r", Now: time.Now()})
	must(err)
	must(plan(ctx, run, []sdk.Split{{ID: "a"}}))
	a, err := claimFirst(ctx, run)
	must(err)
	for n := int64(1); n <= watchedCommits; n++ {
		must(commit(ctx, run, numbered(a, n, checkpoint.Open)))
		fmt.Println(n)
	}
	must(commit(ctx, run, numbered(a, watchedCommits+1, checkpoint.Done)))
	fmt.Println(watchedCommits + 1)
	must(run.Finish(ctx, checkpoint.Incomplete, checkpoint.End{Now: time.Now()}))
	fmt.Println("finished")
	must(s.Close())
}

// numbered is a commit all of whose parts say n.
func numbered(a checkpoint.Split, n int64, status checkpoint.Status) checkpoint.Commit {
	text := strconv.FormatInt(n, 10)
	return checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: a.ID, Epoch: a.Epoch, Cursor: []byte(text), Status: status, Records: n}},
		Tokens: map[string]sdk.Token{"sink": sdk.Token(text)},
		New:    []sdk.Split{{ID: "new " + text}},
		Stats:  []byte(`{"n":1}`),
	}
}

// watch runs a watched life.
func watch(t *testing.T, dir string, f crashtest.Fault) *crashtest.Outcome {
	t.Helper()
	if err := crashtest.Supported(); err != nil {
		t.Skip(err)
	}
	out, err := crashtest.Program{
		Path: os.Args[0], Env: append(os.Environ(), childEnv+"="+filepath.Join(dir, "state.db"),
			lifeEnv+"="+watchedLife, "GORACE=atexit_sleep_ms=0"),
		Root: dir, Fault: f, Record: true,
	}.Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Output)
	}
	return out
}

// TestPowerCuts has the power fail after each thing that is done to the state file, its logs and
// its folder.
//
//ci:plain
func TestPowerCuts(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	whole := watch(t, t.TempDir(), crashtest.Fault{})
	if whole.Code != 0 {
		t.Fatalf("code %d\n%s", whole.Code, whole.Output)
	}
	n := 0
	for c := range whole.PowerCuts(uint64(1)) {
		n++
		dir := filepath.Join(t.TempDir(), "cut")
		if err := errors.Join(os.Mkdir(dir, 0o755), c.Restore(dir)); err != nil {
			t.Fatal(err)
		}
		if err := goOn(t.Context(), filepath.Join(dir, "state.db"), said(whole, c.After)); err != nil {
			t.Fatalf("power cut after %d of %d operations, %s of what was not synced is kept: %v", c.After,
				len(whole.Ops), c.How, err)
		}
	}
	t.Logf("%d power cuts over %d operations", n, whole.Count())
	if n < 100 {
		t.Errorf("only %d power cuts: the test proves less than it says", n)
	}
}

// TestDiskFails makes one in three of these things fail: nothing is lost. The tests of the command
// make all of them fail.
//
//ci:plain
func TestDiskFails(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	const share = 3
	count := watch(t, t.TempDir(), crashtest.Fault{}).Count()
	for _, do := range []crashtest.Failure{crashtest.BrokenDisk, crashtest.FullDisk} {
		landed := 0
		for n := 1; n <= count; n += share {
			dir := t.TempDir()
			out := watch(t, dir, crashtest.Fault{At: n, Do: do})
			if out.Hit == nil {
				continue
			}
			landed++
			if err := goOn(t.Context(), filepath.Join(dir, "state.db"), said(out, len(out.Ops))); err != nil {
				t.Fatalf("%s at operation %d (%v), after which the process ended with %d: %v\n%s", do, n, out.Hit,
					out.Code, err, out.Output)
			}
		}
		t.Logf("%s: %d landed, of %d operations", do, landed, count)
		if landed < count/share*9/10 {
			t.Errorf("only %d of %d failures landed: the test proves less than it says", landed, count/share)
		}
	}
}

// said returns how much a life had committed by operation n: one for each commit, and one for the
// end.
func said(o *crashtest.Outcome, n int) int {
	count := 0
	for _, line := range o.Said(n) {
		if _, err := strconv.Atoi(line); err == nil || line == "finished" {
			count++
		}
	}
	return count
}

// goOn opens what is left of a life that has committed that much, compares, and commits once more.
func goOn(ctx context.Context, path string, said int) (err error) {
	s, err := checkpoint.OpenSQLite(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	runs, err := s.Runs(ctx, 1)
	if err != nil {
		return err
	}
	if said == 0 && len(runs) == 0 {
		return nil
	}
	splits, err := allSplits(ctx, s)
	if err != nil {
		return err
	}
	if err := right(ctx, s, splits, said); err != nil {
		return err
	}
	run, err := begin(ctx, s, checkpoint.Begin{ID: "r2", Now: time.Now()})
	if err != nil || run.ID != "r" || len(splits) == 0 {
		return err
	}
	if splits[0].Status != checkpoint.Open {
		return commit(ctx, run, checkpoint.Commit{})
	}
	a, err := claimFirst(ctx, run)
	if err != nil {
		return err
	}
	return commit(ctx, run, numbered(a, 1000, checkpoint.Open))
}

// right compares the state with how much was committed.
func right(ctx context.Context, s *checkpoint.SQLite, splits []checkpoint.Split, said int) error {
	if len(splits) == 0 {
		if said > 0 {
			return fmt.Errorf("%d commits were made, and there is no plan", said)
		}
		return nil
	}
	tokens, err := tokensOf(ctx, s)
	if err != nil {
		return err
	}
	a := splits[0]
	if lost := min(int64(said), watchedCommits+1) - a.Records; lost > 0 || lost < -1 {
		return fmt.Errorf("%d commits were made, and the state has %d", said, a.Records)
	}
	want := ""
	if a.Records > 0 {
		want = strconv.FormatInt(a.Records, 10)
	}
	if string(a.Cursor) != want || string(tokens["sink"].Token) != want || len(splits) != int(a.Records)+1 {
		return fmt.Errorf("commit %s is there in part: cursor %s, token %s, %d splits", want, a.Cursor,
			tokens["sink"].Token, len(splits))
	}
	runs, err := s.Runs(ctx, 1)
	if err == nil && said == watchedCommits+2 && runs[0].Outcome != checkpoint.Incomplete {
		return fmt.Errorf("the run had ended, and is %s", runs[0].Outcome)
	}
	return err
}
