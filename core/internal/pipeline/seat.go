// seat: one that this process sits on, with its stages.

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

// seat is held from join to leave. Its stages are started and opened once: who has to go back to
// the last commit joins anew.
type seat struct {
	*Pipeline
	info checkpoint.Seat // as it was found
	held checkpoint.Held

	source     *liveSource
	transforms []*liveTransform
	sinks      []*liveSink
	streams    []sdk.Stream        // selected
	declared   map[string]bool     // streams that the source has
	keys       map[string][]string // the fields of their primary keys
}

// join sits down on a seat, and takes over what the run has counted.
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
		s.transforms = append(s.transforms, &liveTransform{stage: t, turn: newTurn()})
	}
	for _, sink := range p.Sinks {
		s.sinks = append(s.sinks, &liveSink{stage: sink, turn: newTurn()})
	}
	return s, nil
}

// renew keeps the seat until ctx ends. A seat that is lost all the same ends what is done on it.
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
		// Any other failure of the store says nothing: the next commit finds out.
	}
}

// leave gives up a seat all of whose records are committed. It does so even if the user has stopped
// the run.
func (s *seat) leave() error {
	err := s.held.Leave(context.Background())
	if err == nil {
		s.Step("left")
	}
	return storeFailure(err)
}

// ErrSecretName is the error of a source or transform one of whose streams is named by a secret.
// Names of streams are names of files, tables and numbers of the report: none of them can be
// masked.
var ErrSecretName = sdk.Permanent(errors.New("the name of a stream holds a secret of the pipeline file"))

// names refuses a stream that is named by a secret.
func (s *seat) names(stream string) error {
	if !s.declared[stream] && s.Hide(stream) != stream {
		return ErrSecretName
	}
	return nil
}

// start brings all plugins up at once: they do not know of each other.
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
		return sdk.Permanent(err) // a file that is not there will not come
	}
	return err
}

// stop ends the plugins, upstream first: a source that still speaks must have somebody to listen.
// What matters is committed or given up by then, so a plugin that does not end well is only told
// of. Those that kept the run from draining had their time.
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

// storeFailure marks an error of the store. One that says who holds what stays what it is.
func storeFailure(err error) error {
	var marked *storeError
	if err == nil || errors.Is(err, checkpoint.ErrFenced) || errors.As(err, &marked) {
		return err
	}
	return &storeError{err}
}
