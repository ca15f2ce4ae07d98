// Checks of how a run begins, goes on and ends.

package checkpointtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

func beginNew(f *fixture) {
	run := f.begin("r1", false)
	if !run.Started.Equal(began) {
		f.Errorf("started %v, want %v", run.Started, began)
	}
	held := false
	f.ok(run.held.Hold(f.Context(), func(context.Context) { held = true }))
	f.equal("held", held, true)
	if run.Epoch == 0 || run.seat.Epoch <= run.Epoch {
		f.Errorf("epoch %d, and %d of the seat", run.Epoch, run.seat.Epoch)
	}
	if run.Pipeline == "" {
		f.Error("the pipeline has no identity")
	}
	want := checkpoint.Run{Pipeline: run.Pipeline, ID: "r1", Epoch: run.Epoch, Started: run.Started}
	f.equal("new run", run.Run, want)
	f.equal("new seat", run.seat, checkpoint.Seat{Run: want, Epoch: run.seat.Epoch,
		Tokens: map[string]checkpoint.Token{}})
	f.equal("previous of the first run", f.previous(), []string{})
	f.equal("tokens of the first run", f.tokens(), map[string]checkpoint.Token{})
}

func beginResumes(f *fixture) {
	first := f.planned("r1", "a", "b", "c")
	f.advance(first, "a", "a9", checkpoint.Done)
	f.advance(first, "b", "b5", checkpoint.Broken)
	f.advance(first, "c", "c3", checkpoint.Open)
	f.ok(f.commit(first, checkpoint.Commit{Stats: []byte(`{"n":1}`)}))

	again, err := f.beginAs(checkpoint.Begin{ID: "r2", Now: began.Add(time.Hour), Fingerprint: "print"})
	f.ok(err)
	if again.ID != "r1" || !again.Resumed || !again.Planned || string(again.Stats) != `{"n":1}` ||
		!again.Started.Equal(began) {
		f.Errorf("the unfinished run came back as %+v", again)
	}
	if again.Epoch <= first.Epoch {
		f.Errorf("epoch %d after %d", again.Epoch, first.Epoch)
	}
	f.equal("a done split", f.split(again, "a").Status, checkpoint.Done)
	b := f.split(again, "b")
	if b.Status != checkpoint.Open || b.Problem != "" || string(b.Cursor) != "b5" || b.Records != 7 {
		f.Errorf("the broken split came back as %+v", b)
	}
	f.equal("cursor of the open split", string(f.split(again, "c").Cursor), "c3")
}

func beginChanged(f *fixture) {
	first := f.planned("r1", "a")
	f.advance(first, "a", "a1", checkpoint.Broken)
	other := checkpoint.Begin{ID: "r2", Now: began, Fingerprint: "other"}
	if _, err := f.beginAs(other); !errors.Is(err, checkpoint.ErrChanged) {
		f.Fatalf("other settings: %v, want ErrChanged", err)
	}
	f.equal("the broken split after a refused Begin", f.split(first, "a").Status, checkpoint.Broken)
	// Nothing changed: the holder holds it still.
	f.advance(first, "a", "a2", checkpoint.Done)
	f.ok(f.end(first))
	run, err := f.beginAs(other)
	f.ok(err)
	f.equal("run after a complete one", run.ID, "r2")
}

// beginUnplanned: nothing holds a run to its settings before it is planned, and the settings of its
// plan do then.
func beginUnplanned(f *fixture) {
	begin := func(id, fingerprint string, full bool) (seatedRun, error) {
		return f.beginAs(checkpoint.Begin{ID: id, Now: began, Full: full, Fingerprint: fingerprint})
	}
	first, err := begin("r1", "mistyped", true)
	f.ok(err)
	f.ok(f.finish(first, checkpoint.Failed))
	f.reopen()
	again, err := begin("r2", "right", false)
	f.ok(err)
	if again.ID != "r1" || !again.Full || !again.Resumed || again.Planned {
		f.Errorf("the run that was not planned came back as %+v", again)
	}
	f.ok(f.plan(again, splitsOf("a")))
	f.reopen()
	if _, err := begin("r3", "mistyped", false); !errors.Is(err, checkpoint.ErrChanged) {
		f.Errorf("the settings of before the plan: %v, want ErrChanged", err)
	}
	planned, err := begin("r3", "right", false)
	f.ok(err)
	f.equal("run of the plan's settings", planned.ID, "r1")
}

