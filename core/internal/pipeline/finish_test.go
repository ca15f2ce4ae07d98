// The end of a run: which sinks are told, when, and how often.

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

// finishing is a sink that is told of the end of a run.
type finishing struct {
	memorySink
	fails *int // how many calls fail yet
	told  *[]string
}

func (f finishing) Finish(_ context.Context, e sdk.End) error {
	if *f.fails > 0 {
		*f.fails--
		return errors.New("not published")
	}
	what := fmt.Sprintf("%s with %d records, full %v", e.Run, len(f.s.records), e.Full)
	if e.Rejected {
		what += ", others rejected"
	}
	*f.told = append(*f.told, what)
	return nil
}

// newFinishing is a world whose sink is told of the end of a run.
func newFinishing(t *testing.T) (w *world, fails *int, told *[]string) {
	t.Helper()
	w = newWorld(t, &numbers{splits: 2, records: 5, every: 2})
	fails, told = new(int), new([]string)
	sink := finishing{memorySink{w.shelf}, fails, told}
	w.config.Sinks = []pipeline.Stage[sdk.Sink]{always[sdk.Sink]("sink shelf", sink)}
	return w, fails, told
}

func (w *world) wantTold(t *testing.T, told *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*told, want) {
		t.Errorf("the sink was told of %q, want %q", *told, want)
	}
}

func TestCompleteRunTellsItsSinks(t *testing.T) {
	t.Parallel()
	w, _, told := newFinishing(t)
	w.config.Keep = func(pipeline.Result) error {
		if len(*told) != w.runs {
			t.Errorf("the report of run %d is kept, and the sink has been told of %q", w.runs, *told)
		}
		return nil
	}
	w.run(t.Context(), t)
	w.config.Begin.Full = true
	w.run(t.Context(), t)
	w.wantTold(t, told, "run1 with 10 records, full false", "run2 with 10 records, full true")
}

// picky is a transform that rejects a record.
type picky struct{}

func (picky) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	for record := range b.Records() {
		if strings.Contains(string(record), `"n":3`) {
			return []sdk.Batch{b}, sdk.Rejects{{Stream: b.Stream, Record: record, Reason: "no"}}
		}
	}
	return []sdk.Batch{b}, nil
}

// TestRejectedRecordsAreTold: a sink that removes what has not come must not remove these, and also
// if the run is gone on with after they were rejected.
func TestRejectedRecordsAreTold(t *testing.T) {
	t.Parallel()
	w, fails, told := newFinishing(t)
	w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("transform picky", picky{})}
	w.run(t.Context(), t)
	if len(*told) != 1 || !strings.HasSuffix((*told)[0], ", others rejected") {
		t.Errorf("told %q", *told)
	}
	*told, *fails = nil, 1
	w.config.Begin.Full = true
	w.run(t.Context(), t)
	if len(*told) != 1 || !strings.HasSuffix((*told)[0], "full true, others rejected") {
		t.Errorf("after a failure: told %q", *told)
	}
}

// TestRunWithoutAPartTellsNobody: its splits are done, but the source went on without something.
func TestRunWithoutAPartTellsNobody(t *testing.T) {
	t.Parallel()
	w, _, told := newFinishing(t)
	w.source.before = func(ctx context.Context, split string, n int) error {
		if w.runs == 1 && split == "s1" && n == 3 {
			sdk.Missing(ctx, "board 7", errors.New("500"))
		}
		return nil
	}
	w.run(t.Context(), t)
	w.wantTold(t, told)
	w.config.Begin.Full = true
	w.run(t.Context(), t)
	w.wantTold(t, told, "run2 with 10 records, full true")
}

