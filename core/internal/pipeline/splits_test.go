// Runs of many splits: what is known of them is kept in the store, and some at a time in memory.

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

// A split that cannot be read while a commit is under way is known to be broken afterwards.
func TestBrokenDuringACommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 30, records: 4, every: 1,
			before: func(_ context.Context, split string, n int) error {
				time.Sleep(time.Millisecond)
				if n, _ := strconv.Atoi(split[1:]); n%3 == 0 {
					return sdk.Permanent(errors.New(split + " is broken by order"))
				}
				return nil
			}})
		w.config.CommitEvery, w.config.Concurrency = time.Millisecond, 5
		w.config.Step = func(name string) {
			if name == "tokens taken" {
				time.Sleep(10 * time.Millisecond)
			}
		}
		res := w.run(t.Context(), t)
		var incomplete *pipeline.IncompleteError
		if !errors.As(res.Err, &incomplete) || incomplete.Count != 10 || len(res.Broken) != 10 {
			t.Fatalf("outcome %s, %d broken: %v", res.Outcome, len(res.Broken), res.Err)
		}
		if got := fmt.Sprint(res.Splits); got != "map[broken:10 done:20]" {
			t.Errorf("splits: %s", got)
		}
		for _, b := range res.Broken {
			if b.Problem != b.ID+" is broken by order" {
				t.Errorf("split %s: %q", b.ID, b.Problem)
			}
		}
	})
}

// slowView, slowEnd and slowCommit take their time for everything at a run's end.
type slowView struct {
	checkpoint.View
	takes time.Duration
}

func (s slowView) Sums(ctx context.Context, run string) (checkpoint.Sums, error) {
	time.Sleep(s.takes)
	return s.View.Sums(ctx, run)
}

func (s slowView) Splits(ctx context.Context, run string, q checkpoint.Query) ([]checkpoint.Split, error) {
	time.Sleep(s.takes)
	return s.View.Splits(ctx, run, q)
}

type slowEnd struct {
	checkpoint.Coordinator
	takes time.Duration
}

func (s slowEnd) Finish(ctx context.Context, o checkpoint.Outcome, end checkpoint.End) error {
	time.Sleep(s.takes)
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Coordinator.Finish(ctx, o, end)
}

type slowCommit struct {
	checkpoint.Held
	takes time.Duration
}

func (s slowCommit) Commit(ctx context.Context, c checkpoint.Commit) ([]sdk.Split, error) {
	time.Sleep(s.takes)
	return s.Held.Commit(ctx, c)
}

// A machine that does a hundred things besides comes to the end of a run too.
func TestNoDeadlineForBookkeeping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 2, records: 10, every: 5})
		w.config.Store = otherStore{
			Store:       w.store,
			view:        func(v checkpoint.View) checkpoint.View { return slowView{v, time.Hour} },
			coordinator: func(c checkpoint.Coordinator) checkpoint.Coordinator { return slowEnd{c, time.Hour} },
		}
		if res := w.run(t.Context(), t); res.Outcome != checkpoint.Complete {
			t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
		}
		w.check(t, 1)
	})
	// What was read when the user stopped is committed, though that takes longer than a plugin may.
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := newWorld(t, &numbers{splits: 1, records: 10, every: 1,
			before: func(_ context.Context, _ string, n int) error {
				if n == 5 {
					stop()
				}
				return nil
			}})
		w.config.CommitEvery = time.Hour
		w.config.Store = otherStore{Store: w.store, held: func(h checkpoint.Held) checkpoint.Held {
			return slowCommit{h, 10 * time.Minute}
		}}
		if res := w.run(ctx, t); res.Outcome != checkpoint.Interrupted || res.Counts.Commits == 0 ||
			res.Counts.Stages["source numbers"].Out < 5 {
			t.Fatalf("outcome %s, %+v: %v", res.Outcome, res.Counts, res.Err)
		}
	})
}

// What is known of splits goes to the store before it takes much memory, however little was
// delivered and however far away the next commit is.
func TestManySplitsAreCommittedEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &numbers{splits: 50_000, records: 0, every: 1})
	w.config.CommitEvery = time.Hour
	res := w.run(t.Context(), t)
	if res.Outcome != checkpoint.Complete || res.Splits[checkpoint.Done] != 50_000 {
		t.Fatalf("outcome %s, %v: %v", res.Outcome, res.Splits, res.Err)
	}
	if res.Counts.Commits < 5 || res.Counts.Commits > 50 {
		t.Errorf("%d commits for 50,000 splits", res.Counts.Commits)
	}
}

// pagedSource plans in pages, from pages.
type pagedSource struct {
	numbers
	previous []int // how many splits each page held that it was given
	fails    error // in the place of the last page
	given    int   // pages that were taken
}

func (p *pagedSource) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return nil, sdk.Permanent(errors.New("it is planned in pages"))
}

