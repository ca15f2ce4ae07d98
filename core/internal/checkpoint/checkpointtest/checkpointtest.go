// Package checkpointtest is the conformance suite of [checkpoint.Store]: each sentence of the interface's
// comments is a check here. A new store is right when Run passes.
package checkpointtest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// Opener opens the store that lives at dir: twice with the same dir gives the same state, whether or not
// the first was closed.
type Opener func(t *testing.T, dir string) checkpoint.Store

// Run checks a store.
func Run(t *testing.T, open Opener) {
	for _, c := range []struct {
		name string
		test func(f *fixture)
	}{
		{"BeginNew", beginNew},
		{"BeginResumes", beginResumes},
		{"BeginChanged", beginChanged},
		{"BeginUnplanned", beginUnplanned},
		{"BeginFull", beginFull},
		{"BeginUsedID", beginUsedID},
		{"Identity", identity},
		{"Join", joins},
		{"PlanOnce", planOnce},
		{"NamelessSplits", namelessSplits},
		{"SplitsKeepEverything", splitsKeepEverything},
		{"PlanInPages", planInPages},
		{"PagesOfSplits", pagesOfSplits},
		{"PagesOfLargeSplits", pagesOfLargeSplits},
		{"Sums", sums},
		{"SumsOfManyStreams", sumsOfManyStreams},
		{"Claim", claim},
		{"ClaimsAtOnce", claimsAtOnce},
		{"Commit", commit},
		{"CommitNewSplits", commitNewSplits},
		{"CommitManySplits", commitManySplits},
		{"FencedRun", fencedRun},
		{"FencedSplit", fencedSplit},
		{"Hold", holds},
		{"FinishUnfinished", finishUnfinished},
		{"FinishRefused", finishRefused},
		{"FinishWithSkipped", finishWithSkipped},
		{"PreviousMerges", previousMerges},
		{"PreviousAfterFull", previousAfterFull},
		{"PreviousInPages", previousInPages},
		{"RunsNewestFirst", runsNewestFirst},
		{"RunsCountSplits", runsCountSplits},
		{"EndsNotBeforeItBegan", endsNotBeforeItBegan},
		{"Prune", prune},
		{"PruneKeepsTheUnfinished", pruneKeepsTheUnfinished},
		{"Compact", compact},
		{"Reset", reset},
		{"ForgetPrevious", forgetPrevious},
		{"ForgetUnfinished", forgetUnfinished},
		{"GiveUp", giveUp},
		{"GiveUpNothing", giveUpNothing},
		{"NilAndEmpty", nilAndEmpty},
		{"Reopen", reopen},
		{"CancelledContext", cancelled},
		{"ReturnsCopies", returnsCopies},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &fixture{T: t, open: open, dir: t.TempDir()}
			f.store = open(t, f.dir)
			t.Cleanup(func() { f.ok(f.store.Close()) })
			c.test(f)
		})
	}
}

// began is when the runs of the suite start: with nanoseconds, in a zone, so that both are seen to be kept.
var began = time.Date(2026, 3, 1, 12, 30, 0, 123456789, time.FixedZone("X", 3600))

// fixture is a store and what the checks say to it.
type fixture struct {
	*testing.T
	open  Opener
	dir   string
	store checkpoint.Store
}

func (f *fixture) reopen() {
	f.Helper()
	f.ok(f.store.Close())
	f.store = f.open(f.T, f.dir)
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) fenced(what string, err error) {
	f.Helper()
	if !errors.Is(err, checkpoint.ErrFenced) {
		f.Errorf("%s by one that was taken over: %v, want ErrFenced", what, err)
	}
}

func (f *fixture) fails(what string, err error) {
	f.Helper()
	if err == nil {
		f.Errorf("%s went through", what)
	}
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if !reflect.DeepEqual(got, want) {
		f.Errorf("%s:\n got %#v\nwant %#v", what, got, want)
	}
}

func (f *fixture) begin(id string, full bool) checkpoint.Run {
	f.Helper()
	run, err := f.store.Begin(f.Context(), checkpoint.Begin{ID: id, Now: began, Full: full, Fingerprint: "print"})
	f.ok(err)
	return run
}

// planned begins a run and plans splits of these ids.
func (f *fixture) planned(id string, splits ...string) checkpoint.Run {
	f.Helper()
	run := f.begin(id, false)
	f.ok(f.plan(run, splitsOf(splits...)))
	return run
}

