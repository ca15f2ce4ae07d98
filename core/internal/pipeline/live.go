// live: the running stages of a seat.

package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// liveTransform is a running transform.
type liveTransform struct {
	stage    Stage[sdk.Transform]
	instance Instance[sdk.Transform]
	can      host.Abilities
	calls    mutex // held during calls of a stateful transform
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

// out returns the streams after this transform: the streams that it takes are replaced by those
// that it makes.
func (t *liveTransform) out(ctx context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
	return After(ctx, t.stage, t.can, in)
}

// After returns the streams after a transform with these abilities.
func After(ctx context.Context, stage Stage[sdk.Transform], can host.Abilities, in []sdk.Stream) ([]sdk.Stream,
	error) {
	if can.OutStreams == nil {
		return in, nil
	}
	var taken, rest []sdk.Stream
	for _, st := range in {
		if stage.Takes(st.Name) {
			taken = append(taken, st)
		} else {
			rest = append(rest, st)
		}
	}
	made, err := can.OutStreams(ctx, taken)
	return append(rest, made...), err
}

// liveSink is a running sink.
type liveSink struct {
	stage    Stage[sdk.Sink]
	instance Instance[sdk.Sink]
	can      host.Abilities
	calls    mutex // held during Write unless the sink accepts parallel writes
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
		if err := s.calls.lock(ctx); err != nil {
			return err
		}
		defer s.calls.unlock()
	}
	return s.instance.Plugin.Write(ctx, b)
}

// liveSource is a running source. After its process dies, the first caller of get restarts it.
type liveSource struct {
	stage   Stage[sdk.Source]
	onLost  func(error) // called once for each crash
	backoff func(n int) time.Duration

	restarts mutex // held while it restarts; guards instance
	instance Instance[sdk.Source]

	mu      sync.Mutex
	crashes int   // since the last progress
	lost    error // error of the last crash
}

func newLiveSource(p *Pipeline) *liveSource {
	return &liveSource{stage: p.Source, backoff: p.backoff, restarts: newMutex(), onLost: func(err error) {
		p.Listeners.Tell(observe.PluginLost{Stage: p.Source.Name, Err: err})
	}}
}

func (l *liveSource) start(ctx context.Context) error {
	inst, err := l.stage.Start(ctx)
	if err != nil {
		return at(l.stage.Name, err)
	}
	l.instance = inst
	return nil
}

// get returns a running source, restarted if it died.
func (l *liveSource) get(ctx context.Context) (sdk.Source, error) {
	if err := l.restarts.lock(ctx); err != nil {
		return nil, err
	}
	defer l.restarts.unlock()
	if !closed(l.instance.Exited) {
		return l.instance.Plugin, nil
	}
	crashes, lost := l.crashed()
	l.onLost(lost)
	if crashes > 1 && !wait(ctx, l.backoff(crashes-1)) {
		return nil, ctx.Err()
	}
	_ = l.instance.Stop(ctx) // the process is dead, so the error has no meaning
	if err := l.start(ctx); err != nil {
		return nil, err
	}
	return l.instance.Plugin, nil
}

// crashed counts a crash and returns its error.
func (l *liveSource) crashed() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.crashes++
	return l.crashes, l.lost
}

// died keeps the error with which a read met the crash.
func (l *liveSource) died(err error) {
	l.mu.Lock()
	l.lost = err
	l.mu.Unlock()
}

func (l *liveSource) progressed() {
	l.mu.Lock()
	l.crashes = 0
	l.mu.Unlock()
}

// stop ends the source. No reader may use it any more.
func (l *liveSource) stop(ctx context.Context) error {
	if l.instance.Stop == nil {
		return nil
	}
	return l.instance.Stop(ctx)
}

func closed(c <-chan struct{}) bool {
	if c == nil {
		return false
	}
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// stopTime is how long a plugin may take to close its resources.
const stopTime = 10 * time.Second
