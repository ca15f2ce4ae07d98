// worker: works on the seats of a run in turn: join, open, read, deliver, leave.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// worker is one process that works on a run. The coordinator sets the functions; they are nil in
// other processes.
type worker struct {
	*Pipeline
	run  checkpoint.Run
	held checkpoint.Held // the last seat held; nil: none yet

	begin func(ctx context.Context, s *seat) error        // called when the stages of s are open
	next  func(ctx context.Context, s *seat) (int, error) // called when no split can be claimed: returns the next seat
	end   func(ctx context.Context, d *delivery) error    // called when no seat is left to work on
}

// noSeat is no seat: the work is done.
const noSeat = -2

// Work takes part in a run that another process coordinates. It returns when the run has ended, or
// when ctx is done: then it drains and commits. It waits for a run that is not planned yet, and
// while there is nothing to do.
func (p *Pipeline) Work(ctx context.Context) error {
	for ctx.Err() == nil {
		run, ok, err := p.Store.Current(ctx)
		if err != nil || !ok {
			return storeFailure(err)
		}
		todo, err := p.left(ctx, run)
		if err != nil {
			return storeFailure(err)
		}
		if !todo {
			wait(ctx, lookEvery)
			continue
		}
		w := &worker{Pipeline: p, run: run}
		err = w.work(ctx, checkpoint.AnySeat)
		if err != nil && !errors.Is(err, checkpoint.ErrFenced) && ctx.Err() == nil {
			return err // fenced: look whether there is another coordinator
		}
	}
	return nil
}

// lookEvery is the interval of polling for other holders' work.
const lookEvery = time.Second

// left reports whether there is work for a process that takes part: a split without a holder, or a
// seat whose holder is gone.
func (p *Pipeline) left(ctx context.Context, run checkpoint.Run) (bool, error) {
	if !run.Planned {
		return false, nil
	}
	seats, err := p.Store.View().Seats(ctx)
	if err != nil {
		return false, err
	}
	for _, s := range seats {
		if s.Free && !s.Settled {
			return true, nil
		}
	}
	return p.free(ctx, run)
}

// free reports whether a split has no holder.
func (p *Pipeline) free(ctx context.Context, run checkpoint.Run) (bool, error) {
	some, err := p.Store.View().Splits(ctx, run.ID, checkpoint.Query{Status: checkpoint.Open, Free: true, N: 1})
	return len(some) > 0, storeFailure(err)
}

// work takes seats, starting with n, until no work is left. After a failure it goes back to the
// last commit of its seat, as long as a retry may help.
func (w *worker) work(ctx context.Context, n int) error {
	t, been := w.newAttempts(limits{}), map[uint64]bool{}
	for n != noSeat {
		next, gained, err := w.sit(ctx, n)
		if gained.since(been) {
			t.further()
		}
		switch {
		case err == nil:
			n = next
			continue
		case errors.Is(err, errDrain), ctx.Err() != nil && isCancel(err), final(err):
			return err
		case errors.Is(err, checkpoint.ErrFenced):
			if n, err = checkpoint.AnySeat, w.follows(ctx, err); err != nil {
				return err
			}
			continue
		}
		t.limits = w.limitsFor(err)
		delay, over := t.failed(err, true)
		if over != nil {
			return over
		}
		w.Listeners.Tell(observe.RolledBack{Seat: max(n, 0), Err: err, Wait: delay})
		if !wait(ctx, delay) {
			return ctx.Err()
		}
		if w.held != nil && errors.Is(w.held.Renew(ctx), checkpoint.ErrFenced) {
			n = checkpoint.AnySeat // another process has settled the seat
		}
	}
	return nil
}

// follows handles a fenced seat. It returns nil if only the seat was taken over, and fenced if the
// run has another coordinator.
func (w *worker) follows(ctx context.Context, fenced error) error {
	run, ok, err := w.Store.Current(ctx)
	if err != nil {
		return storeFailure(err)
	}
	if !ok || run.Epoch != w.run.Epoch {
		return fenced
	}
	return nil
}

// limitsFor returns the limits of the stage that err names.
func (p *Pipeline) limitsFor(err error) limits {
	all := map[string]limits{p.Source.Name: p.Source.limits()}
	for _, t := range p.Transforms {
		all[t.Name] = t.limits()
	}
	for _, s := range p.Sinks {
		all[s.Name] = s.limits()
	}
	if l, ok := all[StageOf(err)]; ok {
		return l
	}
	return Stage[sdk.Sink]{}.limits()
}

// final reports whether going back to the last commit cannot help.
func final(err error) bool {
	var s *storeError
	var w *waitError
	return sdk.IsPermanent(err) || errors.As(err, &s) || errors.As(err, &w)
}