func (p *pagedSource) PlanPages(ctx context.Context, streams []string, previous iter.Seq2[[]sdk.Split, error],
	page func([]sdk.Split) error) error {
	for page, err := range previous {
		if err != nil {
			return err
		}
		p.previous = append(p.previous, len(page))
	}
	p.given = 0
	for from := 0; from < p.splits; from += 100 {
		var splits []sdk.Split
		for i := from; i < min(p.splits, from+100); i++ {
			splits = append(splits, sdk.Split{ID: "s" + strconv.Itoa(i), Stream: streams[0]})
		}
		if err := page(splits); err != nil {
			return err
		}
		p.given++
	}
	return p.fails
}

func TestPlanInPages(t *testing.T) {
	t.Parallel()
	p := &pagedSource{numbers: numbers{splits: 2500, records: 1, every: 1}}
	w := newWorld(t, &p.numbers)
	source := always[sdk.Source]("source paged", p)
	source.Streams = []string{"numbers"}
	w.config.Source = source
	p.fails = sdk.Permanent(errors.New("the last page cannot be had"))
	if res := w.run(t.Context(), t); res.Outcome != checkpoint.Failed || res.Run.Planned ||
		!strings.Contains(res.Err.Error(), "source paged: the last page") {
		t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
	}
	p.fails = nil
	for range 2 {
		if res := w.run(t.Context(), t); res.Outcome != checkpoint.Complete || res.Splits[checkpoint.Done] != 2500 {
			t.Fatalf("outcome %s, %v: %v", res.Outcome, res.Splits, res.Err)
		}
	}
	w.check(t, 2)
	if len(p.previous) != 3 || p.previous[0]+p.previous[1]+p.previous[2] != 2500 {
		t.Errorf("pages of previous splits: %v", p.previous)
	}
	// The store refuses a page: the source is not asked for the others, and the store's reason is
	// told.
	p.splits = 300
	w.config.Store = otherStore{Store: w.store, coordinator: func(c checkpoint.Coordinator) checkpoint.Coordinator {
		return refusing{c}
	}}
	if res := w.run(t.Context(), t); res.Outcome != checkpoint.Failed ||
		!strings.Contains(res.Err.Error(), "state: no page is wanted") || p.given != 0 {
		t.Errorf("outcome %s after %d pages: %v", res.Outcome, p.given, res.Err)
	}
}

// refusing refuses each plan at its first page.
type refusing struct{ checkpoint.Coordinator }

func (refusing) Plan(_ context.Context, pages iter.Seq2[[]sdk.Split, error]) error {
	for range pages {
		break
	}
	return errors.New("no page is wanted")
}

// TestQueueAsksOnce: readers that want a split at once do not ask the store at once, and none goes
// away while a split may still come.
func TestQueueAsksOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q pipeline.Queue
		asking, asked := 0, 0
		q = pipeline.NewQueue(func(_ context.Context, n int) ([]checkpoint.Split, error) {
			asking++
			asked++
			if asking > 1 || n != 2 {
				t.Errorf("%d ask at once for %d", asking, n)
			}
			time.Sleep(time.Second)
			asking--
			switch {
			case asked < 3:
				return []checkpoint.Split{{Place: int64(2*asked - 1)}, {Place: int64(2 * asked)}}, nil
			case asked == 3:
				q.Added() // while the answer is under way
			case asked == 4:
				return []checkpoint.Split{{Place: 5}}, nil
			}
			return nil, nil
		}, 2)
		places := make(chan int64, 10)
		for range 3 {
			go func() {
				for {
					s, err := q.Take(t.Context())
					if err != nil {
						places <- -1
						if !errors.Is(err, io.EOF) {
							t.Error(err)
						}
						return
					}
					time.Sleep(time.Minute)
					places <- s.Place
					q.Done()
				}
			}()
		}
		sum := int64(0)
		for range 5 + 3 {
			sum += <-places
		}
		if sum != 1+2+3+4+5-3 || asked != 5 {
			t.Errorf("sum of the places and ends: %d, the store was asked %d times", sum, asked)
		}
	})
}

// TestQueueAfterAFailure: who could not ask says so, and the others can.
func TestQueueAfterAFailure(t *testing.T) {
	t.Parallel()
	broke := errors.New("the store broke")
	q := pipeline.NewQueue(func(context.Context, int) ([]checkpoint.Split, error) { return nil, broke }, 2)
	for range 2 {
		if _, err := q.Take(t.Context()); !errors.Is(err, broke) {
			t.Errorf("got %v", err)
		}
		q.Added()
	}
}

// BenchmarkSnapshot is what a look at a run costs, with few and with many splits.
func BenchmarkSnapshot(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			p := pipeline.WithSplits(n)
			for b.Loop() {
				if p.Snapshot().Streams[0].Splits != n {
					b.Fatal("not all splits")
				}
			}
		})
	}
}

// TestSnapshotCostsTheSame: however many splits there are.
func TestSnapshotCostsTheSame(t *testing.T) {
	few, many := pipeline.WithSplits(10), pipeline.WithSplits(10_000)
	if a, b := testing.AllocsPerRun(10, func() { few.Snapshot() }), testing.AllocsPerRun(10,
		func() { many.Snapshot() }); a != b {
		t.Errorf("%v allocations with 10 splits, %v with 10,000", a, b)
	}
}
