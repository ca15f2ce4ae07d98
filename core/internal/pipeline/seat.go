// seat: a seat that this process holds, with its stages.

package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// seat is held from join to leave. Its stages are started and opened once. To go back to the last
// commit, a holder joins anew.
type seat struct {
	*Pipeline
	info checkpoint.Seat // as join found it
	held checkpoint.Held

	source     *liveSource
	transforms []*liveTransform
	sinks      []*liveSink
	streams    []sdk.Stream        // selected streams
	declared   map[string]bool     // all streams of the source
	keys       map[string][]string // fields of the primary keys, by stream
}

// join takes a seat, and the counts of the run so far.
func join(ctx context.Context, p *Pipeline, run checkpoint.Run, n int) (*seat, error) {
	info, held, err := p.Store.Join(ctx, run, n)
	if err != nil {
		return nil, storeFailure(err)
	}
	counts, err := countsOf(info.Run.Stats)
	if err != nil {
		return nil, &storeError{err}
	}
	p.Step("joined")
	p.progress.restart(counts)
	s := &seat{Pipeline: p, info: info, held: held, declared: map[string]bool{}, source: newLiveSource(p)}
	for _, t := range p.Transforms {
		s.transforms = append(s.transforms, &liveTransform{stage: t, calls: newMutex()})
	}
	for _, sink := range p.Sinks {
		s.sinks = append(s.sinks, &liveSink{stage: sink, calls: newMutex()})
	}
	return s, nil
}

// renew renews the lease of the seat until ctx is done. If the seat is lost, it cancels the work
// with lost.
func (s *seat) renew(ctx context.Context, lost context.CancelCauseFunc) {
	tick := time.NewTicker(checkpoint.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.held.Renew(ctx); errors.Is(err, checkpoint.ErrFenced) {
			lost(err)
			return
		}
		// Ignore other errors of the store: the next commit meets them.
	}
}

// leave gives up a seat without uncommitted records. It ignores the cancellation of the run.
func (s *seat) leave() error {
	err := s.held.Leave(context.Background())
	if err == nil {
		s.Step("left")
	}
	return storeFailure(err)
}

// ErrSecretName is the error of a source or transform with a stream whose name contains a secret.
// Names of streams occur in names of files and tables and in the report, and cannot be masked
// there.
var ErrSecretName = sdk.Permanent(errors.New("the name of a stream holds a secret of the pipeline file"))

// names returns an error if a secret is in the name of the stream.
func (s *seat) names(stream string) error {
	if !s.declared[stream] && s.Hide(stream) != stream {
		return ErrSecretName
	}
	return nil
}

// start starts all plugins in parallel. They do not depend on each other.
func (s *seat) start(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.source.start(gctx) })
	for _, t := range s.transforms {
		g.Go(func() error { return t.start(gctx) })
	}
	for _, sink := range s.sinks {
		g.Go(func() error { return sink.start(gctx) })
	}
	err := g.Wait()
	if err != nil && !crashed(err) && !isCancel(err) {
		return sdk.Permanent(err) // a missing file does not appear by itself
	}
	return err
}

// stop ends the plugins, upstream first, because a source that still emits needs its receivers.
// Everything is committed or given up by then, so errors are only logged. If late is set, the
// plugins had their time to drain and are given none.
func (s *seat) stop(late bool) {
	patience := stopTime
	if late {
		patience = 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.stopped(s.Source.Name, s.source.stop(ctx))
	var g sync.WaitGroup
	for _, t := range s.transforms {
		g.Go(func() { s.stopped(t.stage.Name, t.stop(ctx)) })
	}
	for _, sink := range s.sinks {
		g.Go(func() { s.stopped(sink.stage.Name, sink.stop(ctx)) })
	}
	g.Wait()
}

func (s *seat) stopped(stage string, err error) {
	if err != nil {
		s.Logger.Warn("a plugin failed", "stage", stage, "error", err)
	}
}

// ask asks the source for what a run needs before it reads; see [Ask].
func (s *seat) ask(ctx context.Context, question func() error) error {
	return s.askAgain(ctx, s.Source, func(err error, wait time.Duration) {
		s.Listeners.Tell(observe.PlanRetried{Stage: s.Source.Name, Err: err, Wait: wait})
	}, question)
}

// storeFailure marks an error of the store. Errors about the holder of a seat stay as they are.
func storeFailure(err error) error {
	var marked *storeError
	if err == nil || errors.Is(err, checkpoint.ErrFenced) || errors.As(err, &marked) {
		return err
	}
	return &storeError{err}
}
