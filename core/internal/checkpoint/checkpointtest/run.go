// Checks of how a run begins, goes on and ends.

package checkpointtest

import (
	"errors"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
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
	f.ok(f.store.Commit(f.Context(), first, checkpoint.Commit{Stats: []byte("stats")}))

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
	f.ok(f.store.Finish(f.Context(), first, checkpoint.Complete, nil))
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
	f.ok(f.store.Finish(f.Context(), first, checkpoint.Failed, nil))
	f.reopen()
	again, err := begin("r2", "right", false)
	f.ok(err)
	if again.ID != "r1" || !again.Full || !again.Resumed || again.Planned {
		f.Errorf("the run that was not planned came back as %+v", again)
	}
	f.ok(f.store.Plan(f.Context(), again, splitsOf("a")))
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
	f.fenced("Claim", errOf(f.store.Claim(f.Context(), first, "b")))
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
	f.fails("a plan with an id twice", f.store.Plan(f.Context(), run, splitsOf("a", "b", "a")))
	f.equal("splits after a refused plan", f.ids(run), []string(nil))
	f.ok(f.store.Plan(f.Context(), run, splitsOf("b", "a", "c")))
	f.equal("order of the plan", f.ids(run), []string{"b", "a", "c"})
	f.fails("a second plan", f.store.Plan(f.Context(), run, splitsOf("d")))
	run = f.begin("r1", false)
	f.equal("planned", run.Planned, true)
	f.fails("a plan of a run that goes on", f.store.Plan(f.Context(), run, splitsOf("d")))
	f.equal("order of the plan", f.ids(run), []string{"b", "a", "c"})
}

func finishUnfinished(f *fixture) {
	for _, outcome := range []checkpoint.Outcome{checkpoint.Incomplete, checkpoint.Interrupted, checkpoint.Failed} {
		run := f.begin("r1", false)
		if !run.Planned {
			f.ok(f.store.Plan(f.Context(), run, splitsOf("a")))
		}
		f.advance(run, "a", "a1", checkpoint.Broken)
		f.ok(f.store.Finish(f.Context(), run, outcome, []byte("report")))
		f.fenced("Commit after Finish", f.store.Commit(f.Context(), run, checkpoint.Commit{}))
		f.fenced("Finish after Finish", f.store.Finish(f.Context(), run, outcome, nil))
		info := f.runs(1)[0]
		if info.Outcome != outcome || string(info.Report) != "report" || info.Ended.IsZero() {
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
	f.fails("Complete of a run without a plan", f.store.Finish(f.Context(), run, checkpoint.Complete, nil))
	f.ok(f.store.Plan(f.Context(), run, splitsOf("a", "b")))
	f.advance(run, "a", "a1", checkpoint.Done)
	f.fails("Complete with an open split", f.store.Finish(f.Context(), run, checkpoint.Complete, nil))
	f.advance(run, "b", "b1", checkpoint.Broken)
	f.fails("Complete with a broken split", f.store.Finish(f.Context(), run, checkpoint.Complete, nil))
	f.fails("an end that is none", f.store.Finish(f.Context(), run, checkpoint.Running, nil))
	f.equal("previous after refused ends", f.previous(), []string{})
	f.advance(run, "b", "b2", checkpoint.Done) // it is held still
	f.ok(f.store.Finish(f.Context(), run, checkpoint.Complete, nil))
	f.equal("previous", f.previous(), []string{"a=a1", "b=b2"})
	f.equal("splits of a complete run", f.ids(run), []string(nil))

	none := f.planned("r2")
	f.ok(f.store.Finish(f.Context(), none, checkpoint.Complete, nil))
}

// A run is complete without the splits that it skipped, and the next plan does not take them for read.
func finishWithSkipped(f *fixture) {
	f.complete("r1", false, "1", "a", "b")
	run := f.planned("r2", "b", "c", "d")
	f.advance(run, "b", "b2", checkpoint.Skipped)
	f.advance(run, "c", "c2", checkpoint.Skipped)
	f.advance(run, "d", "d2", checkpoint.Broken)
	f.ok(f.store.Finish(f.Context(), run, checkpoint.Incomplete, nil))
	run = f.begin("r3", false)
	f.equal("a skipped split of a run that goes on", f.split(run, "c").Status, checkpoint.Skipped)
	f.equal("why", f.split(run, "c").Problem, "it broke")
	f.advance(run, "d", "d3", checkpoint.Done)
	f.ok(f.store.Finish(f.Context(), run, checkpoint.Complete, nil))
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
	f.ok(f.store.Plan(f.Context(), run, splitsOf("b")))
	f.advance(run, "b", "2", checkpoint.Done)
	f.ok(f.store.Finish(f.Context(), run, checkpoint.Complete, nil))
	f.equal("after a full run", f.previous(), []string{"b=2"})
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
	if !r2.Full || r2.Outcome != checkpoint.Complete || string(r2.Report) != "report r2" || !r2.Started.Equal(began) || r2.Starts != 1 {
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
	f.ok(f.store.Finish(f.Context(), run, checkpoint.Complete, nil))
	f.equal("when it is complete", f.runs(1)[0].Splits, map[checkpoint.Status]int{checkpoint.Done: 3})
}

func reset(f *fixture) {
	f.complete("r1", false, "1", "a")
	old := f.planned("r2", "a")
	s := f.claim(old, "a")
	f.ok(f.store.Commit(f.Context(), old, checkpoint.Commit{Tokens: tokensOf("sink", "t")}))
	f.ok(f.store.Reset(f.Context()))
	f.equal("previous", f.previous(), []string{})
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{})
	f.equal("runs", len(f.runs(5)), 0)
	p := checkpoint.Progress{ID: "a", Epoch: s.Epoch, Status: checkpoint.Done}
	f.fenced("Commit", f.store.Commit(f.Context(), old, checkpoint.Commit{Splits: []checkpoint.Progress{p}}))
	run := f.planned("r2", "a") // the same id is new again
	if run.Resumed || run.Epoch <= old.Epoch || run.Pipeline != old.Pipeline {
		f.Errorf("after a reset: %+v", run)
	}
	f.fenced("Commit", f.store.Commit(f.Context(), old, checkpoint.Commit{}))
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
	f.fenced("Commit", f.store.Commit(f.Context(), run, checkpoint.Commit{}))
	f.fenced("Join", errOf(f.store.Join(f.Context(), run)))
	f.advance(joined, "a", "a1", checkpoint.Done)
	f.reopen()
	after := f.begin("r2", false)
	if after.Epoch <= joined.Epoch {
		f.Errorf("epoch %d after %d", after.Epoch, joined.Epoch)
	}
	f.fenced("Join", errOf(f.store.Join(f.Context(), joined)))
}