func (f *fixture) plan(run checkpoint.Run, splits []sdk.Split) error {
	return f.store.Plan(f.Context(), run, checkpoint.OnePage(splits))
}

func (f *fixture) commit(run checkpoint.Run, c checkpoint.Commit) error {
	return errOf(f.store.Commit(f.Context(), run, c))
}

// claim claims one split, which must be open.
func (f *fixture) claim(run checkpoint.Run, id string) checkpoint.Split {
	f.Helper()
	page, err := f.store.Claim(f.Context(), run, f.split(run, id).Place-1, 1)
	f.ok(err)
	if len(page) != 1 || page[0].ID != id {
		f.Fatalf("claimed %v, want %s", page, id)
	}
	return page[0]
}

// advance commits how far a split is, which it claims if it is open.
func (f *fixture) advance(run checkpoint.Run, id, cursor string, status checkpoint.Status) {
	f.Helper()
	s := f.split(run, id)
	if s.Status == checkpoint.Open {
		s = f.claim(run, id)
	}
	f.ok(f.commit(run, checkpoint.Commit{Splits: []checkpoint.Progress{{
		ID: id, Epoch: s.Epoch, Cursor: []byte(cursor), Status: status, Records: 7, Problem: problemOf(status),
	}}}))
}

// complete does a whole run of these splits.
func (f *fixture) complete(id string, full bool, cursor string, splits ...string) {
	f.Helper()
	run := f.begin(id, full)
	f.ok(f.plan(run, splitsOf(splits...)))
	for _, s := range splits {
		f.advance(run, s, cursor, checkpoint.Done)
	}
	f.ok(f.finish(run, checkpoint.Complete))
}

func (f *fixture) finish(run checkpoint.Run, o checkpoint.Outcome) error {
	return f.store.Finish(f.Context(), run, o, checkpoint.End{Now: began.Add(time.Minute)})
}

// splits returns all splits of a run, and holds what is kept of them against what they come to.
func (f *fixture) splits(run checkpoint.Run) []checkpoint.Split {
	f.Helper()
	out, err := checkpoint.All(checkpoint.EachSplit(f.Context(), f.store, run, ""))
	f.ok(err)
	var want checkpoint.Sums
	for i, s := range out {
		want.Add(s)
		if i > 0 && s.Place <= out[i-1].Place || s.Place <= 0 {
			f.Errorf("split %s has place %d, after %d", s.ID, s.Place, out[max(0, i-1)].Place)
		}
	}
	got, err := f.store.Sums(f.Context(), run)
	f.ok(err)
	f.equal("sums", got, want)
	return out
}

func (f *fixture) split(run checkpoint.Run, id string) checkpoint.Split {
	f.Helper()
	for _, s := range f.splits(run) {
		if s.ID == id {
			return s
		}
	}
	f.Fatalf("no split %q in the run", id)
	return checkpoint.Split{}
}

func (f *fixture) ids(run checkpoint.Run) []string {
	f.Helper()
	var out []string
	for _, s := range f.splits(run) {
		out = append(out, s.ID)
	}
	return out
}

// previous returns the previous splits as id=cursor.
func (f *fixture) previous() []string {
	f.Helper()
	all, err := checkpoint.All(checkpoint.EachPrevious(f.Context(), f.store))
	f.ok(err)
	n, err := f.store.CountPrevious(f.Context())
	f.ok(err)
	f.equal("number of previous splits", n, len(all))
	out := []string{}
	for _, s := range all {
		out = append(out, fmt.Sprintf("%s=%s", s.ID, s.Cursor))
	}
	return out
}

func (f *fixture) tokens() map[string]checkpoint.Token {
	f.Helper()
	out, err := f.store.Tokens(f.Context())
	f.ok(err)
	return out
}

func (f *fixture) runs(n int) []checkpoint.RunInfo {
	f.Helper()
	out, err := f.store.Runs(f.Context(), n)
	f.ok(err)
	return out
}

func problemOf(s checkpoint.Status) string {
	if s == checkpoint.Broken || s == checkpoint.Skipped {
		return "it broke"
	}
	return ""
}

func splitsOf(ids ...string) []sdk.Split {
	var out []sdk.Split
	for _, id := range ids {
		out = append(out, sdk.Split{ID: id, Stream: "issues"})
	}
	return out
}
