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
			ID: id, Stream: "s" + id, Data: json.RawMessage(`{"n": 1.50}`), Cursor: []byte{0, 255, byte(i)},
			Estimate: 1 << 40,
		})
	}
	f.ok(f.plan(run, want))
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
	refused("a plan", f.plan(run, splitsOf("a", "")))
	f.equal("splits after a refused plan", f.ids(run), []string(nil))
	f.ok(f.plan(run, splitsOf("a")))
	a := f.claim(run, "a")
	refused("a commit", f.commit(run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Status: checkpoint.Done}},
		Tokens: tokensOf("sink", "t"), New: splitsOf("b", ""), Stats: []byte(`{"n":1}`),
	}))
	f.equal("splits after a refused commit", f.ids(run), []string{"a"})
	f.equal("status after a refused commit", f.split(run, "a").Status, checkpoint.Open)
	f.equal("tokens after a refused commit", f.tokens(), map[string]checkpoint.Token{})
}

// pagesOfSplits: each page goes on behind the one before, whatever has changed.
func pagesOfSplits(f *fixture) {
	run := f.planned("r1", "a", "b", "c", "d", "e")
	f.advance(run, "a", "1", checkpoint.Done)
	f.advance(run, "b", "1", checkpoint.Broken)
	f.advance(run, "d", "1", checkpoint.Broken)
	f.ok(f.commit(run, checkpoint.Commit{New: splitsOf("f")}))
	page := func(status checkpoint.Status, after string, n int, want ...string) {
		f.Helper()
		q := checkpoint.Query{Status: status, N: n}
		if after != "" {
			q.After = f.split(run, after).Place
		}
		all, err := f.store.View().Splits(f.Context(), run.ID, q)
		f.ok(err)
		var got []string
		for _, s := range all {
			got = append(got, s.ID)
		}
		f.equal(fmt.Sprintf("%d %s after %q", n, status, after), got, want)
	}
	page("", "", 2, "a", "b")
	page("", "b", 3, "c", "d", "e")
	page("", "e", 3, "f")
	page("", "f", 3)
	page("", "", 0)
	page(checkpoint.Open, "", 2, "c", "e")
	page(checkpoint.Open, "c", 5, "e", "f")
	page(checkpoint.Broken, "b", 5, "d")
	page(checkpoint.Done, "", 5, "a")
	f.equal("all broken", idsOf(checkpoint.All(checkpoint.EachSplit(f.Context(), f.store.View(), run.ID,
		checkpoint.Broken))), []string{"b", "d"})
}

func idsOf(splits []checkpoint.Split, _ error) (out []string) {
	for _, s := range splits {
		out = append(out, s.ID)
	}
	return out
}

// pagesOfLargeSplits: a page takes no more than some megabytes, but one split at least.
func pagesOfLargeSplits(f *fixture) {
	run := f.begin("r1", false)
	big := json.RawMessage(`"` + strings.Repeat("x", 5<<20) + `"`)
	plan := []sdk.Split{{ID: "a"}, {ID: "b", Data: big}, {ID: "c", Data: big}, {ID: "d"}}
	f.ok(f.plan(run, plan))
	f.equal("splits", len(f.splits(run)), 4)
	for after, want := range map[string]int{"": 2, "b": 1, "c": 1} {
		place := int64(0)
		if after != "" {
			place = f.split(run, after).Place
		}
		page, err := f.store.View().Splits(f.Context(), run.ID, checkpoint.Query{After: place, N: 10})
		f.ok(err)
		f.equal("splits after "+after, len(page), want)
	}
	for _, want := range [][]string{{"a", "b"}, {"c"}, {"d"}} {
		claimed, err := run.held.Claim(f.Context(), 10)
		f.equal("claimed", idsOf(claimed, err), want)
		for _, s := range claimed {
			run.claims[s.ID] = s
		}
	}
	for _, s := range plan {
		f.advance(run, s.ID, "1", checkpoint.Done)
	}
	f.ok(f.end(run))
	page, err := f.store.View().Previous(f.Context(), "", 10)
	f.ok(err)
	f.equal("previous", len(page), 2)
	f.equal("all previous", len(f.previous()), 4)
}

