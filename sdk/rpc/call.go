// Calls: the context, counts and cancellation of every call on the plugin's side.

package rpc

import (
	"context"
	"errors"
	"math"
	"sync"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/printable"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

var errDraining = errors.New("the plugin is being ended")

// calls are the calls in progress.
type calls struct {
	life context.Context // cancelled when draining begins
	stop context.CancelFunc

	mu       sync.Mutex // guards draining, and Add against Wait
	draining bool
	running  sync.WaitGroup
}

func newCalls() *calls {
	life, stop := context.WithCancel(context.Background())
	return &calls{life: life, stop: stop}
}

func (c *calls) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return errDraining
	}
	c.running.Add(1)
	return nil
}

// drain cancels all calls and waits for them, until ctx is done.
func (c *calls) drain(ctx context.Context) error {
	c.mu.Lock()
	c.draining = true
	c.mu.Unlock()
	c.stop()
	ended := make(chan struct{})
	go func() {
		c.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call is one call in progress.
type call struct {
	ctx    context.Context // for the author, with the host's services
	wire   context.Context // from gRPC
	counts counts
	end    func() // must be called
}

// status converts err for the wire.
func (c *call) status(err error) error {
	if errors.Is(err, context.Canceled) && c.ctx.Err() != nil {
		err = errDraining // the host has not cancelled the call, otherwise toStatus reports it
	}
	return toStatus(c.wire, err)
}

// counts sums up the counts of a call whose reply carries counters.
type counts struct {
	mu    sync.Mutex
	open  bool
	names []string // in the order of their first count
	sums  map[string]int64
}

func (c *counts) collect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = true
}

// close refuses later counts, which belong to no call.
func (c *counts) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = false
}

func (c *counts) add(name string, n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return false
	}
	if c.sums == nil {
		c.sums = map[string]int64{}
	}
	if _, known := c.sums[name]; !known {
		c.names = append(c.names, name)
	}
	c.sums[name] = plus(c.sums[name], n)
	return true
}

// plus adds with saturation.
func plus(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// take returns the counts since the last call of take.
func (c *counts) take() []*pb.Counter {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*pb.Counter
	for _, name := range c.names {
		out = append(out, &pb.Counter{Name: text.Valid(name), N: c.sums[name]})
	}
	c.names, c.sums = nil, nil
	return out
}

// last returns the counts and refuses later ones, atomically.
func (c *counts) last() []*pb.Counter {
	c.close()
	return c.take()
}

// replay counts on the host's side what a plugin counted.
func replay(ctx context.Context, counters []*pb.Counter) {
	for _, c := range counters {
		sdk.Count(ctx, printable.Line(c.GetName()), c.GetN())
	}
}
