// Seats: one run, several processes, each with its own stages. What is in the sinks of all seats
// together must be what one process would have brought there.

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

// errLate is how a sink refuses one who was taken over.
var errLate = errors.New("the seat has a higher epoch")

// seatSink keeps a shelf for each seat, and refuses what comes from a lower epoch of it.
type seatSink struct {
	h     *hall
	start sdk.Start
	shelf *shelf
}

func (s *seatSink) Open(ctx context.Context, start sdk.Start) error {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	if start.Epoch < s.h.epochs[start.Seat] {
		return errLate
	}
	s.h.epochs[start.Seat] = start.Epoch
	s.start, s.shelf = start, s.h.shelves[start.Seat]
	if _, err := os.Stat(start.Dir); err != nil || (start.Seat == 0) != (start.Dir == s.h.dir) ||
		!strings.HasPrefix(start.Dir, s.h.dir) {
		s.h.t.Errorf("seat %d has the folder %q: %v", start.Seat, start.Dir, err)
	}
	if s.shelf == nil {
		s.shelf = &shelf{}
		s.h.shelves[start.Seat] = s.shelf
	}
	return memorySink{s.shelf}.Open(ctx, start)
}

// current calls f if no other instance was opened for the seat.
func (s *seatSink) current(f func() error) error {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	if s.start.Epoch < s.h.epochs[s.start.Seat] {
		s.h.late++
		return errLate
	}
	return f()
}

func (s *seatSink) Write(ctx context.Context, b sdk.Batch) error {
	return s.current(func() error { return memorySink{s.shelf}.Write(ctx, b) })
}

func (s *seatSink) Commit(ctx context.Context) (token sdk.Token, err error) {
	err = s.current(func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		token, err = memorySink{s.shelf}.Commit(ctx)
		return err
	})
	return token, err
}

func (s *seatSink) Finish(_ context.Context, e sdk.End) error {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.h.finished = append(s.h.finished, e.Run)
	return nil
}

// hall is where a run has its seats: what outlives the processes that sit there.
type hall struct {
	t      *testing.T
	source *numbers
	store  checkpoint.Store
	dir    string

	mu       sync.Mutex
	epochs   map[int]int64
	shelves  map[int]*shelf
	late     int // calls that a sink refused
	finished []string
}

// inHalls runs a test on every store.
func inHalls(t *testing.T, source numbers, test func(h *hall)) {
	t.Helper()
	for _, name := range []string{"memory", "sqlite"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				source := source
				h := &hall{t: t, source: &source, store: checkpoint.NewMemory(), dir: dir, epochs: map[int]int64{},
					shelves: map[int]*shelf{}}
				if name == "sqlite" {
					s, err := checkpoint.OpenSQLite(t.Context(), filepath.Join(dir, "state.db"))
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					h.store = s
				}
				test(h)
			})
		})
	}
}

// process returns the pipeline as a process of its own has it.
func (h *hall) process() pipeline.Config {
	source := *h.source
	c := pipeline.Config{
		Source: always[sdk.Source]("source numbers", &source), Store: h.store, Letters: &box{},
		Sinks: []pipeline.Stage[sdk.Sink]{{Name: "sink hall", MaxRejects: -1, Dir: h.dir,
			Start: func(context.Context) (pipeline.Instance[sdk.Sink], error) {
				return pipeline.Instance[sdk.Sink]{Plugin: &seatSink{h: h},
					Stop: func(context.Context) error { return nil }}, nil
			}}},
		Concurrency: 2, ClaimAtOnce: 2, CommitEvery: 10 * time.Millisecond, SpoolDir: h.dir,
		Begin: checkpoint.Begin{ID: "run", Now: time.Now()},
	}
	c.Source.Streams = []string{"numbers"}
	return c
}

// work has others take part in a run until it has ended.
func (h *hall) work(ctx context.Context, others ...pipeline.Config) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i, c := range others {
		wg.Go(func() {
			time.Sleep(time.Duration(i+1) * time.Millisecond) // the run is begun and planned
			if err := pipeline.New(c).Work(ctx); err != nil {
				h.t.Errorf("process %d: %v", i+1, err)
			}
		})
	}
	return &wg
}

// whole checks a run that is complete: each record is there once, and each is counted once.
func (h *hall) whole(res pipeline.Result, err error) {
	h.t.Helper()
	if err != nil || res.Outcome != checkpoint.Complete {
		h.t.Fatalf("outcome %s: %v, %v", res.Outcome, res.Err, err)
	}
	var got []string
	for _, s := range h.shelves {
		got = append(got, s.sorted()...)
	}
	slices.Sort(got)
	want := (&world{source: h.source}).want(1)
	if !slices.Equal(got, want) {
		h.t.Errorf("%d records in %d seats, want %d", len(got), len(h.shelves), len(want))
	}
	for _, stage := range []string{"source numbers", "sink hall"} {
		if c := res.Counts.Stages[stage]; c.Out != int64(len(want)) || c.In != int64(len(want)) {
			h.t.Errorf("%s has counted %+v, want %d", stage, c, len(want))
		}
	}
	if !slices.Equal(h.finished, []string{"run"}) {
		h.t.Errorf("told of the end of %v, want once", h.finished)
	}
	seats, err := h.store.View().Seats(context.Background())
	if err != nil {
		h.t.Error(err)
	}
	for _, s := range seats {
		if !s.Settled || s.Tokens["sink hall"].Run != "run" {
			h.t.Errorf("at the end of the run: %+v", s)
		}
	}
}

// slowly is a source that takes time for each record, so that nobody reads everything before others
// come.
func slowly(splits, records int) numbers {
	return numbers{splits: splits, records: records, every: 3,
		before: func(ctx context.Context, _ string, _ int) error {
			time.Sleep(time.Millisecond)
			return ctx.Err()
		}}
}

