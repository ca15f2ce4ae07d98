// coordinator: begins, plans and ends a run. It also works on a seat.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// maxListed bounds the splits of each kind that a result lists. maxListedBytes bounds the total
// length of their names and problems.
const (
	maxListed      = 50_000
	maxListedBytes = 32 << 20
)

// coordinator coordinates one run.
type coordinator struct {
	*Pipeline
	run  checkpoint.Run
	held checkpoint.Coordinator
}

// Run begins a run, or resumes the unfinished one. It returns when the run is complete, when
// nothing more can be done, or when ctx is done: then it drains and commits. Other processes may
// take part, see [Pipeline.Work]; Run settles the seats that they leave behind. The error says why
// the run could not be begun or ended in the store. Every other error is in the Result.
func (p *Pipeline) Run(ctx context.Context) (Result, error) {
	run, held, err := p.Store.Begin(ctx, p.Begin)
	if err != nil {
		return Result{}, err
	}
	p.Step("begun")
	p.Listeners.Tell(observe.RunStarted{Run: run.ID, Resumed: run.Resumed})
	c := &coordinator{Pipeline: p, run: run, held: held}
	w := &worker{Pipeline: p, run: run, begin: c.plan, next: c.next, end: c.finishSinks}
	res, err := c.ended(ctx, w.work(ctx, 0))
	for errors.Is(err, checkpoint.ErrUnsettled) { // a process joined after the last look
		res, err = c.ended(ctx, w.work(ctx, checkpoint.AnySeat))
	}
	return res, err
}

// ended ends the run in the store after the work ended with err.
func (c *coordinator) ended(ctx context.Context, err error) (Result, error) {
	switch {
	case errors.Is(err, checkpoint.ErrFenced):
		return Result{Run: c.run}, err
	case err == nil:
		return c.finish(checkpoint.Complete, nil)
	case errors.Is(err, errDrain):
		return c.finish(checkpoint.Interrupted, errDrain)
	case ctx.Err() != nil && isCancel(err):
		return c.finish(checkpoint.Interrupted, nil)
	}
	return c.finish(checkpoint.Failed, err)
}

// plan asks the source for the splits of a run that has no plan yet.
func (c *coordinator) plan(ctx context.Context, s *seat) error {
	if c.run.Planned {
		return nil
	}
	c.progress.phase("planning")
	n, err := s.plan(ctx, c.held)
	if err != nil {
		return err
	}
	c.run.Planned = true
	c.Listeners.Tell(observe.Planned{Splits: n})
	return nil
}

// next returns the seat to work on when no split can be claimed on s: a seat whose holder is gone
// (I6), or s itself. It waits while other holders work. It returns nowhere when all splits are read
// and all other seats are settled.
func (c *coordinator) next(ctx context.Context, s *seat) (int, error) {
	for {
		sums, err := c.Store.View().Sums(ctx, c.run.ID)
		if err != nil {
			return noSeat, storeFailure(err)
		}
		seats, err := c.Store.View().Seats(ctx)
		if err != nil {
			return noSeat, storeFailure(err)
		}
		others := false
		for _, o := range seats {
			if o.N == s.info.N || o.Settled {
				continue
			}
			if o.Free {
				return o.N, nil
			}
			others = true
		}
		switch open := sums.Splits()[checkpoint.Open]; {
		case open > 0 && !others:
			return s.info.N, nil // the last other holder left open splits
		case open == 0 && !others:
			return noSeat, nil
		}
		if free, err := c.free(ctx, c.run); err != nil || free {
			return s.info.N, err
		}
		if !wait(ctx, lookEvery) {
			return noSeat, ctx.Err()
		}
	}
}

// finishSinks calls Finish of the sinks if the run is complete: after the last commit of all seats,
// and before the store records the end. After a kill between the two, the next start finds nothing
// to read and calls it again; so does Run when a process joins between the two.
func (c *coordinator) finishSinks(ctx context.Context, d *delivery) error {
	var finishers []*liveSink
	for _, sink := range d.sinks {
		if sink.can.Finish != nil {
			finishers = append(finishers, sink)
		}
	}
	if len(finishers) == 0 {
		return nil
	}
	res, err := c.result(ctx)
	if err != nil {
		return storeFailure(err)
	}
	if res.Splits[checkpoint.Broken] > 0 || lacks(res.Counts) {
		return nil
	}
	c.progress.phase("finishing")
	c.Step("telling")
	for {
		told := c.tellAll(ctx, d, finishers, sdk.End{Run: c.run.ID, Full: c.run.Full, Rejected: c.rejected(res.Counts)})
		if !errors.Is(told, sdk.ErrUntold) {
			c.Step("told")
			return told
		}
		if err := d.awaitRefusals(ctx); err != nil {
			return err
		}
	}
}