func beginFull(f *fixture) {
	first := f.planned("r1", "a", "b")
	f.advance(first, "a", "a1", checkpoint.Done)
	full, err := f.beginAs(checkpoint.Begin{ID: "r2", Now: began, Full: true, Fingerprint: "other"})
	f.ok(err)
	if full.ID != "r2" || !full.Full || full.Resumed || full.Planned || full.Stats != nil {
		f.Errorf("full run: %+v", full)
	}
	f.equal("splits of the new run", f.ids(full), []string(nil))
	f.equal("splits of the abandoned run", f.ids(first), []string(nil))
	f.fenced("Claim", errOf(first.held.Claim(f.Context(), 1)))
	runs := f.runs(2)
	f.equal("outcome of the abandoned run", runs[1].Outcome, checkpoint.Abandoned)
	f.equal("counts of the abandoned run", runs[1].Splits,
		map[checkpoint.Status]int{checkpoint.Done: 1, checkpoint.Open: 1})

	again, err := f.beginAs(checkpoint.Begin{ID: "r3", Now: began, Fingerprint: "other"})
	f.ok(err)
	if again.ID != "r2" || !again.Full || !again.Resumed {
		f.Errorf("an unfinished full run came back as %+v", again)
	}
	anew, err := f.beginAs(checkpoint.Begin{ID: "r4", Now: began, Full: true, Fingerprint: "other"})
	f.ok(err)
	f.equal("full over an unfinished full run", anew.ID, "r4")
}

func beginUsedID(f *fixture) {
	f.complete("r1", false, "x", "a")
	_, err := f.beginAs(checkpoint.Begin{ID: "r1", Now: began, Fingerprint: "print"})
	f.fails("a second run of the same id", err)
	f.equal("runs", len(f.runs(10)), 1)
}

func planOnce(f *fixture) {
	run := f.begin("r1", false)
	if err := f.plan(run, splitsOf("a", "b", "a")); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), `"a"`) {
		f.Errorf("a plan with an id twice: %v, want a permanent error that names it", err)
	}
	f.equal("splits after a refused plan", f.ids(run), []string(nil))
	f.ok(f.plan(run, splitsOf("b", "a", "c")))
	f.equal("order of the plan", f.ids(run), []string{"b", "a", "c"})
	f.fails("a second plan", f.plan(run, splitsOf("d")))
	run = f.begin("r1", false)
	f.equal("planned", run.Planned, true)
	f.fails("a plan of a run that goes on", f.plan(run, splitsOf("d")))
	f.equal("order of the plan", f.ids(run), []string{"b", "a", "c"})
}

// planInPages: a plan is whole or not there, in however many pages it comes.
func planInPages(f *fixture) {
	f.complete("r1", false, "1", "z")
	run := f.begin("r2", false)
	broke := errors.New("it broke off")
	ended := false
	plan := func(last error, pages ...[]sdk.Split) error {
		return run.coordinator.Plan(f.Context(), func(yield func([]sdk.Split, error) bool) {
			defer func() { ended = true }()
			f.equal("previous before the first page", f.previous(), []string{"z=1"})
			for _, p := range pages {
				if !yield(p, nil) {
					return
				}
			}
			if last != nil {
				yield(nil, last)
			}
		})
	}
	for what, err := range map[string]error{
		"nothing but an error": plan(broke),
		"an error at the end":  plan(broke, splitsOf("a"), splitsOf("b")),
	} {
		if !errors.Is(err, broke) {
			f.Errorf("%s: %v", what, err)
		}
	}
	f.fails("an id twice, in two pages", plan(nil, splitsOf("a", "b"), splitsOf("c", "a"), splitsOf("d")))
	f.equal("the sequence was ended", ended, true)
	f.equal("splits after refused plans", f.ids(run), []string(nil))
	f.ok(plan(nil, splitsOf("b", "z"), nil, splitsOf("a"), splitsOf("c")))
	f.equal("order of the plan", f.ids(run), []string{"b", "z", "a", "c"})
	f.fails("a second plan", plan(nil))
	f.equal("previous", f.previous(), []string{"z=1"})
}

