// Checks of splits, commits and fencing.

package checkpointtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

func tokensOf(stage, token string) map[string]sdk.Token {
	return map[string]sdk.Token{stage: sdk.Token(token)}
}

// oddIDs are legal and easy to get wrong.
var oddIDs = []string{"a/b?c=d", "it's", `"q"`, "новый", "\u202e", "\u202e\u200b", "A", "a", " a"}

func splitsKeepEverything(f *fixture) {
	run := f.begin("r1", false)
	var want []sdk.Split
	for i, id := range oddIDs {
		want = append(want, sdk.Split{
			ID: id, Stream: "s" + id, Data: json.RawMessage(`{"n": 1.50}`), Cursor: []byte{0, 255, byte(i)}, Estimate: 1 << 40,
		})
	}
	f.ok(f.store.Plan(f.Context(), run, want))
	var got []sdk.Split
	for i, s := range f.splits(run) {
		if s.Status != checkpoint.Open || s.Epoch != 0 || s.Records != 0 || s.Problem != "" {
			f.Errorf("a fresh split: %+v", s)
		}
		got = append(got, s.Split)
		f.equal("claimed", f.claim(run, s.ID).Split, want[i])
	}
	f.equal("splits", got, want)
}

// namelessSplits: a split without an id could not be told from another one without.
func namelessSplits(f *fixture) {
	run := f.begin("r1", false)
	refused := func(what string, err error) {
		f.Helper()
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), `stream "issues"`) {
			f.Errorf("%s: %v, want a permanent error that names the stream", what, err)
		}
	}
	refused("a plan", f.store.Plan(f.Context(), run, splitsOf("a", "")))
	f.equal("splits after a refused plan", f.ids(run), []string(nil))
	f.ok(f.store.Plan(f.Context(), run, splitsOf("a")))
	a := f.claim(run, "a")
	refused("a commit", f.store.Commit(f.Context(), run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Status: checkpoint.Done}},
		Tokens: tokensOf("sink", "t"), New: splitsOf("b", ""), Stats: []byte("s"),
	}))
	f.equal("splits after a refused commit", f.ids(run), []string{"a"})
	f.equal("status after a refused commit", f.split(run, "a").Status, checkpoint.Open)
	f.equal("tokens after a refused commit", f.tokens(), map[string]checkpoint.Token{})
}

func claim(f *fixture) {
	run := f.planned("r1", "a", "b")
	one := f.claim(run, "a")
	two := f.claim(run, "a")
	if one.Epoch < 1 || two.Epoch <= one.Epoch {
		f.Errorf("epochs %d and %d", one.Epoch, two.Epoch)
	}
	f.advance(run, "a", "a5", checkpoint.Broken)
	got := f.claim(run, "a")
	if string(got.Cursor) != "a5" || got.Records != 7 || got.Status != checkpoint.Broken || got.Problem != "it broke" {
		f.Errorf("claimed: %+v", got)
	}
	f.equal("a split beside it", f.split(run, "b").Epoch, int64(0))
	f.fails("a claim of no split", errOf(f.store.Claim(f.Context(), run, "nope")))
}

func claimsAtOnce(f *fixture) {
	run := f.planned("r1", "a", "b")
	const holders, each = 8, 10
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range holders {
		wg.Go(func() {
			for i := range each {
				id := []string{"a", "b"}[i%2]
				s, err := f.store.Claim(f.Context(), run, id)
				if err != nil {
					f.Error(err)
					return
				}
				mu.Lock()
				key := fmt.Sprintf("%s %d", id, s.Epoch)
				if seen[key] {
					f.Errorf("claim %s was given twice", key)
				}
				seen[key] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	f.equal("epoch after all", f.split(run, "a").Epoch, int64(holders*each/2))
}

func commit(f *fixture) {
	run := f.planned("r1", "a", "b")
	a := f.claim(run, "a")
	f.ok(f.store.Commit(f.Context(), run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Cursor: []byte("c1"), Status: checkpoint.Open, Records: 10}},
		Tokens: map[string]sdk.Token{"one": sdk.Token("1"), "two": sdk.Token("2")},
		Stats:  []byte("s1"),
	}))
	got := f.split(run, "a")
	if string(got.Cursor) != "c1" || got.Records != 10 || got.Status != checkpoint.Open {
		f.Errorf("after a commit: %+v", got)
	}
	// A second commit by the same claim; a stage that is not named keeps its token, and Stats nil keeps the stats.
	f.ok(f.store.Commit(f.Context(), run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Cursor: []byte("c2"), Status: checkpoint.Done, Records: 20}},
		Tokens: tokensOf("two", "3"),
	}))
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{
		"one": {Run: "r1", Token: sdk.Token("1")}, "two": {Run: "r1", Token: sdk.Token("3")},
	})
	again := f.begin("r1", false)
	f.equal("stats", string(again.Stats), "s1")
	f.equal("status", f.split(again, "a").Status, checkpoint.Done)
	f.equal("the split beside it", f.split(again, "b").Status, checkpoint.Open)

	f.advance(again, "b", "", checkpoint.Done)
	f.ok(f.store.Finish(f.Context(), again, checkpoint.Complete, nil))
	next := f.planned("r2")
	f.ok(f.store.Commit(f.Context(), next, checkpoint.Commit{Tokens: tokensOf("two", "4")}))
	f.equal("whose tokens they are", f.tokens(), map[string]checkpoint.Token{
		"one": {Run: "r1", Token: sdk.Token("1")}, "two": {Run: "r2", Token: sdk.Token("4")},
	})
}

