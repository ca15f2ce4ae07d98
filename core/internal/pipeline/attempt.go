// attempt: one try of a run, from the last commit on, with freshly started plugins.

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
	"github.com/scrapekit/scrapekit/sdk"
)

type attempt struct {
	*Pipeline
	run0       *checkpoint.Run // the run as the store gave it; Planned is set here
	again      bool            // it is not the first of this holder
	source     *liveSource
	transforms []*liveTransform
	sinks      []*liveSink
	streams    []sdk.Stream        // selected
	declared   map[string]bool     // streams that the source has
	keys       map[string][]string // the fields of their primary keys
	lane       *lane               // for splits: see reader.blameless
	queue      Queue
	deliver    *delivery
	gained     gained
}

func newAttempt(p *Pipeline, run *checkpoint.Run) (*attempt, error) {
	counts, err := p.progress.kept(run.Stats)
	if err != nil {
		return nil, &storeError{err}
	}
	p.progress.restart(counts)
	a := &attempt{Pipeline: p, run0: run, lane: newLane(), declared: map[string]bool{}}
	a.source = newLiveSource(p)
	for _, t := range p.Transforms {
		a.transforms = append(a.transforms, &liveTransform{stage: t, turn: newTurn()})
	}
	for _, s := range p.Sinks {
		a.sinks = append(a.sinks, &liveSink{stage: s, turn: newTurn()})
	}
	return a, nil
}

// run does the work of an attempt. It returns nil when no split is left to read, and ctx's error when it
// has drained and committed because ctx ended.
func (a *attempt) run(ctx context.Context) (err error) {
	// The plugins outlive ctx: what was read when the user stops is still delivered and committed.
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer func() { a.stop(errors.Is(context.Cause(work), errDrain)) }()
	defer context.AfterFunc(ctx, func() {
		if wait(work, drainTime) {
			cancel(errDrain)
		}
	})()
	defer func() {
		if errors.Is(context.Cause(work), errDrain) {
			err = errDrain
		}
	}()
	a.progress.phase("starting the plugins")
	if err := a.start(ctx); err != nil {
		return err
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	if err := a.plan(ctx); err != nil {
		return err
	}
	a.deliver = newDelivery(work, a, cancel)
	if err := a.work(ctx, work); err != nil {
		return err
	}
	return a.finish(work)
}

// start brings all plugins up at once: they do not know of each other.
func (a *attempt) start(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.source.start(gctx) })
	for _, t := range a.transforms {
		g.Go(func() error { return t.start(gctx) })
	}
	for _, s := range a.sinks {
		g.Go(func() error { return s.start(gctx) })
	}
	err := g.Wait()
	if err != nil && !crashed(err) && !isCancel(err) {
		return sdk.Permanent(err) // a file that is not there will not come
	}
	return err
}