func finishUnfinished(f *fixture) {
	for _, outcome := range []checkpoint.Outcome{checkpoint.Incomplete, checkpoint.Interrupted, checkpoint.Failed} {
		run := f.begin("r1", false)
		if !run.Planned {
			f.ok(f.plan(run, splitsOf("a")))
		}
		f.advance(run, "a", "a1", checkpoint.Broken)
		f.ok(f.finish(run, outcome))
		f.fenced("Commit after Finish", f.commit(run, checkpoint.Commit{}))
		f.fenced("Finish after Finish", f.finish(run, outcome))
		info := f.runs(1)[0]
		if info.Outcome != outcome || !info.Ended.Equal(began.Add(time.Minute)) {
			f.Errorf("after Finish: %+v", info)
		}
		f.equal("splits to look at", f.split(run, "a").Problem, "it broke")
		f.equal("previous after an unfinished run", f.previous(), []string{})
		again := f.begin("r2", false)
		f.equal("the next run", again.ID, "r1")
		info = f.runs(1)[0]
		if info.Outcome != checkpoint.Running || !info.Ended.IsZero() {
			f.Errorf("while it runs again: %+v", info)
		}
	}
	f.equal("starts", f.runs(1)[0].Starts, 6)
}

func finishRefused(f *fixture) {
	run := f.begin("r1", false)
	refused := func(what string, o checkpoint.Outcome) {
		f.Helper()
		f.ok(run.held.Leave(f.Context()))
		f.fails(what, f.finish(run, o))
		run = f.join(run, 0) // it goes on
	}
	refused("Complete of a run without a plan", checkpoint.Complete)
	f.ok(f.plan(run, splitsOf("a", "b")))
	f.advance(run, "a", "a1", checkpoint.Done)
	refused("Complete with an open split", checkpoint.Complete)
	f.advance(run, "b", "b1", checkpoint.Broken)
	f.fails("an end that is none", f.finish(run, checkpoint.Running))
	f.fails("Complete with a broken split", f.finish(run, checkpoint.Complete))
	f.equal("previous after refused ends", f.previous(), []string{})
	f.advance(run, "b", "b2", checkpoint.Done) // it is held still
	f.fails("Complete with a seat that is not settled", f.finish(run, checkpoint.Complete))
	f.ok(f.end(run))
	f.equal("previous", f.previous(), []string{"a=a1", "b=b2"})
	f.equal("splits of a complete run", f.ids(run), []string(nil))

	none := f.planned("r2")
	f.ok(f.end(none))
}

// A run is complete without the splits that it skipped, and the next plan does not take them for
// read.
func finishWithSkipped(f *fixture) {
	f.complete("r1", false, "1", "a", "b")
	run := f.planned("r2", "b", "c", "d")
	f.advance(run, "b", "b2", checkpoint.Skipped)
	f.advance(run, "c", "c2", checkpoint.Skipped)
	f.advance(run, "d", "d2", checkpoint.Broken)
	f.ok(f.finish(run, checkpoint.Incomplete))
	run = f.begin("r3", false)
	f.equal("a skipped split of a run that goes on", f.split(run, "c").Status, checkpoint.Skipped)
	f.equal("why", f.split(run, "c").Problem, "it broke")
	f.advance(run, "d", "d3", checkpoint.Done)
	f.equal("done and skipped", f.runs(1)[0].Gaps, false)
	f.ok(run.held.Leave(f.Context()))
	f.ok(run.coordinator.Finish(f.Context(), checkpoint.Complete, checkpoint.End{Now: began, Gaps: true}))
	f.equal("gaps", f.runs(1)[0].Gaps, true)
	f.equal("previous", f.previous(), []string{"a=1", "b=1", "d=d3"})
	f.equal("counts", f.runs(1)[0].Splits, map[checkpoint.Status]int{checkpoint.Done: 1, checkpoint.Skipped: 2})
}

func previousMerges(f *fixture) {
	f.complete("r1", false, "1", "b", "a")
	f.equal("previous", f.previous(), []string{"a=1", "b=1"})
	f.complete("r2", false, "2", "c", "b")
	f.equal("merged", f.previous(), []string{"a=1", "b=2", "c=2"})
	run := f.planned("r3", "a")
	f.advance(run, "a", "3", checkpoint.Done)
	f.equal("while a run goes on", f.previous(), []string{"a=1", "b=2", "c=2"})
}

func previousAfterFull(f *fixture) {
	f.complete("r1", false, "1", "a", "b")
	run := f.begin("r2", true)
	f.equal("while a full run goes on", f.previous(), []string{"a=1", "b=1"})
	f.ok(f.plan(run, splitsOf("b")))
	f.advance(run, "b", "2", checkpoint.Done)
	f.ok(f.end(run))
	f.equal("after a full run", f.previous(), []string{"b=2"})
}