func commitNewSplits(f *fixture) {
	run := f.planned("r1", "a", "b")
	f.advance(run, "a", "a1", checkpoint.Done)
	news := append(splitsOf("c", "a", "d"), sdk.Split{ID: "c", Stream: "other"})
	f.ok(f.store.Commit(f.Context(), run, checkpoint.Commit{New: news}))
	f.equal("order of planned and added", f.ids(run), []string{"a", "b", "c", "d"})
	f.equal("a known split", f.split(run, "a").Status, checkpoint.Done)
	f.equal("the first of two", f.split(run, "c").Stream, "issues")
	f.ok(f.store.Commit(f.Context(), run, checkpoint.Commit{New: splitsOf("d", "e")}))
	f.equal("order of planned and added", f.ids(run), []string{"a", "b", "c", "d", "e"})
}

func commitManySplits(f *fixture) {
	const n = 10_000
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("split-%06d", i)
	}
	run := f.begin("r1", false)
	f.ok(f.store.Plan(f.Context(), run, splitsOf(ids[:1]...)))
	s := f.claim(run, ids[0])
	f.ok(f.store.Commit(f.Context(), run, checkpoint.Commit{New: splitsOf(ids...)}))
	f.equal("splits", len(f.splits(run)), n)
	c := checkpoint.Commit{}
	c.Splits = append(c.Splits, checkpoint.Progress{ID: s.ID, Epoch: s.Epoch, Status: checkpoint.Done})
	f.ok(f.store.Commit(f.Context(), run, c))
	f.equal("counts", f.runs(1)[0].Splits, map[checkpoint.Status]int{checkpoint.Done: 1, checkpoint.Open: n - 1})
}

func fencedRun(f *fixture) {
	old := f.planned("r1", "a")
	s := f.claim(old, "a")
	now := f.begin("r1", false)
	f.fenced("Hold", f.store.Hold(f.Context(), old, func() { f.Error("one that was taken over holds the run") }))
	f.fenced("Plan", f.store.Plan(f.Context(), old, splitsOf("x")))
	f.fenced("Claim", errOf(f.store.Claim(f.Context(), old, "a")))
	f.fenced("Finish", f.store.Finish(f.Context(), old, checkpoint.Failed, nil))
	f.fenced("Commit", f.store.Commit(f.Context(), old, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: s.Epoch, Cursor: []byte("late"), Status: checkpoint.Done}},
		Tokens: tokensOf("sink", "late"), New: splitsOf("late"), Stats: []byte("late"),
	}))
	got := f.split(now, "a")
	if got.Cursor != nil || got.Status != checkpoint.Open || got.Epoch != s.Epoch {
		f.Errorf("a fenced holder left its mark: %+v", got)
	}
	f.equal("splits", f.ids(now), []string{"a"})
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{})
	f.advance(now, "a", "a1", checkpoint.Done) // the new holder is not disturbed
}

// holds: who would take over waits until it is let go.
func holds(f *fixture) {
	run := f.planned("r1", "a")
	other := f.open(f.T, f.dir)
	letGo := false
	taken := make(chan error, 1)
	f.ok(f.store.Hold(f.Context(), run, func() {
		go func() {
			_, err := other.Begin(f.Context(), checkpoint.Begin{ID: "r2", Now: began, Fingerprint: "print"})
			taken <- err
		}()
		select {
		case err := <-taken:
			f.Errorf("taken over while it was held: %v", err)
			taken <- nil
		case <-time.After(200 * time.Millisecond): // what is right passes after any time
		}
		letGo = true
	}))
	f.ok(<-taken)
	f.equal("let go", letGo, true)
	f.fenced("Hold", f.store.Hold(f.Context(), run, func() { f.Error("one that was taken over holds the run") }))
	f.ok(other.Close())
}

