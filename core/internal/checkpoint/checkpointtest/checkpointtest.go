// Package checkpointtest is the conformance suite of [checkpoint.Store]: each sentence of the
// interface's comments is a check here. A new store is right when Run passes.
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

// Opener opens the store that lives at dir: twice with the same dir gives the same state, whether
// or not the first was closed.
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
		{"Current", current},
		{"Join", joins},
		{"JoinAny", joinAny},
		{"SeatsAreApart", seatsAreApart},
		{"SeatsAreSettled", seatsAreSettled},
		{"SeatsOfAFullRun", seatsOfAFullRun},
		{"ClaimsOfTheDead", claimsOfTheDead},
		{"Lease", lease},
		{"StatsAddUp", statsAddUp},
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

// began is when the runs of the suite start: with nanoseconds, in a zone, so that both are seen to
// be kept.
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

// seatedRun is a run with its coordinator, who also sits on a seat.
type seatedRun struct {
	checkpoint.Run
	coordinator checkpoint.Coordinator
	seat        checkpoint.Seat
	held        checkpoint.Held
	claims      map[string]checkpoint.Split // by this holder
}

func (f *fixture) begin(id string, full bool) seatedRun {
	f.Helper()
	run, err := f.beginAs(checkpoint.Begin{ID: id, Now: began, Full: full, Fingerprint: "print"})
	f.ok(err)
	return run
}

// beginAs begins a run and sits down on its seat 0.
func (f *fixture) beginAs(b checkpoint.Begin) (s seatedRun, err error) {
	f.Helper()
	if s.Run, s.coordinator, err = f.store.Begin(f.Context(), b); err == nil {
		s = f.join(s, 0)
	}
	return s, err
}

// join is the run as somebody has it who sits down on a seat.
func (f *fixture) join(run seatedRun, seat int) seatedRun {
	f.Helper()
	var err error
	run.seat, run.held, err = f.store.Join(f.Context(), run.Run, seat)
	f.ok(err)
	run.claims = map[string]checkpoint.Split{}
	return run
}

// planned begins a run and plans splits of these ids.
func (f *fixture) planned(id string, splits ...string) seatedRun {
	f.Helper()
	run := f.begin(id, false)
	f.ok(f.plan(run, splitsOf(splits...)))
	return run
}

func (f *fixture) plan(run seatedRun, splits []sdk.Split) error {
	return run.coordinator.Plan(f.Context(), checkpoint.OnePage(splits))
}

func (f *fixture) commit(run seatedRun, c checkpoint.Commit) error {
	return errOf(run.held.Commit(f.Context(), c))
}

// claim claims one split, which must be open, and those before it.
func (f *fixture) claim(run seatedRun, id string) checkpoint.Split {
	f.Helper()
	for {
		if s, ok := run.claims[id]; ok {
			return s
		}
		page, err := run.held.Claim(f.Context(), 1)
		f.ok(err)
		if len(page) != 1 {
			f.Fatalf("claimed %v, want %s", page, id)
		}
		run.claims[page[0].ID] = page[0]
	}
}

// advance commits how far a split is, which it claims if it is open.
func (f *fixture) advance(run seatedRun, id, cursor string, status checkpoint.Status) {
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
	f.ok(f.end(run))
}

// end leaves the seat of a run, which is complete by that.
func (f *fixture) end(run seatedRun) error {
	f.Helper()
	f.ok(run.held.Leave(f.Context()))
	return f.finish(run, checkpoint.Complete)
}

func (f *fixture) finish(run seatedRun, o checkpoint.Outcome) error {
	return run.coordinator.Finish(f.Context(), o, checkpoint.End{Now: began.Add(time.Minute)})
}

// splits returns all splits of a run, and holds what is kept of them against what they come to.
func (f *fixture) splits(run seatedRun) []checkpoint.Split {
	f.Helper()
	out, err := checkpoint.All(checkpoint.EachSplit(f.Context(), f.store.View(), run.ID, ""))
	f.ok(err)
	var want checkpoint.Sums
	for i, s := range out {
		want.Add(s)
		if i > 0 && s.Place <= out[i-1].Place || s.Place <= 0 {
			f.Errorf("split %s has place %d, after %d", s.ID, s.Place, out[max(0, i-1)].Place)
		}
	}
	got, err := f.store.View().Sums(f.Context(), run.ID)
	f.ok(err)
	f.equal("sums", got, want)
	return out
}

func (f *fixture) split(run seatedRun, id string) checkpoint.Split {
	f.Helper()
	for _, s := range f.splits(run) {
		if s.ID == id {
			return s
		}
	}
	f.Fatalf("no split %q in the run", id)
	return checkpoint.Split{}
}

func (f *fixture) ids(run seatedRun) []string {
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
	all, err := checkpoint.All(checkpoint.EachPrevious(f.Context(), f.store.View()))
	f.ok(err)
	n, err := f.store.View().CountPrevious(f.Context())
	f.ok(err)
	f.equal("number of previous splits", n, len(all))
	out := []string{}
	for _, s := range all {
		out = append(out, fmt.Sprintf("%s=%s", s.ID, s.Cursor))
	}
	return out
}

// tokens returns those of seat 0.
func (f *fixture) tokens() map[string]checkpoint.Token {
	f.Helper()
	for _, s := range f.seats() {
		if s.N == 0 {
			return s.Tokens
		}
	}
	return map[string]checkpoint.Token{}
}

func (f *fixture) seats() []checkpoint.SeatInfo {
	f.Helper()
	out, err := f.store.View().Seats(f.Context())
	f.ok(err)
	return out
}

func (f *fixture) runs(n int) []checkpoint.RunInfo {
	f.Helper()
	out, err := f.store.View().Runs(f.Context(), n)
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
