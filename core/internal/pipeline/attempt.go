// attempt: one try of a run, from the last commit on, with freshly started plugins.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

type attempt struct {
	*Pipeline
	run0       *checkpoint.Run // the run as the store gave it; Planned is set here
	source     *liveSource
	transforms []*liveTransform
	sinks      []*liveSink
	streams    []sdk.Stream    // selected
	declared   map[string]bool // streams that the source has
	lane       *lane
	queue      Queue
	deliver    *delivery
	commits    int
}

func newAttempt(p *Pipeline, run *checkpoint.Run) (*attempt, error) {
	counts, err := p.progress.kept(run.Stats)
	if err != nil {
		return nil, &storeError{err}
	}
	p.progress.restart(counts)
	a := &attempt{Pipeline: p, run0: run, lane: newLane(), declared: map[string]bool{}}
	a.source = &liveSource{stage: p.Source, onLost: func(err error) {
		p.event(Event{Kind: PluginLost, Stage: p.Source.Name, Err: err})
	}}
	for _, t := range p.Transforms {
		a.transforms = append(a.transforms, &liveTransform{stage: t})
	}
	for _, s := range p.Sinks {
		a.sinks = append(a.sinks, &liveSink{stage: s})
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
	return a.work(ctx, work)
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

// open finds out which streams flow where, and brings every stage back to its token.
func (a *attempt) open(ctx context.Context) error {
	all, err := a.source.instance.Plugin.Streams(ctx)
	if err != nil {
		return at(a.Source.Name, err)
	}
	for _, s := range all {
		a.declared[s.Name] = true
	}
	if a.streams, err = selected(a.Source, all); err != nil {
		return err
	}
	tokens, err := a.Store.Tokens(ctx)
	if err != nil {
		return &storeError{err}
	}
	a.Step("opening")
	flowing := a.streams
	for _, t := range a.transforms {
		if err := known(t.stage, flowing); err != nil {
			return err
		}
		if err := t.open(ctx, a.startFor(t.stage.Name, tokens, flowing)); err != nil {
			return at(t.stage.Name, err)
		}
		if flowing, err = t.out(ctx, flowing); err != nil {
			return at(t.stage.Name, err)
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range a.sinks {
		if err := known(s.stage, flowing); err != nil {
			return err
		}
		g.Go(func() error {
			mine := slices.DeleteFunc(slices.Clone(flowing), func(f sdk.Stream) bool { return !s.stage.Takes(f.Name) })
			return at(s.stage.Name, s.open(gctx, a.startFor(s.stage.Name, tokens, mine)))
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	a.Step("opened")
	var letters sdk.Token
	if t := tokens[lettersStage]; t.Run == a.run0.ID {
		letters = t.Token
	}
	return at(lettersStage, a.Letters.Open(a.run0.ID, letters))
}

func (a *attempt) startFor(stage string, tokens map[string]checkpoint.Token, streams []sdk.Stream) sdk.Start {
	t := tokens[stage]
	resume := t.Run == a.run0.ID
	return sdk.Start{
		Run: a.run0.ID, Started: a.run0.Started, Token: t.Token,
		Resume: resume, Full: a.run0.Full && !resume, Streams: streams,
	}
}

// selected returns the streams of the source that the pipeline wants.
func selected(source Stage[sdk.Source], all []sdk.Stream) ([]sdk.Stream, error) {
	if len(all) == 0 {
		return nil, sdk.Permanent(&StageError{Stage: source.Name, Err: errors.New("it has no streams")})
	}
	wanted := slices.DeleteFunc(slices.Clone(all), func(s sdk.Stream) bool { return !source.Takes(s.Name) })
	return wanted, known(source, all)
}

// known refuses a stage that selects a stream which does not come: its records would be left out in silence.
func known[P any](s Stage[P], come []sdk.Stream) error {
	var names []string
	for _, c := range come {
		names = append(names, c.Name)
	}
	for _, want := range s.Streams {
		if !slices.Contains(names, want) {
			return sdk.Permanent(&StageError{Stage: s.Name, Err: fmt.Errorf("it selects the stream %q, which does not come here; there are %s", want, strings.Join(names, ", "))})
		}
	}
	return nil
}

// plan asks the source for the splits of a run that has none yet.
func (a *attempt) plan(ctx context.Context) error {
	if a.run0.Planned {
		return nil
	}
	a.progress.phase("planning")
	if check := a.source.instance.Check; check != nil {
		if err := check(ctx); err != nil {
			return a.planFailure(err)
		}
	}
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
	splits, err := a.source.instance.Plugin.Plan(ctx, p)
	if err != nil {
		return a.planFailure(err)
	}
	a.Step("planned")
	if err := a.Store.Plan(ctx, *a.run0, splits); err != nil {
		return a.storeFailure(err)
	}
	a.run0.Planned = true
	a.event(Event{Kind: Planned, N: int64(len(splits))})
	return nil
}

// planFailure ends the run, unless the plugin died: its requests were tried again by the host already, and
// nothing is lost by ending before the first record.
func (a *attempt) planFailure(err error) error {
	err = at(a.Source.Name, err)
	if crashed(err) || isCancel(err) {
		return err
	}
	return sdk.Permanent(err)
}

func (a *attempt) storeFailure(err error) error {
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
		readErr = a.readAll(read)
		if readErr != nil || ctx.Err() != nil {
			break
		}
		added, err := a.deliver.commit(work)
		if err != nil || added == 0 {
			readErr = err
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
	if _, err := a.deliver.commit(work); err != nil {
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
					return a.storeFailure(err)
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

// liveTransform is a transform while it runs.
type liveTransform struct {
	stage    Stage[sdk.Transform]
	instance Instance[sdk.Transform]
	stateful bool
	mu       sync.Mutex // held around a stateful transform's calls
}

func (t *liveTransform) start(ctx context.Context) (err error) {
	t.instance, err = t.stage.Start(ctx)
	if err == nil {
		_, t.stateful = t.instance.Plugin.(sdk.Committer)
	}
	return at(t.stage.Name, err)
}

func (t *liveTransform) stop(ctx context.Context) error {
	if t.instance.Stop == nil {
		return nil
	}
	return t.instance.Stop(ctx)
}

func (t *liveTransform) open(ctx context.Context, s sdk.Start) error {
	if o, ok := t.instance.Plugin.(sdk.Opener); ok {
		return o.Open(ctx, s)
	}
	return nil
}

// out returns the streams after this transform: those that it takes are replaced by those that it makes.
func (t *liveTransform) out(ctx context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
	s, ok := t.instance.Plugin.(sdk.Streamer)
	if !ok {
		return in, nil
	}
	var taken, rest []sdk.Stream
	for _, st := range in {
		if t.stage.Takes(st.Name) {
			taken = append(taken, st)
		} else {
			rest = append(rest, st)
		}
	}
	made, err := s.OutStreams(ctx, taken)
	return append(rest, made...), err
}

// liveSink is a sink while it runs.
type liveSink struct {
	stage    Stage[sdk.Sink]
	instance Instance[sdk.Sink]
	parallel bool
	mu       sync.Mutex // held around Write unless the sink takes writes in parallel
}

func (s *liveSink) start(ctx context.Context) (err error) {
	s.instance, err = s.stage.Start(ctx)
	if err == nil {
		p, ok := s.instance.Plugin.(sdk.Parallel)
		s.parallel = ok && p.ParallelWrites()
	}
	return at(s.stage.Name, err)
}

func (s *liveSink) stop(ctx context.Context) error {
	if s.instance.Stop == nil {
		return nil
	}
	return s.instance.Stop(ctx)
}

func (s *liveSink) open(ctx context.Context, start sdk.Start) error {
	if o, ok := s.instance.Plugin.(sdk.Opener); ok {
		return o.Open(ctx, start)
	}
	return nil
}

func (s *liveSink) write(ctx context.Context, b sdk.Batch) error {
	if !s.parallel {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	return s.instance.Plugin.Write(ctx, b)
}

// commitEvery is the default time between commits.
const commitEvery = 5 * time.Second
