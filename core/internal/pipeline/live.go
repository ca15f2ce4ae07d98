// Transforms and sinks while they run.

package pipeline

import (
	"context"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// liveTransform is a transform while it runs.
type liveTransform struct {
	stage    Stage[sdk.Transform]
	instance Instance[sdk.Transform]
	can      host.Abilities
	turn     turn // held around a stateful transform's calls
}

func (t *liveTransform) start(ctx context.Context) (err error) {
	t.instance, err = t.stage.Start(ctx)
	if err == nil {
		t.can = host.AbilitiesOf(t.instance.Plugin)
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
	if t.can.Open == nil {
		return nil
	}
	return t.can.Open(ctx, s)
}

// out returns the streams after this transform: those that it takes are replaced by those that it makes.
func (t *liveTransform) out(ctx context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
	if t.can.OutStreams == nil {
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
	made, err := t.can.OutStreams(ctx, taken)
	return append(rest, made...), err
}

// liveSink is a sink while it runs.
type liveSink struct {
	stage    Stage[sdk.Sink]
	instance Instance[sdk.Sink]
	can      host.Abilities
	turn     turn // held around Write unless the sink takes writes in parallel
}

func (s *liveSink) start(ctx context.Context) (err error) {
	s.instance, err = s.stage.Start(ctx)
	if err == nil {
		s.can = host.AbilitiesOf(s.instance.Plugin)
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
	if s.can.Open == nil {
		return nil
	}
	return s.can.Open(ctx, start)
}

func (s *liveSink) write(ctx context.Context, b sdk.Batch) error {
	if !s.can.Parallel {
		if err := s.turn.take(ctx); err != nil {
			return err
		}
		defer s.turn.give()
	}
	return s.instance.Plugin.Write(ctx, b)
}