// sit works on one seat with newly started plugins. It returns the next seat. It returns ctx's
// error if it drained and committed because ctx is done.
func (w *worker) sit(ctx context.Context, n int) (next int, g gained, err error) {
	s, err := join(ctx, w.Pipeline, w.run, n)
	if err != nil {
		return noSeat, g, err
	}
	w.held = s.held
	// The plugins outlive ctx: what was read when the user stops the run is still delivered and
	// committed.
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var renewing sync.WaitGroup
	defer renewing.Wait()
	defer cancel(nil)
	renewing.Go(func() { s.renew(work, cancel) })
	defer context.AfterFunc(ctx, func() {
		if wait(work, drainTime) {
			cancel(errDrain)
		}
	})()
	d := newDelivery(work, s, cancel)
	next, err = w.workSeat(ctx, work, s, d)
	cause := context.Cause(work)
	if errors.Is(cause, errDrain) || errors.Is(cause, checkpoint.ErrFenced) {
		err = cause
	}
	s.stop(errors.Is(cause, errDrain))
	if d.drained && (err == nil || isCancel(err)) {
		err = errors.Join(err, s.leave())
	}
	return next, d.gained, err
}

// workSeat opens the stages of a seat and reads until no split can be claimed.
func (w *worker) workSeat(ctx, work context.Context, s *seat, d *delivery) (next int, err error) {
	w.progress.phase("starting the plugins")
	if err := s.start(ctx); err != nil {
		return noSeat, err
	}
	if err := s.open(ctx); err != nil {
		return noSeat, err
	}
	if w.begin != nil {
		if err := w.begin(ctx, s); err != nil {
			return noSeat, err
		}
	}
	sums, err := w.Store.View().Sums(ctx, w.run.ID)
	if err != nil {
		return noSeat, &storeError{err}
	}
	w.progress.splits(sums)
	if d.checkLimits(); d.overLimit() != nil {
		return noSeat, d.overLimit() // nothing has changed since the limit ended the run
	}
	w.progress.phase("reading")
	if next, err = w.read(ctx, work, s, d); err != nil {
		return noSeat, err
	}
	if next == noSeat && w.end != nil {
		return next, w.end(work, d)
	}
	return next, nil
}

// read reads open splits in rounds, because splits that are added while reading become known with a
// commit.
func (w *worker) read(ctx, work context.Context, s *seat, d *delivery) (next int, err error) {
	// Readers stop when the user stops the run, or when delivery fails.
	read, stopReading := context.WithCancelCause(work)
	defer stopReading(nil)
	defer context.AfterFunc(ctx, func() { stopReading(ctx.Err()) })()

	commits := make(chan error, 1)
	stopCommits := make(chan struct{})
	go func() { commits <- d.commitLoop(work, stopCommits) }()
	next, readErr := w.rounds(read, work, s, d)
	close(stopCommits)
	if err := <-commits; err != nil && readErr == nil {
		readErr = err
	}
	if failure := d.failure(); failure != nil {
		return noSeat, failure
	}
	if readErr != nil && !isCancel(readErr) {
		return noSeat, readErr
	}
	w.progress.phase("committing")
	if err := d.commit(work); err != nil {
		return noSeat, err
	}
	d.drained = true
	return next, errors.Join(ctx.Err(), d.overLimit())
}

// rounds reads until no known split is left, or read is done.
func (w *worker) rounds(read, work context.Context, s *seat, d *delivery) (next int, err error) {
	for {
		// Any commit may have added splits, including a periodic one after the last reader ended.
		before := d.knows()
		if err := w.readAll(read, s, d); err != nil || read.Err() != nil {
			return noSeat, err
		}
		if err := d.commit(work); err != nil {
			return noSeat, err
		}
		if d.knows() != before {
			continue
		}
		if w.next == nil {
			return noSeat, nil
		}
		if next, err = w.next(read, s); err != nil || next != s.info.N {
			return next, err
		}
		d.queue.added()
	}
}

// readAll runs the readers until the queue is empty or the first fatal error.
func (w *worker) readAll(ctx context.Context, s *seat, d *delivery) error {
	lane := newSharedLock()
	g, gctx := errgroup.WithContext(ctx)
	for range max(1, w.Concurrency) {
		g.Go(func() error {
			for {
				split, err := d.queue.take(gctx)
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					if isCancel(err) {
						return err
					}
					return storeFailure(err)
				}
				err = newReader(s, d, lane, split).read(gctx)
				d.queue.done()
				if err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// drainTime is how long a stopped run may take to deliver and commit what it has read.
const drainTime = 30 * time.Second

// errDrain is the error of a run that a plugin keeps from draining.
var errDrain = fmt.Errorf(
	"a plugin kept the run from draining for %s: what was not committed is read again by the next run", drainTime)