// rejected reports whether a stage before the sinks has rejected records.
func (c *coordinator) rejected(counts Counts) bool {
	names := []string{c.Source.Name}
	for _, t := range c.Transforms {
		names = append(names, t.Name)
	}
	return slices.ContainsFunc(names, func(name string) bool {
		s := counts.Stages[name]
		return s != nil && s.Rejected > 0
	})
}

// tellAll calls Finish of each sink once.
func (c *coordinator) tellAll(ctx context.Context, d *delivery, finishers []*liveSink, end sdk.End) error {
	// Finish of a sink cannot be undone, so a coordinator that was replaced must not call it.
	var told error
	var untold atomic.Bool
	if err := d.held.Hold(ctx, func(ctx context.Context) {
		g, gctx := errgroup.WithContext(ctx)
		for _, f := range finishers {
			g.Go(func() error {
				err := f.can.Finish(gctx, end)
				if errors.Is(err, sdk.ErrUntold) {
					untold.Store(true) // the others may come to their end
					return nil
				}
				return at(f.stage.Name, err)
			})
		}
		if told = g.Wait(); told == nil && untold.Load() {
			told = sdk.ErrUntold
		}
	}); err != nil {
		return storeFailure(err)
	}
	return told
}

// result returns the progress of the run in the store, which all seats have committed.
func (c *coordinator) result(ctx context.Context) (res Result, err error) {
	run, ok, err := c.Store.Current(ctx)
	if err != nil {
		return res, err
	}
	if !ok || run.Epoch != c.run.Epoch {
		return res, fmt.Errorf("run %s: %w", c.run.ID, checkpoint.ErrFenced)
	}
	res.Run = run
	if res.Counts, err = countsOf(run.Stats); err != nil {
		return res, err
	}
	sums, err := c.Store.View().Sums(ctx, run.ID)
	res.Splits = sums.Splits()
	return res, err
}

// lacks reports whether the source left out a part.
func lacks(c Counts) bool { return len(c.Section(hint.Missing)) > 0 }

// finish ends the run in the store. It ignores the cancellation of the run, because the next run
// depends on this state and nothing in it waits for others.
func (c *coordinator) finish(outcome checkpoint.Outcome, cause error) (Result, error) {
	ctx := context.Background()
	res, err := c.result(ctx)
	if err != nil {
		return Result{Run: c.run, Outcome: outcome, Err: cause}, errors.Join(cause, err)
	}
	res.Outcome, res.Err = outcome, cause
	if res.Broken, err = c.list(ctx, checkpoint.Broken); err != nil {
		return res, errors.Join(res.Err, err)
	}
	if res.Skipped, err = c.list(ctx, checkpoint.Skipped); err != nil {
		return res, errors.Join(res.Err, err)
	}
	if broken := res.Splits[checkpoint.Broken]; outcome == checkpoint.Complete && broken > 0 {
		res.Outcome, res.Err = checkpoint.Incomplete, &IncompleteError{Count: broken, Broken: res.Broken}
	}
	// another coordinator would overwrite the report
	held := c.held.Hold(ctx, func(context.Context) { err = c.Keep(res) })
	if err := errors.Join(held, err); err != nil {
		return res, errors.Join(res.Err, err)
	}
	c.Step("finishing")
	if err := c.held.Finish(ctx, res.Outcome, checkpoint.End{Now: time.Now(), Gaps: lacks(res.Counts)}); err != nil {
		return res, errors.Join(res.Err, err)
	}
	c.Step("finished")
	c.Listeners.Tell(observe.RunEnded{Outcome: string(res.Outcome), Err: res.Err})
	return res, nil
}

// list returns the splits with a status, within the bounds of a result.
func (c *coordinator) list(ctx context.Context, status checkpoint.Status) (out []checkpoint.Split, err error) {
	bytes := 0
	for page, err := range checkpoint.EachSplit(ctx, c.Store.View(), c.run.ID, status) {
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			if bytes += len(s.ID) + len(s.Problem); len(out) == maxListed || len(out) > 0 && bytes > maxListedBytes {
				return out, nil
			}
			s.Data, s.Cursor = nil, nil
			out = append(out, s)
		}
	}
	return out, nil
}

// IncompleteError gives the number of broken splits and names the first ones.
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