func previousInPages(f *fixture) {
	var ids []string
	for i := range 25 {
		ids = append(ids, fmt.Sprintf("s%02d", i))
	}
	f.complete("r1", false, "1", ids[:20]...)
	f.complete("r2", false, "2", ids[15:]...)
	f.planned("r3", "s07", "t") // is none of them
	page := func(after string, n int, want ...string) {
		f.Helper()
		all, err := f.store.View().Previous(f.Context(), after, n)
		f.ok(err)
		var got []string
		for _, s := range all {
			got = append(got, s.ID)
		}
		f.equal(fmt.Sprintf("%d after %q", n, after), got, want)
	}
	page("", 3, ids[:3]...)
	page("s02", 15, ids[3:18]...)
	page("s2", 100, ids[20:]...)
	page("s24", 1)
	page("", 0)
	f.equal("all of them", len(f.previous()), 25)
}

// endsNotBeforeItBegan: a clock may be set back while a run goes on.
func endsNotBeforeItBegan(f *fixture) {
	run := f.planned("r1", "a")
	f.ok(run.coordinator.Finish(f.Context(), checkpoint.Failed, checkpoint.End{Now: began.Add(-time.Hour)}))
	f.equal("ended", f.runs(1)[0].Ended.Equal(began), true)
	_, err := f.beginAs(checkpoint.Begin{ID: "r2", Now: began.Add(-time.Hour), Full: true})
	f.ok(err)
	f.equal("abandoned", f.runs(2)[1].Ended.Equal(began), true)
}

func prune(f *fixture) {
	for _, id := range []string{"r1", "r2", "r3", "r4"} {
		f.complete(id, false, id, id)
	}
	run := f.planned("r5")
	f.ok(f.commit(run, checkpoint.Commit{Tokens: tokensOf("sink", "t")}))
	f.ok(f.end(run))
	keep := func(n, want int, left ...string) {
		f.Helper()
		gone, err := f.store.Admin().Prune(f.Context(), n)
		f.ok(err)
		f.equal("forgotten", gone, want)
		var ids []string
		for _, r := range f.runs(10) {
			ids = append(ids, r.ID)
		}
		f.equal(fmt.Sprintf("the newest %d", n), ids, left)
	}
	keep(9, 0, "r5", "r4", "r3", "r2", "r1")
	keep(2, 3, "r5", "r4")
	keep(0, 2)
	f.reopen()
	f.equal("previous", f.previous(), []string{"r1=r1", "r2=r2", "r3=r3", "r4=r4"})
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{"sink": {Run: "r5", Token: sdk.Token("t")}})
	f.complete("r6", false, "2", "r2", "r9")
	f.equal("previous", f.previous(), []string{"r1=r1", "r2=2", "r3=r3", "r4=r4", "r9=2"})
}

func pruneKeepsTheUnfinished(f *fixture) {
	f.complete("r1", false, "1", "a")
	run := f.planned("r2", "a", "b")
	f.advance(run, "a", "2", checkpoint.Open)
	gone, err := f.store.Admin().Prune(f.Context(), 0)
	f.ok(err)
	f.equal("forgotten", gone, 1)
	f.equal("cursor", string(f.split(run, "a").Cursor), "2")
	f.advance(run, "a", "3", checkpoint.Done) // it is held still
	again := f.begin("r3", false)
	f.equal("the run that goes on", again.ID, "r2")
}

// compact changes nothing that can be seen, whoever holds the run.
func compact(f *fixture) {
	f.complete("r1", false, "1", "a", "c")
	run := f.planned("r2", "a", "b")
	f.advance(run, "a", "2", checkpoint.Done)
	splits, runs, previous := f.splits(run), f.runs(5), f.previous()
	f.ok(f.store.Admin().Compact(f.Context()))
	f.equal("splits", f.splits(run), splits)
	f.equal("runs", f.runs(5), runs)
	f.equal("previous", f.previous(), previous)
	f.advance(run, "b", "2", checkpoint.Done)
	f.ok(f.end(run))
	f.equal("previous", f.previous(), []string{"a=2", "b=2", "c=1"})
}