func fencedSplit(f *fixture) {
	run := f.planned("r1", "a", "b", "c")
	a, b := f.claim(run, "a"), f.claim(run, "b")
	taken := f.claim(run, "b")
	late := checkpoint.Commit{
		Splits: []checkpoint.Progress{
			{ID: "a", Epoch: a.Epoch, Cursor: []byte("a1"), Status: checkpoint.Done},
			{ID: "b", Epoch: b.Epoch, Cursor: []byte("b1"), Status: checkpoint.Done},
		},
		Tokens: tokensOf("sink", "late"), New: splitsOf("late"), Stats: []byte("late"),
	}
	check := func(what string) {
		f.Helper()
		f.equal(what+": the split beside it", f.split(run, "a").Cursor, []byte(nil))
		f.equal(what+": splits", f.ids(run), []string{"a", "b", "c"})
		f.equal(what+": tokens", f.tokens(), map[string]checkpoint.Token{})
	}
	f.fenced("Commit", f.store.Commit(f.Context(), run, late))
	check("a fenced split")
	late.Splits[1] = checkpoint.Progress{ID: "c", Status: checkpoint.Done}
	f.fenced("Commit of a split that was never claimed", f.store.Commit(f.Context(), run, late))
	check("an unclaimed split")
	late.Splits[1] = checkpoint.Progress{ID: "nope", Epoch: 1, Status: checkpoint.Done}
	f.fails("Commit of no split", f.store.Commit(f.Context(), run, late))
	check("an unknown split")
	late.Splits[1] = checkpoint.Progress{ID: "b", Epoch: taken.Epoch, Cursor: []byte("b2"), Status: checkpoint.Done}
	f.ok(f.store.Commit(f.Context(), run, late))
	f.equal("the newest claim", string(f.split(run, "b").Cursor), "b2")
}

func forgetPrevious(f *fixture) {
	f.complete("r1", false, "1", "a", "b")
	f.forget("a", true)
	f.forget("a", false)
	f.forget("nope", false)
	f.equal("previous", f.previous(), []string{"b=1"})
}

func forgetUnfinished(f *fixture) {
	run := f.planned("r1", "a", "b")
	f.advance(run, "a", "a1", checkpoint.Done)
	f.advance(run, "b", "b1", checkpoint.Done)
	held := f.split(run, "a")
	f.forget("a", true)
	got := f.split(run, "a")
	if got.Status != checkpoint.Open || got.Cursor != nil || got.Records != 0 {
		f.Errorf("a forgotten split: %+v", got)
	}
	f.equal("the split beside it", f.split(run, "b").Status, checkpoint.Done)
	f.fenced("Commit of a forgotten split", f.store.Commit(f.Context(), run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: held.Epoch, Status: checkpoint.Done}},
	}))
}

func (f *fixture) forget(id string, want bool) {
	f.Helper()
	found, err := f.store.Forget(f.Context(), id)
	f.ok(err)
	f.equal("found "+id, found, want)
}

// giveUp: what was delivered of a split stays, and the run can be complete without the rest.
func giveUp(f *fixture) {
	run := f.planned("r1", "open", "broken", "fresh", "other")
	f.advance(run, "open", "o1", checkpoint.Open)
	f.advance(run, "broken", "b1", checkpoint.Broken)
	held := f.split(run, "open")
	for _, id := range []string{"open", "broken", "fresh"} {
		f.giveUp(id, true)
		f.giveUp(id, false) // it is done
	}
	f.reopen()
	got := f.split(run, "broken")
	if got.Status != checkpoint.Done || string(got.Cursor) != "b1" || got.Records != 7 || got.Problem != "" {
		f.Errorf("a split that was given up: %+v", got)
	}
	f.equal("the split beside it", f.split(run, "other").Status, checkpoint.Open)
	f.fenced("Commit of a split that was given up", f.store.Commit(f.Context(), run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "open", Epoch: held.Epoch, Cursor: []byte("late"), Status: checkpoint.Open}},
	}))
	again := f.begin("r1", false)
	f.equal("when the run goes on", f.split(again, "broken").Status, checkpoint.Done)
	f.advance(again, "other", "x1", checkpoint.Done)
	f.ok(f.store.Finish(f.Context(), again, checkpoint.Complete, nil))
	f.equal("previous", f.previous(), []string{"broken=b1", "fresh=", "open=o1", "other=x1"})
}

// giveUpNothing: only the unfinished run has splits to give up.
func giveUpNothing(f *fixture) {
	f.giveUp("a", false)
	f.complete("r1", false, "1", "a")
	f.giveUp("a", false)
	run := f.planned("r2", "a", "b")
	f.advance(run, "a", "2", checkpoint.Done)
	done := f.split(run, "a")
	f.giveUp("a", false)
	f.giveUp("nope", false)
	f.equal("a done split", f.split(run, "a"), done)
	f.equal("previous", f.previous(), []string{"a=1"})
}

func (f *fixture) giveUp(id string, want bool) {
	f.Helper()
	found, err := f.store.GiveUp(f.Context(), id)
	f.ok(err)
	f.equal("to give up "+id, found, want)
}