// sums are compared with the splits each time that a check looks at these. Here they are looked at
// themselves.
func sums(f *fixture) {
	run := f.begin("r1", false)
	f.ok(f.plan(run, []sdk.Split{
		{ID: "a", Stream: "issues", Estimate: 100}, {ID: "b", Stream: "users"}, {ID: "c", Stream: "issues"},
		{ID: "d", Stream: "issues", Estimate: 5},
	}))
	want := func(what string, want ...checkpoint.Sum) {
		f.Helper()
		f.splits(run)
		got, err := f.store.View().Sums(f.Context(), run.ID)
		f.ok(err)
		f.equal(what, got, checkpoint.Sums(want))
	}
	want("planned", checkpoint.Sum{Stream: "issues", Open: 3, Expected: 105, Unknown: 1},
		checkpoint.Sum{Stream: "users", Open: 1, Unknown: 1})
	f.advance(run, "a", "1", checkpoint.Open)
	f.advance(run, "c", "1", checkpoint.Done)
	f.advance(run, "d", "1", checkpoint.Broken)
	f.ok(f.commit(run, checkpoint.Commit{New: splitsOf("a", "e")}))
	want("half-way", checkpoint.Sum{Stream: "issues", Open: 2, Done: 1, Broken: 1, Records: 21, Expected: 114,
		Unknown: 1}, checkpoint.Sum{Stream: "users", Open: 1, Unknown: 1})
	f.reopen()
	run = f.begin("r2", false)
	want("gone on with", checkpoint.Sum{Stream: "issues", Open: 3, Done: 1, Records: 21, Expected: 114, Unknown: 1},
		checkpoint.Sum{Stream: "users", Open: 1, Unknown: 1})
	f.giveUp("b", true)
	f.forget("c", true)
	want("changed by hand", checkpoint.Sum{Stream: "issues", Open: 4, Records: 14, Expected: 107, Unknown: 2},
		checkpoint.Sum{Stream: "users", Done: 1})
	full := f.begin("r3", true)
	for _, r := range []seatedRun{run, full} {
		got, err := f.store.View().Sums(f.Context(), r.ID)
		f.ok(err)
		f.equal("sums of "+r.ID, got, checkpoint.Sums(nil))
	}
}

// sumsOfManyStreams: what the streams of splits are called is a plugin's to say, and there may be
// one for each.
func sumsOfManyStreams(f *fixture) {
	const streams = 1010
	run := f.begin("r1", false)
	var plan []sdk.Split
	for i := range streams {
		plan = append(plan, sdk.Split{ID: fmt.Sprint(i), Stream: fmt.Sprint("stream ", i), Estimate: 1})
	}
	f.ok(f.plan(run, plan))
	f.advance(run, fmt.Sprint(streams-1), "1", checkpoint.Done)
	f.splits(run)
	got, err := f.store.View().Sums(f.Context(), run.ID)
	f.ok(err)
	last := got[len(got)-1]
	if len(got) >= streams || last.Stream != checkpoint.OtherStreams || last.Open+last.Done != streams-len(got)+1 ||
		last.Records != 7 {
		f.Errorf("%d sums, the last: %+v", len(got), last)
	}
}