func TestSeatsShareARun(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 5} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			inHalls(t, slowly(40, 10), func(h *hall) {
				var others []pipeline.Config
				for range n - 1 {
					others = append(others, h.process())
				}
				at := h.work(h.t.Context(), others...)
				h.whole(pipeline.New(h.process()).Run(h.t.Context()))
				at.Wait()
				if len(h.shelves) != n {
					h.t.Errorf("%d seats were taken, want %d", len(h.shelves), n)
				}
			})
		})
	}
}

// stopped is a process that stands still from some step on, and wakes up later.
type stopped struct {
	checkpoint.Held
	asleep func() bool
	wake   chan struct{}
}

func (s stopped) Renew(ctx context.Context) error {
	if s.asleep() {
		<-s.wake
		time.Sleep(time.Second) // it finds out late that the seat is lost
	}
	return s.Held.Renew(ctx)
}

// TestDeadAndLateSeats: a process that stands still at some step, for longer than its lease, is as
// good as dead: others take its seat over and end the run. What it does when it wakes up is
// refused, by the store and by the sinks.
func TestDeadAndLateSeats(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"opened", "group delivered", "collected", "tokens taken", "left"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			inHalls(t, slowly(40, 10), func(h *hall) {
				wake := make(chan struct{})
				var mu sync.Mutex
				steps, asleep := 0, false
				c := h.process()
				if when == "group delivered" {
					c.CommitEvery = time.Hour // or the next commit finds out
				}
				c.Store = otherStore{Store: h.store, held: func(held checkpoint.Held) checkpoint.Held {
					return stopped{held, func() bool { mu.Lock(); defer mu.Unlock(); return asleep }, wake}
				}}
				c.Step = func(name string) {
					mu.Lock()
					if steps++; name == when && (steps > 10 || when == "opened" || when == "left") {
						asleep = true
					}
					wait := asleep
					mu.Unlock()
					if wait {
						<-wake
					}
				}
				var late sync.WaitGroup
				late.Go(func() {
					time.Sleep(time.Microsecond)
					_ = pipeline.New(c).Work(h.t.Context()) // how it ends is of no interest
				})
				at := h.work(h.t.Context(), h.process(), h.process())
				res, err := pipeline.New(h.process()).Run(h.t.Context())
				at.Wait()
				close(wake)
				late.Wait()
				h.whole(res, err)
				if when == "group delivered" && h.late == 0 {
					h.t.Error("the one who woke up has written nothing: the test proves less than it says")
				}
			})
		})
	}
}

// lossy loses a hold in the middle of it.
type lossy struct {
	checkpoint.Held
	left *int
}

func (l lossy) Hold(ctx context.Context, f func(context.Context)) error {
	if *l.left--; *l.left != 0 {
		return l.Held.Hold(ctx, f)
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	f(ctx)
	return fmt.Errorf("hold: %w", checkpoint.ErrFenced)
}

// TestLostHolds: a hold that ends while a sink is opened or commits ends what is done on the seat,
// and nothing of it is committed.
func TestLostHolds(t *testing.T) {
	t.Parallel()
	for n := range 6 {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			inHalls(t, slowly(20, 10), func(h *hall) {
				left := n + 1
				c := h.process()
				c.Store = otherStore{Store: h.store,
					held: func(held checkpoint.Held) checkpoint.Held { return lossy{held, &left} }}
				at := h.work(h.t.Context(), c)
				h.whole(pipeline.New(h.process()).Run(h.t.Context()))
				at.Wait()
				if left > 0 {
					h.t.Errorf("%d holds too few: the test proves less than it says", left)
				}
			})
		})
	}
}

// TestSeatsAfterACoordinator: who works for one that died goes on with the next.
func TestSeatsAfterACoordinator(t *testing.T) {
	t.Parallel()
	inHalls(t, slowly(40, 10), func(h *hall) {
		wake, dies := make(chan struct{}), make(chan struct{})
		var once sync.Once
		first := h.process()
		first.Step = func(name string) {
			if name == "committed" {
				once.Do(func() { close(dies) })
				<-wake
			}
		}
		var late sync.WaitGroup
		late.Go(func() {
			if _, err := pipeline.New(first).Run(h.t.Context()); !errors.Is(err, checkpoint.ErrFenced) {
				h.t.Errorf("the first coordinator: %v, want ErrFenced", err)
			}
		})
		at := h.work(h.t.Context(), h.process(), h.process())
		<-dies
		res, err := pipeline.New(h.process()).Run(h.t.Context())
		at.Wait()
		close(wake)
		late.Wait()
		h.whole(res, err)
	})
}

// TestSeatJoinedAtTheEnd: a process that joins after the sinks were told of the end, and dies, does
// not keep the run from being complete.
func TestSeatJoinedAtTheEnd(t *testing.T) {
	t.Parallel()
	inHalls(t, slowly(4, 10), func(h *hall) {
		c := h.process()
		joined := false
		c.Step = func(name string) {
			if name != "told" || joined {
				return
			}
			joined = true
			run, _, err := h.store.Current(h.t.Context())
			if err == nil {
				_, _, err = h.store.Join(h.t.Context(), run, 1)
			}
			if err != nil {
				h.t.Error(err)
			}
		}
		res, err := pipeline.New(c).Run(h.t.Context())
		if !joined || len(h.finished) != 2 {
			h.t.Errorf("joined %t, the sink was told of the end of %v, want twice", joined, h.finished)
		}
		h.finished = slices.Compact(h.finished)
		h.whole(res, err)
	})
}