func runsNewestFirst(f *fixture) {
	f.equal("no runs", len(f.runs(5)), 0)
	f.complete("r1", false, "1", "a")
	f.complete("r2", true, "1", "a")
	f.begin("r3", false)
	var ids []string
	for _, r := range f.runs(10) {
		ids = append(ids, r.ID)
	}
	f.equal("runs", ids, []string{"r3", "r2", "r1"})
	f.equal("at most two", len(f.runs(2)), 2)
	f.equal("at most none", len(f.runs(0)), 0)
	r2 := f.runs(2)[1]
	if !r2.Full || r2.Outcome != checkpoint.Complete || !r2.Started.Equal(began) || r2.Starts != 1 {
		f.Errorf("run: %+v", r2)
	}
}

func runsCountSplits(f *fixture) {
	run := f.planned("r1", "a", "b", "c")
	f.advance(run, "a", "1", checkpoint.Done)
	f.advance(run, "b", "1", checkpoint.Broken)
	f.equal("while it runs", f.runs(1)[0].Splits,
		map[checkpoint.Status]int{checkpoint.Done: 1, checkpoint.Broken: 1, checkpoint.Open: 1})
	f.advance(run, "b", "1", checkpoint.Done)
	f.advance(run, "c", "1", checkpoint.Done)
	f.ok(f.end(run))
	f.equal("when it is complete", f.runs(1)[0].Splits, map[checkpoint.Status]int{checkpoint.Done: 3})
}

func reset(f *fixture) {
	f.complete("r1", false, "1", "a")
	old := f.planned("r2", "a")
	s := f.claim(old, "a")
	f.ok(f.commit(old, checkpoint.Commit{Tokens: tokensOf("sink", "t")}))
	f.ok(f.store.Admin().Reset(f.Context()))
	f.equal("previous", f.previous(), []string{})
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{})
	f.equal("runs", len(f.runs(5)), 0)
	p := checkpoint.Progress{ID: "a", Epoch: s.Epoch, Status: checkpoint.Done}
	f.fenced("Commit", f.commit(old, checkpoint.Commit{Splits: []checkpoint.Progress{p}}))
	run := f.planned("r2", "a") // the same id is new again
	if run.Resumed || run.Epoch <= old.Epoch || run.Pipeline != old.Pipeline {
		f.Errorf("after a reset: %+v", run)
	}
	f.fenced("Commit", f.commit(old, checkpoint.Commit{}))
}

func errOf[T any](_ T, err error) error { return err }

// identity: it is the state's own, and outlasts runs and processes.
func identity(f *fixture) {
	first := f.begin("r1", false)
	f.reopen()
	again := f.begin("r2", true)
	f.equal("identity in another process", again.Pipeline, first.Pipeline)
	elsewhere := f.open(f.T, f.TempDir())
	f.T.Cleanup(func() { f.ok(elsewhere.Close()) })
	other, _, err := elsewhere.Begin(f.Context(), checkpoint.Begin{ID: "r1", Now: began, Fingerprint: "print"})
	f.ok(err)
	if other.Pipeline == first.Pipeline {
		f.Errorf("two pipelines are both %s", other.Pipeline)
	}
}

// current: the run under way, for those that have not begun it.
func current(f *fixture) {
	none := func(when string) {
		f.Helper()
		_, ok, err := f.store.Current(f.Context())
		f.ok(err)
		f.equal("a run "+when, ok, false)
	}
	none("at first")
	run := f.planned("r1", "a")
	f.ok(f.commit(run, checkpoint.Commit{Stats: []byte(`{"n":2}`)}))
	got, ok, err := f.store.Current(f.Context())
	f.ok(err)
	want := run.Run
	want.Planned, want.Stats = true, []byte(`{"n":2}`)
	f.equal("there is a run", ok, true)
	f.equal("current run", got, want)
	f.ok(f.finish(run, checkpoint.Failed))
	none("after its end")
	again := f.begin("r2", false)
	got, _, err = f.store.Current(f.Context())
	f.ok(err)
	f.equal("goes on", []any{got.ID, got.Resumed, got.Epoch}, []any{"r1", true, again.Epoch})
}