func claim(f *fixture) {
	run := f.planned("r1", "a", "b", "c", "d", "e")
	first, err := run.held.Claim(f.Context(), 4)
	f.equal("the first four", idsOf(first, err), []string{"a", "b", "c", "d"})
	f.ok(f.commit(run, checkpoint.Commit{Splits: []checkpoint.Progress{
		{ID: "b", Epoch: 1, Cursor: []byte("1"), Status: checkpoint.Done},
		{ID: "c", Epoch: 1, Cursor: []byte("1"), Status: checkpoint.Broken},
		{ID: "d", Epoch: 1, Cursor: []byte("d5"), Status: checkpoint.Open, Records: 7},
	}}))
	run = f.join(run, 0)
	next := func(n int, want ...string) []checkpoint.Split {
		f.Helper()
		page, err := run.held.Claim(f.Context(), n)
		f.ok(err)
		f.equal(fmt.Sprintf("%d", n), idsOf(page, nil), want)
		return page
	}
	next(0)
	one := next(2, "a", "d")
	if d := one[1]; d.Epoch != 2 || string(d.Cursor) != "d5" || d.Records != 7 || d.Status != checkpoint.Open {
		f.Errorf("claimed: %+v", d)
	}
	next(5, "e")
	next(5)
	f.ok(f.commit(run, checkpoint.Commit{New: splitsOf("f")}))
	next(9, "f")
	f.forget("a", true) // nobody holds it now
	again := next(9, "a")
	next(9)
	if again[0].Epoch <= one[0].Epoch {
		f.Errorf("epochs %d and %d", one[0].Epoch, again[0].Epoch)
	}
	for id, epoch := range map[string]int64{"a": 4, "b": 1, "c": 1, "d": 2, "e": 1, "f": 1} {
		f.equal("epoch of "+id, f.split(run, id).Epoch, epoch)
	}
}

func claimsAtOnce(f *fixture) {
	const seats, each = 8, 10
	var ids []string
	for i := range seats * each * 2 {
		ids = append(ids, fmt.Sprint(i))
	}
	run := f.planned("r1", ids...)
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for n := range seats {
		if n%2 == 0 { // two share a seat
			run = f.join(run, n/2)
		}
		held := run.held
		wg.Go(func() {
			for range each {
				page, err := held.Claim(f.Context(), 2)
				if err != nil || len(page) != 2 {
					f.Error(page, err)
					return
				}
				mu.Lock()
				for _, s := range page {
					if seen[s.ID] || s.Epoch != 1 {
						f.Errorf("split %s was given twice", s.ID)
					}
					seen[s.ID] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	f.equal("claimed", len(seen), len(ids))
}

func commit(f *fixture) {
	run := f.planned("r1", "a", "b")
	a := f.claim(run, "a")
	f.ok(f.commit(run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Cursor: []byte("c1"), Status: checkpoint.Open,
			Records: 10}},
		Tokens: map[string]sdk.Token{"one": sdk.Token("1"), "two": sdk.Token("2")},
		Stats:  []byte(`{"n":1}`),
	}))
	got := f.split(run, "a")
	if string(got.Cursor) != "c1" || got.Records != 10 || got.Status != checkpoint.Open {
		f.Errorf("after a commit: %+v", got)
	}
	// A second commit by the same claim; a stage that is not named keeps its token, and Stats nil
	// keeps the stats.
	f.ok(f.commit(run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Cursor: []byte("c2"), Status: checkpoint.Done,
			Records: 20}},
		Tokens: tokensOf("two", "3"),
	}))
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{
		"one": {Run: "r1", Token: sdk.Token("1")}, "two": {Run: "r1", Token: sdk.Token("3")},
	})
	again := f.begin("r1", false)
	f.equal("stats", string(again.Stats), `{"n":1}`)
	f.equal("status", f.split(again, "a").Status, checkpoint.Done)
	f.equal("the split beside it", f.split(again, "b").Status, checkpoint.Open)

	f.advance(again, "b", "", checkpoint.Done)
	f.ok(f.end(again))
	next := f.planned("r2")
	f.ok(f.commit(next, checkpoint.Commit{Tokens: tokensOf("two", "4")}))
	f.equal("whose tokens they are", f.tokens(), map[string]checkpoint.Token{
		"one": {Run: "r1", Token: sdk.Token("1")}, "two": {Run: "r2", Token: sdk.Token("4")},
	})
}