// stop ends the plugins, upstream first: a source that still speaks must have somebody to listen.
// What matters is committed or given up by then, so a plugin that does not end well is only told
// of. Those that kept the run from draining had their time.
func (a *attempt) stop(late bool) {
	patience := stopTime
	if late {
		patience = 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a.stopped(a.Source.Name, a.source.stop(ctx))
	var g sync.WaitGroup
	for _, t := range a.transforms {
		g.Go(func() { a.stopped(t.stage.Name, t.stop(ctx)) })
	}
	for _, s := range a.sinks {
		g.Go(func() { a.stopped(s.stage.Name, s.stop(ctx)) })
	}
	g.Wait()
}

func (a *attempt) stopped(stage string, err error) {
	if err != nil {
		a.Logger.Warn("a plugin failed", "stage", stage, "error", err)
	}
}

// plan asks the source for the splits of a run that has none yet.
func (a *attempt) plan(ctx context.Context) error {
	if a.run0.Planned {
		return nil
	}
	a.progress.phase("planning")
	n := 0
	err := a.ask(ctx, func() error {
		if check := a.source.instance.Check; check != nil {
			if err := check(ctx); err != nil {
				return err
			}
		}
		n = 0
		return a.planOnce(ctx, &n)
	})
	if err != nil {
		return err
	}
	a.run0.Planned = true
	a.event(Event{Kind: Planned, N: int64(n)})
	return nil
}

// planOnce has the source plan and the store keep the plan, and counts its splits. An error that is not the store's is the source's.
func (a *attempt) planOnce(ctx context.Context, n *int) error {
	var planErr error
	err := a.Store.Plan(ctx, *a.run0, func(yield func([]sdk.Split, error) bool) {
		if planErr = a.planned(ctx, func(page []sdk.Split) bool { *n += len(page); return yield(page, nil) }); planErr != nil {
			yield(nil, planErr)
		}
	})
	if planErr != nil {
		return planErr
	}
	if err != nil {
		return storeFailure(err)
	}
	return nil
}

// planned hands over the pages of the source's plan, until one is refused.
func (a *attempt) planned(ctx context.Context, yield func([]sdk.Split) bool) error {
	var storeErr error
	previous := func(yield func([]sdk.Split, error) bool) {
		if a.run0.Full {
			return
		}
		for page, err := range checkpoint.EachPrevious(ctx, a.Store) {
			if err != nil {
				storeErr = &storeError{err}
			}
			if !yield(page, err) {
				return
			}
		}
	}
	var streams []string
	for _, s := range a.streams {
		streams = append(streams, s.Name)
	}
	err := PlanPages(ctx, a.source.instance.Plugin, streams, previous, func(page []sdk.Split) error {
		for _, s := range page {
			if err := a.names(s.Stream); err != nil {
				return at(a.Source.Name, err)
			}
		}
		if !yield(page) {
			return errRefused
		}
		return nil
	})
	switch {
	case storeErr != nil:
		return storeErr
	case errors.Is(err, errRefused):
		return nil // the store says why
	case err != nil:
		return err
	}
	a.Step("planned")
	return nil
}

// ask asks the source for what a run needs before it reads; see [Ask].
func (a *attempt) ask(ctx context.Context, question func() error) error {
	return a.askAgain(ctx, a.Source, func(err error, wait time.Duration) {
		a.event(Event{Kind: PlanRetried, Stage: a.Source.Name, Err: err, Wait: wait})
	}, question)
}

func storeFailure(err error) error {
	if err == nil || errors.Is(err, checkpoint.ErrFenced) {
		return err
	}
	return &storeError{err}
}

// work reads all open splits, in rounds: splits that were added while reading become known with a commit.
func (a *attempt) work(ctx, work context.Context) error {
	sums, err := a.Store.Sums(ctx, *a.run0)
	if err != nil {
		return &storeError{err}
	}
	a.progress.splits(sums)
	if a.deliver.checkLimits(); a.deliver.overLimit() != nil {
		return a.deliver.overLimit() // nothing has changed since the run that ended for it
	}
	a.progress.phase("reading")
	a.queue = a.NewQueue(func(ctx context.Context, after int64, n int) ([]checkpoint.Split, error) {
		return a.Store.Claim(ctx, *a.run0, after, n)
	})
	// Readers stop when the user does, and when delivery has failed.
	read, stopReading := context.WithCancelCause(work)
	defer stopReading(nil)
	defer context.AfterFunc(ctx, func() { stopReading(ctx.Err()) })()

	commits := make(chan error, 1)
	stopCommits := make(chan struct{})
	go func() { commits <- a.deliver.commitLoop(work, stopCommits) }()
	var readErr error
	for {
		// Any commit since may have made splits known, a timely one after the last reader had gone too.
		before := a.deliver.knows()
		if readErr = a.readAll(read); readErr != nil || ctx.Err() != nil {
			break
		}
		if readErr = a.deliver.commit(work); readErr != nil || a.deliver.knows() == before {
			break
		}
	}
	close(stopCommits)
	if err := <-commits; err != nil && readErr == nil {
		readErr = err
	}
	if failure := a.deliver.failure(); failure != nil {
		return failure
	}
	if readErr != nil && !isCancel(readErr) {
		return readErr
	}
	a.progress.phase("committing")
	if err := a.deliver.commit(work); err != nil {
		return err
	}
	return errors.Join(ctx.Err(), a.deliver.overLimit())
}

// readAll runs the readers until the queue is empty or the first fatal error.
func (a *attempt) readAll(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	for range max(1, a.Concurrency) {
		g.Go(func() error {
			for {
				s, err := a.queue.Take(gctx)
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					if isCancel(err) {
						return err
					}
					return storeFailure(err)
				}
				err = newReader(a, s).read(gctx)
				a.queue.Done(s.ID)
				if err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// outcome says how an attempt that came to its end leaves the run.
func (a *attempt) outcome() checkpoint.Outcome {
	if a.progress.broken() > 0 {
		return checkpoint.Incomplete
	}
	return checkpoint.Complete
}

// IncompleteError says how many splits stayed broken, and names the first of them.
type IncompleteError struct {
	Count  int
	Broken []checkpoint.Split
}

func (e *IncompleteError) Error() string {
	b := e.Broken[0]
	if e.Count == 1 {
		return fmt.Sprintf("split %s could not be read: %s", b.ID, b.Problem)
	}
	return fmt.Sprintf("%d splits could not be read, the first: %s: %s", e.Count, b.ID, b.Problem)
}