func nilAndEmpty(f *fixture) {
	run := f.begin("r1", false)
	want := []sdk.Split{{ID: "nil"}, {ID: "empty", Data: json.RawMessage{}, Cursor: []byte{}}}
	f.ok(f.store.Plan(f.Context(), run, want))
	f.equal("planned", []sdk.Split{f.split(run, "nil").Split, f.split(run, "empty").Split}, want)
	c := checkpoint.Commit{Tokens: map[string]sdk.Token{"nil": nil, "empty": {}}, Stats: []byte{}}
	for _, id := range []string{"nil", "empty"} {
		s := f.claim(run, id)
		c.Splits = append(c.Splits, checkpoint.Progress{ID: id, Epoch: s.Epoch, Cursor: s.Cursor, Status: checkpoint.Done})
	}
	f.ok(f.store.Commit(f.Context(), run, c))
	f.reopen()
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{"nil": {Run: "r1"}, "empty": {Run: "r1", Token: sdk.Token{}}})
	run = f.begin("r1", false)
	f.equal("stats", run.Stats, []byte{})
	f.ok(f.store.Finish(f.Context(), run, checkpoint.Complete, nil))
	got, err := f.store.Previous(f.Context())
	f.ok(err)
	f.equal("previous", got, []sdk.Split{want[1], want[0]})
}

func reopen(f *fixture) {
	f.complete("r1", false, "old", "z")
	run := f.planned("r2", "a", "b")
	a := f.claim(run, "a")
	f.ok(f.store.Commit(f.Context(), run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Cursor: []byte("a1"), Status: checkpoint.Broken, Records: 3, Problem: "why"}},
		Tokens: tokensOf("sink", "t1"), New: splitsOf("c"), Stats: []byte("s1"),
	}))
	splits, runs := f.splits(run), f.runs(5)
	f.reopen()
	f.equal("splits", f.splits(run), splits)
	f.equal("runs", f.runs(5), runs)
	f.equal("previous", f.previous(), []string{"z=old"})
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{"sink": {Run: "r2", Token: sdk.Token("t1")}})
	// Whoever held the run may go on, until somebody else takes it over.
	f.equal("epoch of the next claim", f.claim(run, "a").Epoch, a.Epoch+1)
	again := f.begin("r3", false)
	if again.ID != "r2" || string(again.Stats) != "s1" || again.Epoch <= run.Epoch {
		f.Errorf("after opening again: %+v", again)
	}
}

func cancelled(f *fixture) {
	run := f.planned("r1", "a")
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	for what, err := range map[string]error{
		"Begin":    errOf(f.store.Begin(ctx, checkpoint.Begin{ID: "r2", Now: began, Full: true})),
		"Plan":     f.store.Plan(ctx, run, nil),
		"Splits":   errOf(f.store.Splits(ctx, run)),
		"Claim":    errOf(f.store.Claim(ctx, run, "a")),
		"Commit":   f.store.Commit(ctx, run, checkpoint.Commit{New: splitsOf("b")}),
		"Finish":   f.store.Finish(ctx, run, checkpoint.Failed, nil),
		"Previous": errOf(f.store.Previous(ctx)),
		"Tokens":   errOf(f.store.Tokens(ctx)),
		"Runs":     errOf(f.store.Runs(ctx, 1)),
		"Reset":    f.store.Reset(ctx),
		"Forget":   errOf(f.store.Forget(ctx, "a")),
		"GiveUp":   errOf(f.store.GiveUp(ctx, "a")),
	} {
		if !errors.Is(err, context.Canceled) {
			f.Errorf("%s with a cancelled context: %v", what, err)
		}
	}
	f.equal("splits", f.ids(run), []string{"a"})
	f.equal("epoch", f.claim(run, "a").Epoch, int64(1))
}

// returnsCopies: what went in and what came out may be changed by its owner.
func returnsCopies(f *fixture) {
	run := f.begin("r1", false)
	plan := []sdk.Split{{ID: "a", Data: json.RawMessage(`{"x":1}`), Cursor: []byte("c")}}
	f.ok(f.store.Plan(f.Context(), run, plan))
	token := sdk.Token("token")
	f.ok(f.store.Commit(f.Context(), run, checkpoint.Commit{Tokens: map[string]sdk.Token{"sink": token}}))
	plan[0].Data[1], plan[0].Cursor[0], token[0] = '!', '!', '!'
	got := f.split(run, "a")
	f.equal("cursor", string(got.Cursor), "c")
	got.Cursor[0], got.Data[0] = '!', '!'
	f.tokens()["sink"].Token[1] = '!'
	f.equal("cursor", string(f.split(run, "a").Cursor), "c")
	f.equal("data", string(f.split(run, "a").Data), `{"x":1}`)
	f.equal("token", string(f.tokens()["sink"].Token), "token")
}