func commitNewSplits(f *fixture) {
	run := f.planned("r1", "a", "b")
	f.advance(run, "a", "a1", checkpoint.Done)
	news := append(splitsOf("c", "a", "d"), sdk.Split{ID: "c", Stream: "other"})
	added, err := run.held.Commit(f.Context(), checkpoint.Commit{New: news})
	f.ok(err)
	f.equal("those that were not known", added, splitsOf("c", "d"))
	f.equal("order of planned and added", f.ids(run), []string{"a", "b", "c", "d"})
	f.equal("a known split", f.split(run, "a").Status, checkpoint.Done)
	f.equal("the first of two", f.split(run, "c").Stream, "issues")
	f.ok(f.commit(run, checkpoint.Commit{New: splitsOf("d", "e")}))
	f.equal("order of planned and added", f.ids(run), []string{"a", "b", "c", "d", "e"})
}

func commitManySplits(f *fixture) {
	const n = 10_000
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("split-%06d", i)
	}
	run := f.begin("r1", false)
	f.ok(f.plan(run, splitsOf(ids[:1]...)))
	s := f.claim(run, ids[0])
	f.ok(f.commit(run, checkpoint.Commit{New: splitsOf(ids...)}))
	f.equal("splits", len(f.splits(run)), n)
	c := checkpoint.Commit{}
	c.Splits = append(c.Splits, checkpoint.Progress{ID: s.ID, Epoch: s.Epoch, Status: checkpoint.Done})
	f.ok(f.commit(run, c))
	f.equal("counts", f.runs(1)[0].Splits, map[checkpoint.Status]int{checkpoint.Done: 1, checkpoint.Open: n - 1})
}