// TestUnfinishedRunTellsNobody: a run that lacks a part, or is stopped, is not complete until a
// later start has completed it.
func TestUnfinishedRunTellsNobody(t *testing.T) {
	t.Parallel()
	w, _, told := newFinishing(t)
	w.config.Source.Attempts = 1
	w.source.before = func(_ context.Context, split string, n int) error {
		if split == "s1" && n == 3 {
			return sdk.Permanent(errors.New("gone"))
		}
		return nil
	}
	if res := w.run(t.Context(), t); res.Outcome != checkpoint.Incomplete {
		t.Fatalf("outcome %s", res.Outcome)
	}
	w.wantTold(t, told)
	stopped, stop := context.WithCancel(t.Context())
	w.source.before = func(ctx context.Context, _ string, _ int) error { stop(); <-ctx.Done(); return ctx.Err() }
	if res := w.run(stopped, t); res.Outcome != checkpoint.Interrupted {
		t.Fatalf("outcome %s", res.Outcome)
	}
	w.wantTold(t, told)
	w.source.before = nil
	w.run(t.Context(), t)
	w.wantTold(t, told, "run1 with 10 records, full false")
}

// TestFailedFinishComesAgain: the sink is opened again, with a higher epoch, before it is told
// again.
func TestFailedFinishComesAgain(t *testing.T) {
	t.Parallel()
	w, fails, told := newFinishing(t)
	*fails = 2
	w.run(t.Context(), t)
	w.wantTold(t, told, "run1 with 10 records, full false")
	w.check(t, 1)
	for i, start := range w.shelf.opens {
		if i > 0 && (start.Epoch <= w.shelf.opens[i-1].Epoch || start.Token == nil || !start.Resume) {
			t.Errorf("open %d: %+v after %+v", i, start, w.shelf.opens[i-1])
		}
	}
	if len(w.shelf.opens) != 3 {
		t.Errorf("%d opens, want 3", len(w.shelf.opens))
	}
}

// TestKilledAfterFinish: what the sink was told is not known to the store yet, so it is told again.
func TestKilledAfterFinish(t *testing.T) {
	t.Parallel()
	w, _, told := newFinishing(t)
	w.config.Keep = func(pipeline.Result) error { return errors.New("killed") }
	if _, err := w.try(t.Context()); err == nil {
		t.Fatal("the run has ended")
	}
	w.config.Keep = nil
	w.run(t.Context(), t)
	w.wantTold(t, told, "run1 with 10 records, full false", "run1 with 10 records, full false")
	w.check(t, 1)
}

// TestFencedRunFinishesNothing: the end of a run is the matter of who holds it.
func TestFencedRunFinishesNothing(t *testing.T) {
	t.Parallel()
	w, _, told := newFinishing(t)
	w.config.Step = func(at string) {
		if at != "telling" {
			return
		}
		if _, _, err := w.store.Begin(t.Context(), checkpoint.Begin{ID: "usurper", Now: time.Now()}); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.try(t.Context()); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("error %v, want ErrFenced", err)
	}
	w.wantTold(t, told)
}

// refusingLate is a sink whose far end refuses the record 3 of each split after the commit. It
// tells of that with a later one.
type refusingLate struct {
	memorySink
	kept, told int // records that are committed, and of these those of which was told what is refused
}

func (r *refusingLate) Open(ctx context.Context, s sdk.Start) error {
	r.kept, r.told = 0, 0
	if s.Token != nil {
		if _, err := fmt.Sscan(string(s.Token), &r.kept, &r.told); err != nil {
			return err
		}
		s.Token = sdk.Token(strconv.Itoa(r.kept))
	}
	return r.memorySink.Open(ctx, s)
}

func (r *refusingLate) refused() (out sdk.Rejects) {
	for _, record := range r.s.records[r.told:r.kept] {
		if strings.Contains(record, `"n":3`) {
			out = append(out, sdk.Reject{Stream: "numbers", Record: []byte(record), Reason: "odd"})
		}
	}
	return out
}

