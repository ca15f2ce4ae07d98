// What is kept for how long, and what is shown of it.

package core_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
)

// toFileFor is a pipeline that keeps two runs, and dead letters for an hour.
const toFileFor = `
pipeline {
  retention {
    runs    = 2
    rejects = "1h"
  }
}
source "web" {
  url = %q
}
sink "jsonl" {
  path = "out/x.jsonl"
}
`

// folders returns the names in the folder of runs.
func folders(t *testing.T, p *core.Pipeline) (names []string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Join(p.StateDir(), "runs"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// earlierRun makes the folder of a run, with dead letters of some age if there are any.
func earlierRun(t *testing.T, p *core.Pipeline, name string, rejects time.Duration) {
	t.Helper()
	dir := filepath.Join(p.StateDir(), "runs", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(dir, core.ReportFile), "{}")
	if rejects > 0 {
		path := filepath.Join(dir, "rejects.jsonl")
		rewrite(t, path, "{}\n")
		at := time.Now().Add(-rejects)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOldRunsGo: at the end of a run those that are more than the file keeps; dead letters only
// when they are old too, and nothing that is not of a run.
func TestOldRunsGo(t *testing.T) {
	t.Parallel()
	p := load(t, pipelineFile(t, fmt.Sprintf(toFileFor, serving(t, "1\n"))), options(nil, nil))
	earlierRun(t, p, "20250101-000000-0001", 0)
	earlierRun(t, p, "20250101-000000-0002", time.Minute)
	earlierRun(t, p, "20250101-000000-0003", 2*time.Hour)
	earlierRun(t, p, "notes", 0)
	var ids []string
	for range 3 {
		report, err := run(t, p, core.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, report.Run)
	}
	kept := folders(t, p)
	want := slices.Concat([]string{"20250101-000000-0002"}, ids[1:], []string{"notes"})
	if slices.Sort(kept); len(kept) != 4 || kept[0] != want[0] || kept[3] != "notes" {
		t.Errorf("kept: %v, want %v", kept, want)
	}
	state, err := p.State(t.Context(), core.StateOptions{Runs: -1, Splits: -1})
	if err != nil || len(state.Runs) != 2 || len(state.Finished) != 1 {
		t.Errorf("state: %+v, %v", state, err)
	}
}

// TestPrune: what a run leaves for the next ones goes at once, and so do the caches of blocks that
// the file has no more.
func TestPrune(t *testing.T) {
	t.Parallel()
	p := load(t, pipelineFile(t, fmt.Sprintf(toFileFor, serving(t, "1\n"))), options(nil, nil))
	if _, err := run(t, p, core.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		earlierRun(t, p, fmt.Sprintf("20250101-000000-%04x", i), 0)
	}
	old := filepath.Join(p.StateDir(), "cache", "source.gone", "ab")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(old, "cd"), "a reply")
	done, err := p.Prune(t.Context())
	if err != nil || done.Folders != 299 || done.Replies != 1 || done.Bytes <= 0 {
		t.Errorf("pruned: %+v, %v", done, err)
	}
	if kept := folders(t, p); len(kept) != 2 {
		t.Errorf("kept: %v, want the run and the newest other", kept)
	}
	if _, err := os.Stat(filepath.Dir(old)); !os.IsNotExist(err) {
		t.Errorf("the cache of a block that is gone: %v", err)
	}
	if report, err := run(t, p, core.RunOptions{}); err != nil || report.Outcome != core.Complete {
		t.Errorf("a run afterwards: %+v, %v", report, err)
	}
}

// TestResetLeavesNoRecords: the dead letters of runs are records.
func TestResetLeavesNoRecords(t *testing.T) {
	t.Parallel()
	p := load(t, pipelineFile(t, fmt.Sprintf(toFile, serving(t, "1\nraw\n2\n"))), options(nil, nil))
	report, err := run(t, p, core.RunOptions{})
	if err != nil || report.DeadLetters == "" {
		t.Fatalf("%+v, %v", report, err)
	}
	if err := p.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept := folders(t, p); len(kept) != 0 {
		t.Errorf("kept: %v", kept)
	}
	if report, err := run(t, p, core.RunOptions{}); err != nil || report.Outcome != core.Complete || report.Resumed {
		t.Errorf("a run afterwards: %+v, %v", report, err)
	}
}

// TestRunThatNobodyRuns: the state of a run that was killed says that it runs.
func TestRunThatNobodyRuns(t *testing.T) {
	t.Parallel()
	p := load(t, pipelineFile(t, fmt.Sprintf(toFile, serving(t, "1\n"))), options(nil, nil))
	r, err := p.Start(t.Context(), core.RunOptions{}) // holds the lock
	if err != nil {
		t.Fatal(err)
	}
	store, err := checkpoint.OpenSQLite(t.Context(), filepath.Join(p.StateDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, _, err := store.Begin(t.Context(), checkpoint.Begin{ID: "r1", Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	shown := func(want core.Outcome) {
		t.Helper()
		state, err := p.State(t.Context(), core.StateOptions{Runs: 1})
		if err != nil || len(state.Runs) != 1 || state.Runs[0].Outcome != want {
			t.Errorf("shown: %+v (%v), want %s", state, err, want)
		}
	}
	shown(checkpoint.Running)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	shown(core.Killed)
	// The disk was full when the state was to be told, and not when the report was kept.
	dir := filepath.Join(p.StateDir(), "runs", "r1")
	for at, want := range map[time.Duration]core.Outcome{time.Second: core.Failed, -time.Hour: core.Killed} {
		raw, err := json.Marshal(core.Report{Outcome: core.Failed, ThisStart: time.Now().Add(at)})
		if err != nil || os.MkdirAll(dir, 0o755) != nil {
			t.Fatal(err)
		}
		rewrite(t, filepath.Join(dir, core.ReportFile), string(raw))
		shown(want)
	}
}
