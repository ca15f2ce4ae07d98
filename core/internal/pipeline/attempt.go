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
	streams    []sdk.Stream    // selected
	declared   map[string]bool // streams that the source has
	keyless    map[string]bool // those of them without a primary key
	lane       *lane           // for splits: see reader.blameless
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
	defer a.stop()
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

// stop ends the plugins, upstream first: a source that still speaks must have somebody to listen. What matters
// is committed or given up by then, so a plugin that does not end well is only told of.
func (a *attempt) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
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
		a.Logger.Warn("a plugin did not end well", "stage", stage, "error", err)
	}
}

// plan asks the source for the splits of a run that has none yet.
func (a *attempt) plan(ctx context.Context) error {
	if a.run0.Planned {
		return nil
	}
	a.progress.phase("planning")
	p := sdk.Plan{}
	for _, s := range a.streams {
		p.Streams = append(p.Streams, s.Name)
	}
	if !a.run0.Full {
		previous, err := a.Store.Previous(ctx)
		if err != nil {
			return &storeError{err}
		}
		p.Previous = previous
	}
	var splits []sdk.Split
	err := a.ask(ctx, func() (err error) {
		if check := a.source.instance.Check; check != nil {
			if err := check(ctx); err != nil {
				return err
			}
		}
		splits, err = a.source.instance.Plugin.Plan(ctx, p)
		return err
	})
	if err != nil {
		return err
	}
	a.Step("planned")
	if err := a.Store.Plan(ctx, *a.run0, splits); err != nil {
		return storeFailure(err)
	}
	a.run0.Planned = true
	a.event(Event{Kind: Planned, N: int64(len(splits))})
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
	splits, err := a.Store.Splits(ctx, *a.run0)
	if err != nil {
		return &storeError{err}
	}
	a.progress.splits(splits)
	if a.deliver.checkLimits(); a.deliver.overLimit() != nil {
		return a.deliver.overLimit() // nothing has changed since the run that ended for it
	}
	a.progress.phase("reading")
	a.queue = a.NewQueue(splits, func(ctx context.Context, id string) (checkpoint.Split, error) {
		return a.Store.Claim(ctx, *a.run0, id)
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
func (a *attempt) outcome() (checkpoint.Outcome, error) {
	broken := a.progress.broken()
	if len(broken) == 0 {
		return checkpoint.Complete, nil
	}
	return checkpoint.Incomplete, &IncompleteError{Broken: broken}
}

// IncompleteError names the splits that stayed broken.
type IncompleteError struct {
	Broken []checkpoint.Split
}

func (e *IncompleteError) Error() string {
	b := e.Broken[0]
	if len(e.Broken) == 1 {
		return fmt.Sprintf("split %s could not be read: %s", b.ID, b.Problem)
	}
	return fmt.Sprintf("%d splits could not be read, the first: %s: %s", len(e.Broken), b.ID, b.Problem)
}