func (r *refusingLate) Commit(ctx context.Context) (sdk.Token, error) {
	if _, err := r.memorySink.Commit(ctx); err != nil {
		return nil, err
	}
	rejects := r.refused()
	r.told, r.kept = r.kept, len(r.s.records)
	return sdk.Token(fmt.Sprint(r.kept, r.told)), rejects.Err()
}

func (r *refusingLate) Finish(context.Context, sdk.End) error {
	if len(r.refused()) > 0 {
		return sdk.ErrUntold
	}
	return nil
}

// losing is a seat whose nth commit the store loses.
type losing struct {
	checkpoint.Held
	n *int
}

func (l losing) Commit(ctx context.Context, c checkpoint.Commit) ([]sdk.Split, error) {
	if *l.n--; *l.n == 0 {
		return nil, errors.New("the disk is full")
	}
	return l.Held.Commit(ctx, c)
}

// TestRefusedAfterACommit: what a sink's far end refuses later becomes a dead letter, once,
// whichever commit is lost.
func TestRefusedAfterACommit(t *testing.T) {
	t.Parallel()
	for lost := range 6 {
		w := newWorld(t, &numbers{splits: 2, records: 5, every: 2})
		w.config.Concurrency, w.config.CommitBytes = 1, 1
		w.config.Store = otherStore{Store: w.store,
			held: func(h checkpoint.Held) checkpoint.Held { return losing{h, &lost} }}
		w.config.Sinks = []pipeline.Stage[sdk.Sink]{
			always[sdk.Sink]("sink shelf", &refusingLate{memorySink: memorySink{w.shelf}})}
		res, err := w.try(t.Context())
		if err == nil && res.Outcome != checkpoint.Complete {
			res, err = w.try(t.Context())
		}
		if err != nil || res.Outcome != checkpoint.Complete {
			t.Fatalf("%s: %v, %v", res.Outcome, res.Err, err)
		}
		w.check(t, 1)
		var letters []string
		for _, l := range w.box.letters {
			letters = append(letters, l.Stage+": "+string(l.Record))
		}
		slices.Sort(letters)
		if want := []string{`sink shelf: {"split":"s0","n":3}`, `sink shelf: {"split":"s1","n":3}`}; !slices.Equal(
			letters, want) {
			t.Errorf("dead letters %q", letters)
		}
		if s := res.Counts.Stages["sink shelf"]; s.In != 10 || s.Out != 8 || s.Rejected != 2 ||
			s.Streams["numbers"] != 8 {
			t.Errorf("counts %+v", s)
		}
	}
}

// TestRefusedTooMuch: limits hold for what is refused later too, and a sink that tells of records
// that it never took is an error.
func TestRefusedTooMuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &numbers{splits: 2, records: 5, every: 2})
	w.config.Sinks = []pipeline.Stage[sdk.Sink]{
		always[sdk.Sink]("sink shelf", &refusingLate{memorySink: memorySink{w.shelf}})}
	w.config.Sinks[0].MaxRejects = 0
	if res := w.run(t.Context(), t); res.Outcome != checkpoint.Failed || !strings.Contains(res.Err.Error(),
		"max_rejects is 0") {
		t.Errorf("%s: %v", res.Outcome, res.Err)
	}
	w = newWorld(t, &numbers{splits: 1, records: 1, every: 1})
	w.config.Sinks = []pipeline.Stage[sdk.Sink]{always[sdk.Sink]("sink shelf", liar{memorySink{w.shelf}})}
	if res := w.run(t.Context(), t); res.Outcome != checkpoint.Failed || !strings.Contains(res.Err.Error(),
		"2 records that were refused, and took 1") {
		t.Errorf("%s: %v", res.Outcome, res.Err)
	}
}

// liar tells of more than it took.
type liar struct{ memorySink }

func (l liar) Commit(ctx context.Context) (sdk.Token, error) {
	token, err := l.memorySink.Commit(ctx)
	return token, errors.Join(err, sdk.Rejects{{Stream: "numbers", Reason: "odd"}, {Stream: "numbers", Reason: "odd"}})
}