// joins: who sits down on a seat fences the one who sat there, and nobody else.
func joins(f *fixture) {
	run := f.planned("r1", "a")
	other := f.join(run, 3)
	joined := f.join(run, 0)
	if joined.seat.Epoch <= run.seat.Epoch || joined.seat.N != 0 {
		f.Errorf("%+v after %+v", joined.seat, run.seat)
	}
	f.fenced("Commit", f.commit(run, checkpoint.Commit{}))
	f.fenced("Renew", run.held.Renew(f.Context()))
	f.fenced("Leave", run.held.Leave(f.Context()))
	f.ok(f.commit(other, checkpoint.Commit{}))
	f.advance(joined, "a", "a1", checkpoint.Done)
	after := f.begin("r2", false)
	if after.seat.Epoch <= joined.seat.Epoch {
		f.Errorf("epoch %d after %d", after.seat.Epoch, joined.seat.Epoch)
	}
	f.fenced("Commit beside another coordinator", f.commit(other, checkpoint.Commit{}))
	f.fenced("Join", errOf2(f.store.Join(f.Context(), joined.Run, 0)))
	f.ok(f.finish(after, checkpoint.Failed))
	f.fenced("Join after the end", errOf2(f.store.Join(f.Context(), after.Run, 0)))
	f.fenced("Commit after the end", f.commit(after, checkpoint.Commit{}))
}

// joinAny: what nobody has settled comes first, then the lowest that is free.
func joinAny(f *fixture) {
	run := f.begin("r1", false)
	var all []seatedRun
	for n := 1; n < 4; n++ {
		all = append(all, f.join(run, checkpoint.AnySeat))
		f.equal("next seat", all[n-1].seat.N, n)
	}
	f.ok(all[0].held.Leave(f.Context()))
	f.ok(all[2].held.Leave(f.Context()))
	f.equal("lowest free seat", f.join(run, checkpoint.AnySeat).seat.N, 1)
	f.equal("the next", f.join(run, checkpoint.AnySeat).seat.N, 3)
	run = f.begin("r1", false) // fences all of them
	for _, want := range []int{1, 2, 3, 4} {
		f.equal("seat", f.join(run, checkpoint.AnySeat).seat.N, want)
	}
}

// seatsAreApart: each has its own splits and tokens.
func seatsAreApart(f *fixture) {
	one := f.planned("r1", "a", "b", "c")
	two := f.join(one, 1)
	a := f.claim(one, "a")
	b := f.claim(two, "b")
	f.equal("who holds a", f.split(one, "a").Seat, 0)
	f.equal("who holds b", f.split(one, "b").Seat, 1)
	f.equal("who holds c", f.split(one, "c").Seat, checkpoint.AnySeat)
	free, err := f.store.View().Splits(f.Context(), one.ID, checkpoint.Query{Status: checkpoint.Open, Free: true, N: 5})
	f.equal("free splits", idsOf(free, err), []string{"c"})
	f.fenced("Commit of another's split", f.commit(one, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "b", Epoch: b.Epoch, Status: checkpoint.Done}},
		Tokens: tokensOf("sink", "late"),
	}))
	f.ok(f.commit(one, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Status: checkpoint.Done}},
		Tokens: tokensOf("sink", "of 0"),
	}))
	f.ok(f.commit(two, checkpoint.Commit{Tokens: tokensOf("sink", "of 1")}))
	f.equal("seat of a done split", f.split(one, "a").Seat, checkpoint.AnySeat)
	f.reopen()
	for n, want := range []string{"of 0", "of 1"} {
		f.equal("tokens", f.seats()[n].Tokens, map[string]checkpoint.Token{"sink": {Run: "r1", Token: sdk.Token(want)}})
		f.equal("tokens of who sits down", f.join(one, n).seat.Tokens, f.seats()[n].Tokens)
	}
}

// seatsAreSettled: a run is complete when every seat was left.
func seatsAreSettled(f *fixture) {
	one := f.planned("r1", "a", "b")
	two := f.join(one, 1)
	f.advance(two, "a", "1", checkpoint.Done)
	f.claim(two, "b")
	f.equal("settled", []bool{f.seats()[0].Settled, f.seats()[1].Settled}, []bool{false, false})
	f.ok(two.held.Leave(f.Context()))
	f.equal("settled", []bool{f.seats()[0].Settled, f.seats()[1].Settled}, []bool{false, true})
	f.equal("free", []bool{f.seats()[0].Free, f.seats()[1].Free}, []bool{false, true})
	f.fenced("Commit of one who has left", f.commit(two, checkpoint.Commit{}))
	f.advance(one, "b", "2", checkpoint.Done)
	late := f.join(one, 1)
	f.ok(one.held.Leave(f.Context()))
	f.fails("Complete beside a seat that is held", f.finish(one, checkpoint.Complete))
	f.ok(late.held.Leave(f.Context()))
	f.ok(f.finish(one, checkpoint.Complete))
}