func fencedRun(f *fixture) {
	old := f.planned("r1", "a")
	s := f.claim(old, "a")
	now := f.begin("r1", false)
	f.fenced("Lead", old.coordinator.Hold(f.Context(),
		func(context.Context) { f.Error("one that was taken over holds the run") }))
	f.fenced("Hold", old.held.Hold(f.Context(),
		func(context.Context) { f.Error("one that was taken over holds the run") }))
	f.fenced("Plan", f.plan(old, splitsOf("x")))
	f.fenced("Claim", errOf(old.held.Claim(f.Context(), 1)))
	f.fenced("Finish", f.finish(old, checkpoint.Failed))
	f.fenced("Commit", f.commit(old, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: s.Epoch, Cursor: []byte("late"), Status: checkpoint.Done}},
		Tokens: tokensOf("sink", "late"), New: splitsOf("late"), Stats: []byte(`{"late":1}`),
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
	led := false
	f.ok(run.coordinator.Hold(f.Context(), func(context.Context) { led = true }))
	f.equal("held by the coordinator", led, true)
	other := f.open(f.T, f.dir)
	letGo := false
	taken := make(chan error, 1)
	f.ok(run.held.Hold(f.Context(), func(context.Context) {
		go func() {
			_, _, err := other.Begin(f.Context(), checkpoint.Begin{ID: "r2", Now: began, Fingerprint: "print"})
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
	f.fenced("Hold", run.held.Hold(f.Context(),
		func(context.Context) { f.Error("one that was taken over holds the run") }))
	f.ok(other.Close())
}

func fencedSplit(f *fixture) {
	run := f.planned("r1", "a", "b", "c")
	a, b := f.claim(run, "a"), f.claim(run, "b")
	f.forget("b", true)
	taken, err := run.held.Claim(f.Context(), 2) // c, and b once more
	f.equal("claimed", idsOf(taken, err), []string{"c"})
	taken, err = run.held.Claim(f.Context(), 2)
	f.equal("claimed", idsOf(taken, err), []string{"b"})
	f.ok(f.commit(run, checkpoint.Commit{New: splitsOf("fresh")}))
	late := checkpoint.Commit{
		Splits: []checkpoint.Progress{
			{ID: "a", Epoch: a.Epoch, Cursor: []byte("a1"), Status: checkpoint.Done},
			{ID: "b", Epoch: b.Epoch, Cursor: []byte("b1"), Status: checkpoint.Done},
		},
		Tokens: tokensOf("sink", "late"), New: splitsOf("late"), Stats: []byte(`{"late":1}`),
	}
	check := func(what string) {
		f.Helper()
		f.equal(what+": the split beside it", f.split(run, "a").Cursor, []byte(nil))
		f.equal(what+": splits", f.ids(run), []string{"a", "b", "c", "fresh"})
		f.equal(what+": tokens", f.tokens(), map[string]checkpoint.Token{})
	}
	f.fenced("Commit", f.commit(run, late))
	check("a fenced split")
	late.Splits[1] = checkpoint.Progress{ID: "fresh", Status: checkpoint.Done}
	f.fenced("Commit of a split that was never claimed", f.commit(run, late))
	check("an unclaimed split")
	late.Splits[1] = checkpoint.Progress{ID: "nope", Epoch: 1, Status: checkpoint.Done}
	f.fails("Commit of no split", f.commit(run, late))
	check("an unknown split")
	late.Splits[1] = checkpoint.Progress{ID: "b", Epoch: taken[0].Epoch, Cursor: []byte("b2"), Status: checkpoint.Done}
	f.ok(f.commit(run, late))
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
	f.fenced("Commit of a forgotten split", f.commit(run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: held.Epoch, Status: checkpoint.Done}},
	}))
}

func (f *fixture) forget(id string, want bool) {
	f.Helper()
	found, err := f.store.Admin().Forget(f.Context(), id)
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
	f.fenced("Commit of a split that was given up", f.commit(run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "open", Epoch: held.Epoch, Cursor: []byte("late"), Status: checkpoint.Open}},
	}))
	f.reopen()
	got := f.split(run, "broken")
	if got.Status != checkpoint.Done || string(got.Cursor) != "b1" || got.Records != 7 || got.Problem != "" {
		f.Errorf("a split that was given up: %+v", got)
	}
	f.equal("the split beside it", f.split(run, "other").Status, checkpoint.Open)
	again := f.begin("r1", false)
	f.equal("when the run goes on", f.split(again, "broken").Status, checkpoint.Done)
	f.advance(again, "other", "x1", checkpoint.Done)
	f.ok(f.end(again))
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
	found, err := f.store.Admin().GiveUp(f.Context(), id)
	f.ok(err)
	f.equal("to give up "+id, found, want)
}

func nilAndEmpty(f *fixture) {
	run := f.begin("r1", false)
	want := []sdk.Split{{ID: "nil"}, {ID: "empty", Data: json.RawMessage{}, Cursor: []byte{}}}
	f.ok(f.plan(run, want))
	f.equal("planned", []sdk.Split{f.split(run, "nil").Split, f.split(run, "empty").Split}, want)
	c := checkpoint.Commit{Tokens: map[string]sdk.Token{"nil": nil, "empty": {}}}
	for _, id := range []string{"nil", "empty"} {
		s := f.claim(run, id)
		c.Splits = append(c.Splits, checkpoint.Progress{ID: id, Epoch: s.Epoch, Cursor: s.Cursor,
			Status: checkpoint.Done})
	}
	f.ok(f.commit(run, c))
	f.reopen()
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{"nil": {Run: "r1"},
		"empty": {Run: "r1", Token: sdk.Token{}}})
	run = f.begin("r1", false)
	f.equal("stats", run.Stats, []byte(nil))
	f.ok(f.end(run))
	got, err := f.store.View().Previous(f.Context(), "", 5)
	f.ok(err)
	f.equal("previous", got, []sdk.Split{want[1], want[0]})
}

