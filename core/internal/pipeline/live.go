// Transforms and sinks while they run.

package pipeline

import (
	"context"

	"github.com/scrapekit/scrapekit/sdk"
)

// liveTransform is a transform while it runs.
type liveTransform struct {
	stage    Stage[sdk.Transform]
	instance Instance[sdk.Transform]
	stateful bool
	turn     turn // held around a stateful transform's calls
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
	turn     turn // held around Write unless the sink takes writes in parallel
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
		if err := s.turn.take(ctx); err != nil {
			return err
		}
		defer s.turn.give()
	}
	return s.instance.Plugin.Write(ctx, b)
}