// seatsOfAFullRun: what earlier runs have delivered on any seat is to be discarded.
func seatsOfAFullRun(f *fixture) {
	one := f.planned("r1")
	two := f.join(one, 1)
	f.ok(two.held.Leave(f.Context()))
	f.ok(f.end(one))
	next := f.planned("r2")
	f.equal("settled in the next run", f.seats()[1].Settled, true)
	f.ok(f.end(next))
	full := f.begin("r3", true)
	f.equal("settled in a full run", f.seats()[1].Settled, false)
	f.equal("the seat to begin with", f.join(full, checkpoint.AnySeat).seat.N, 1)
}

// claimsOfTheDead: what the former holder of a seat held is nobody else's before the stages are
// open.
func claimsOfTheDead(f *fixture) {
	one := f.planned("r1", "a", "b")
	dead := f.join(one, 1)
	a := f.claim(dead, "a")
	after := f.join(one, 1)
	f.equal("before the stages are open", f.split(one, "a").Seat, 1)
	f.claim(one, "b")
	page, err := one.held.Claim(f.Context(), 5)
	f.equal("left for others", idsOf(page, err), []string(nil))
	page, err = after.held.Claim(f.Context(), 5)
	f.equal("claimed", idsOf(page, err), []string{"a"})
	if page[0].Epoch <= a.Epoch {
		f.Errorf("epoch %d after %d", page[0].Epoch, a.Epoch)
	}
	f.ok(after.held.Leave(f.Context()))
	page, err = one.held.Claim(f.Context(), 5)
	f.equal("what was left", idsOf(page, err), []string{"a"})
	f.fenced("Commit of the dead", f.commit(dead, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Status: checkpoint.Done}},
	}))
}

// lease: a seat is free when nothing is heard of its holder, who can go on until another comes.
func lease(f *fixture) {
	dir := f.TempDir()
	synctest.Test(f.T, func(t *testing.T) {
		inside := &fixture{T: t, open: f.open, dir: dir, store: f.open(t, dir)}
		leaseInTime(inside)
		inside.ok(inside.store.Close())
	})
}

func leaseInTime(f *fixture) {
	run := f.planned("r1", "a")
	time.Sleep(checkpoint.Lease * 2 / 3)
	f.equal("free", f.seats()[0].Free, false)
	for what, renew := range map[string]func() error{
		"Renew":  func() error { return run.held.Renew(f.Context()) },
		"Commit": func() error { return f.commit(run, checkpoint.Commit{}) },
		"Hold": func() error {
			return run.held.Hold(f.Context(), func(context.Context) { time.Sleep(checkpoint.Lease * 2) })
		},
		"Claim": func() error { return errOf(run.held.Claim(f.Context(), 1)) },
	} {
		time.Sleep(checkpoint.Lease * 2 / 3)
		f.ok(renew())
		f.equal("free after "+what, f.seats()[0].Free, false)
	}
	time.Sleep(checkpoint.Lease)
	f.equal("free", f.seats()[0].Free, true)
	f.ok(run.held.Renew(f.Context()))
	f.equal("free", f.seats()[0].Free, false)
	time.Sleep(checkpoint.Lease)
	f.equal("the seat of one who is gone", f.join(run, checkpoint.AnySeat).seat.N, 0)
	f.fenced("Renew", run.held.Renew(f.Context()))
}

// statsAddUp: whatever seats they come from.
func statsAddUp(f *fixture) {
	one := f.begin("r1", false)
	two := f.join(one, 1)
	f.ok(f.commit(one, checkpoint.Commit{Stats: []byte(`{"stages":{"a":{"in":1,"out":9223372036854775800}},"n":1}`)}))
	f.ok(f.commit(two, checkpoint.Commit{Stats: []byte(`{"stages":{"a":{"in":2,"out":100},"b":{"in":-3}}}`)}))
	f.ok(f.commit(two, checkpoint.Commit{}))
	f.fails("stats that are none", f.commit(one, checkpoint.Commit{Stats: []byte(`{"n":"1"}`)}))
	f.equal("stats", string(f.join(one, 0).seat.Run.Stats),
		`{"n":1,"stages":{"a":{"in":3,"out":9223372036854775807},"b":{"in":-3}}}`)
}

func errOf2[T, U any](_ T, _ U, err error) error { return err }