func reopen(f *fixture) {
	f.complete("r1", false, "old", "z")
	run := f.planned("r2", "a", "b")
	a := f.claim(run, "a")
	f.ok(f.commit(run, checkpoint.Commit{
		Splits: []checkpoint.Progress{{ID: "a", Epoch: a.Epoch, Cursor: []byte("a1"), Status: checkpoint.Broken,
			Records: 3, Problem: "why"}},
		Tokens: tokensOf("sink", "t1"), New: splitsOf("c"), Stats: []byte(`{"n":1}`),
	}))
	splits, runs := f.splits(run), f.runs(5)
	f.reopen()
	f.equal("splits", f.splits(run), splits)
	f.equal("runs", f.runs(5), runs)
	f.equal("previous", f.previous(), []string{"z=old"})
	f.equal("tokens", f.tokens(), map[string]checkpoint.Token{"sink": {Run: "r2", Token: sdk.Token("t1")}})
	// Who knows of the run may go on with it, until it has another coordinator.
	run = f.join(run, 0)
	f.equal("epoch of the next claim", f.claim(run, "b").Epoch, int64(1))
	again := f.begin("r3", false)
	if again.ID != "r2" || string(again.Stats) != `{"n":1}` || again.Epoch <= run.Epoch {
		f.Errorf("after opening again: %+v", again)
	}
}

func cancelled(f *fixture) {
	run := f.planned("r1", "a")
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	for what, err := range map[string]error{
		"Begin":    errOf2(f.store.Begin(ctx, checkpoint.Begin{ID: "r2", Now: began, Full: true})),
		"Current":  errOf2(f.store.Current(ctx)),
		"Join":     errOf2(f.store.Join(ctx, run.Run, 0)),
		"Plan":     run.coordinator.Plan(ctx, checkpoint.OnePage(nil)),
		"Lead":     run.coordinator.Hold(ctx, func(context.Context) { f.Error("held") }),
		"Finish":   run.coordinator.Finish(ctx, checkpoint.Failed, checkpoint.End{Now: began}),
		"Claim":    errOf(run.held.Claim(ctx, 1)),
		"Commit":   errOf(run.held.Commit(ctx, checkpoint.Commit{New: splitsOf("b")})),
		"Hold":     run.held.Hold(ctx, func(context.Context) { f.Error("held") }),
		"Renew":    run.held.Renew(ctx),
		"Leave":    run.held.Leave(ctx),
		"Splits":   errOf(f.store.View().Splits(ctx, run.ID, checkpoint.Query{N: 1})),
		"Sums":     errOf(f.store.View().Sums(ctx, run.ID)),
		"Seats":    errOf(f.store.View().Seats(ctx)),
		"Previous": errOf(f.store.View().Previous(ctx, "", 1)),
		"Count":    errOf(f.store.View().CountPrevious(ctx)),
		"Prune":    errOf(f.store.Admin().Prune(ctx, 0)),
		"Compact":  f.store.Admin().Compact(ctx),
		"Runs":     errOf(f.store.View().Runs(ctx, 1)),
		"Reset":    f.store.Admin().Reset(ctx),
		"Forget":   errOf(f.store.Admin().Forget(ctx, "a")),
		"GiveUp":   errOf(f.store.Admin().GiveUp(ctx, "a")),
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
	f.ok(f.plan(run, plan))
	token := sdk.Token("token")
	f.ok(f.commit(run, checkpoint.Commit{Tokens: map[string]sdk.Token{"sink": token}}))
	plan[0].Data[1], plan[0].Cursor[0], token[0] = '!', '!', '!'
	got := f.split(run, "a")
	f.equal("cursor", string(got.Cursor), "c")
	got.Cursor[0], got.Data[0] = '!', '!'
	f.tokens()["sink"].Token[1] = '!'
	f.equal("cursor", string(f.split(run, "a").Cursor), "c")
	f.equal("data", string(f.split(run, "a").Data), `{"x":1}`)
	f.equal("token", string(f.tokens()["sink"].Token), "token")
}
