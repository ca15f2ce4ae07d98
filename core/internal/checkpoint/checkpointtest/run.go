// Checks of how a run begins, goes on and ends.

package checkpointtest

import (
	"errors"
	"fmt"
	"strings"
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
	f.ok(f.store.Hold(f.Context(), run, func() { held = true }))
	f.equal("held", held, true)
	run.Started = time.Time{}
	if run.Epoch == 0 {
		f.Error("a held run has epoch 0")
	}
	run.Epoch = 0
	if run.Pipeline == "" {
		f.Error("the pipeline has no identity")
	}
	f.equal("new run", run, checkpoint.Run{Pipeline: run.Pipeline, ID: "r1"})
	f.equal("previous of the first run", f.previous(), []string{})
	f.equal("tokens of the first run", f.tokens(), map[string]checkpoint.Token{})
}

func beginResumes(f *fixture) {
	first := f.planned("r1", "a", "b", "c")
	f.advance(first, "a", "a9", checkpoint.Done)
	f.advance(first, "b", "b5", checkpoint.Broken)
	f.advance(first, "c", "c3", checkpoint.Open)
	f.ok(f.commit(first, checkpoint.Commit{Stats: []byte("stats")}))

	again, err := f.store.Begin(f.Context(), checkpoint.Begin{ID: "r2", Now: began.Add(time.Hour), Fingerprint: "print"})
	f.ok(err)
	if again.ID != "r1" || !again.Resumed || !again.Planned || string(again.Stats) != "stats" || !again.Started.Equal(began) {
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
	if _, err := f.store.Begin(f.Context(), other); !errors.Is(err, checkpoint.ErrChanged) {
		f.Fatalf("other settings: %v, want ErrChanged", err)
	}
	f.equal("the broken split after a refused Begin", f.split(first, "a").Status, checkpoint.Broken)
	// Nothing changed: the holder holds it still.
	f.advance(first, "a", "a2", checkpoint.Done)
	f.ok(f.finish(first, checkpoint.Complete))
	run, err := f.store.Begin(f.Context(), other)
	f.ok(err)
	f.equal("run after a complete one", run.ID, "r2")
}

// beginUnplanned: nothing holds a run to its settings before it is planned, and the settings of its plan do then.
func beginUnplanned(f *fixture) {
	begin := func(id, fingerprint string, full bool) (checkpoint.Run, error) {
		return f.store.Begin(f.Context(), checkpoint.Begin{ID: id, Now: began, Full: full, Fingerprint: fingerprint})
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
	full, err := f.store.Begin(f.Context(), checkpoint.Begin{ID: "r2", Now: began, Full: true, Fingerprint: "other"})
	f.ok(err)
	if full.ID != "r2" || !full.Full || full.Resumed || full.Planned || full.Stats != nil {
		f.Errorf("full run: %+v", full)
	}
	f.equal("splits of the new run", f.ids(full), []string(nil))
	f.equal("splits of the abandoned run", f.ids(first), []string(nil))
	f.fenced("Claim", errOf(f.store.Claim(f.Context(), first, 0, 1)))
	runs := f.runs(2)
	f.equal("outcome of the abandoned run", runs[1].Outcome, checkpoint.Abandoned)
	f.equal("counts of the abandoned run", runs[1].Splits, map[checkpoint.Status]int{checkpoint.Done: 1, checkpoint.Open: 1})

	again, err := f.store.Begin(f.Context(), checkpoint.Begin{ID: "r3", Now: began, Fingerprint: "other"})
	f.ok(err)
	if again.ID != "r2" || !again.Full || !again.Resumed {
		f.Errorf("an unfinished full run came back as %+v", again)
	}
	anew, err := f.store.Begin(f.Context(), checkpoint.Begin{ID: "r4", Now: began, Full: true, Fingerprint: "other"})
	f.ok(err)
	f.equal("full over an unfinished full run", anew.ID, "r4")
}

func beginUsedID(f *fixture) {
	f.complete("r1", false, "x", "a")
	_, err := f.store.Begin(f.Context(), checkpoint.Begin{ID: "r1", Now: began, Fingerprint: "print"})
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
		return f.store.Plan(f.Context(), run, func(yield func([]sdk.Split, error) bool) {
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
	f.fails("Complete of a run without a plan", f.finish(run, checkpoint.Complete))
	f.ok(f.plan(run, splitsOf("a", "b")))
	f.advance(run, "a", "a1", checkpoint.Done)
	f.fails("Complete with an open split", f.finish(run, checkpoint.Complete))
	f.advance(run, "b", "b1", checkpoint.Broken)
	f.fails("Complete with a broken split", f.finish(run, checkpoint.Complete))
	f.fails("an end that is none", f.finish(run, checkpoint.Running))
	f.equal("previous after refused ends", f.previous(), []string{})
	f.advance(run, "b", "b2", checkpoint.Done) // it is held still
	f.ok(f.finish(run, checkpoint.Complete))
	f.equal("previous", f.previous(), []string{"a=a1", "b=b2"})
	f.equal("splits of a complete run", f.ids(run), []string(nil))

	none := f.planned("r2")
	f.ok(f.finish(none, checkpoint.Complete))
}

// A run is complete without the splits that it skipped, and the next plan does not take them for read.
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
	f.ok(f.store.Finish(f.Context(), run, checkpoint.Complete, checkpoint.End{Now: began, Gaps: true}))
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
	f.ok(f.finish(run, checkpoint.Complete))
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
		all, err := f.store.Previous(f.Context(), after, n)
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
	f.ok(f.store.Finish(f.Context(), run, checkpoint.Failed, checkpoint.End{Now: began.Add(-time.Hour)}))
	f.equal("ended", f.runs(1)[0].Ended.Equal(began), true)
	_, err := f.store.Begin(f.Context(), checkpoint.Begin{ID: "r2", Now: began.Add(-time.Hour), Full: true})
	f.ok(err)
	f.equal("abandoned", f.runs(2)[1].Ended.Equal(began), true)
}

func prune(f *fixture) {
	for _, id := range []string{"r1", "r2", "r3", "r4"} {
		f.complete(id, false, id, id)
	}
	run := f.planned("r5")
	f.ok(f.commit(run, checkpoint.Commit{Tokens: tokensOf("sink", "t")}))
	f.ok(f.finish(run, checkpoint.Complete))
	keep := func(n, want int, left ...string) {
		f.Helper()
		gone, err := f.store.Prune(f.Context(), n)
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
	gone, err := f.store.Prune(f.Context(), 0)
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
	f.ok(f.store.Compact(f.Context()))
	f.equal("splits", f.splits(run), splits)
	f.equal("runs", f.runs(5), runs)
	f.equal("previous", f.previous(), previous)
	f.advance(run, "b", "2", checkpoint.Done)
	f.ok(f.finish(run, checkpoint.Complete))
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
	f.equal("while it runs", f.runs(1)[0].Splits, map[checkpoint.Status]int{checkpoint.Done: 1, checkpoint.Broken: 1, checkpoint.Open: 1})
	f.advance(run, "b", "1", checkpoint.Done)
	f.advance(run, "c", "1", checkpoint.Done)
	f.ok(f.finish(run, checkpoint.Complete))
	f.equal("when it is complete", f.runs(1)[0].Splits, map[checkpoint.Status]int{checkpoint.Done: 3})
}

func reset(f *fixture) {
	f.complete("r1", false, "1", "a")
	old := f.planned("r2", "a")
	s := f.claim(old, "a")
	f.ok(f.commit(old, checkpoint.Commit{Tokens: tokensOf("sink", "t")}))
	f.ok(f.store.Reset(f.Context()))
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
	other, err := elsewhere.Begin(f.Context(), checkpoint.Begin{ID: "r1", Now: began, Fingerprint: "print"})
	f.ok(err)
	if other.Pipeline == first.Pipeline {
		f.Errorf("two pipelines are both %s", other.Pipeline)
	}
}

// joins: an attempt fences the one before it, and is the holder still.
func joins(f *fixture) {
	run := f.planned("r1", "a")
	joined, err := f.store.Join(f.Context(), run)
	f.ok(err)
	if joined.Epoch <= run.Epoch {
		f.Errorf("epoch %d after %d", joined.Epoch, run.Epoch)
	}
	f.fenced("Commit", f.commit(run, checkpoint.Commit{}))
	f.fenced("Join", errOf(f.store.Join(f.Context(), run)))
	f.advance(joined, "a", "a1", checkpoint.Done)
	f.reopen()
	after := f.begin("r2", false)
	if after.Epoch <= joined.Epoch {
		f.Errorf("epoch %d after %d", after.Epoch, joined.Epoch)
	}
	f.fenced("Join", errOf(f.store.Join(f.Context(), joined)))
}
