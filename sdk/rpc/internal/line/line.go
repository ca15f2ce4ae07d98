// Package line is the queue of a plugin's orders (fetches and keeps). Some run, the others wait,
// and their splits take turns. A waiting order uses the memory of its request only, and no
// goroutine.
package line

import (
	"context"
	"sync"

	"github.com/scrapekit/scrapekit/sdk/host/turns"
)

const (
	// MaxRunning bounds the running orders of a plugin; more wait.
	MaxRunning = 256
	// MaxWaiting bounds the running and waiting orders, and maxHeld the bytes of their request
	// bodies. More are refused, so that no plugin fills the host's memory.
	MaxWaiting = 16 << 10
	maxHeld    = 512 << 20
	// maxIdle bounds the idle goroutines that are kept. A new goroutine first has to grow its
	// stack, which costs a tenth of the host's time for a small reply.
	maxIdle = 32
)

// Order is one fetch or keep.
type Order struct {
	ID    uint64
	split string             // its split
	size  int                // bytes of the request's body
	Serve func(*Order) error // serves it, or returns why not
	more  chan struct{}      // holds a token when the window has grown
	place turns.Place        // while it waits
	waits bool               // it waits; false: it runs

	// Set when it starts to run.
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex
	room int64 // window: bytes of the body that may be sent
}

// Wait returns the window when it is larger than 0.
func (o *Order) Wait() (int64, error) {
	for {
		o.mu.Lock()
		room := o.room
		o.mu.Unlock()
		if room > 0 {
			return room, o.ctx.Err()
		}
		select {
		case <-o.more:
		case <-o.ctx.Done():
			return 0, o.ctx.Err()
		}
	}
}

// Grow changes the window by n, within bounds, because a plugin's large numbers could overflow it.
func (o *Order) Grow(n int64) {
	o.mu.Lock()
	o.room = min(o.room+min(n, maxHeld), maxHeld)
	o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// NewOrder returns an order for a split with a request of size bytes. room is the initial window;
// serve serves the order, or returns why not.
func NewOrder(id uint64, split string, size int, room int64, serve func(*Order) error) *Order {
	return &Order{ID: id, split: split, size: size, Serve: serve, more: make(chan struct{}, 1), room: room}
}

// New returns an empty queue.
func New() *Line {
	l := &Line{orders: map[uint64]*Order{}}
	l.come.L = &l.mu
	return l
}

// Context is the context of a running order. Cancelling the order cancels it.
func (o *Order) Context() context.Context { return o.ctx }

// Line is the queue of one plugin's orders.
type Line struct {
	mu      sync.Mutex // guards the rest
	come    sync.Cond  // signals one idle goroutine, or all at the end
	orders  map[uint64]*Order
	held    int // bytes of request bodies
	waiting turns.Queue[*Order]
	serving int // goroutines, including idle ones
	idle    int // idle ones without a pending signal
	closed  bool
}

// Joined is the result of Join.
type Joined int

// Results of Join.
const (
	InLine Joined = iota // it will be served
	Alone                // it will be served if the caller starts another goroutine
	Full
	Twice
)

// Join enqueues an order.
func (l *Line) Join(o *Order) Joined {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.orders[o.ID] != nil:
		return Twice
	case len(l.orders) >= MaxWaiting || l.held+o.size > maxHeld:
		return Full
	}
	l.orders[o.ID] = o
	l.held += o.size
	o.place, o.waits = l.waiting.Add(o.split, o, false), true
	switch {
	case l.idle > 0:
		l.idle--
		l.come.Signal()
	case l.serving < MaxRunning:
		l.serving++
		return Alone
	}
	return InLine
}

// Next waits for an order and starts it; nil: the goroutine should end.
func (l *Line) Next(ctx context.Context) *Order {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.waiting.Len() == 0 || l.closed {
		if l.closed || l.idle >= maxIdle {
			l.serving--
			return nil
		}
		l.idle++
		l.come.Wait()
	}
	o := l.waiting.Next()
	o.waits = false
	o.ctx, o.cancel = context.WithCancel(ctx)
	return o
}

// Cancel cancels a running order, or removes a waiting one.
func (l *Line) Cancel(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch o := l.orders[id]; {
	case o == nil:
	case o.waits:
		l.waiting.Remove(o.place)
		l.forget(o)
	default:
		o.cancel()
	}
}

// Find returns the running or waiting order with an id, or nil.
func (l *Line) Find(id uint64) *Order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.orders[id]
}

// Drop removes an order that has run.
func (l *Line) Drop(o *Order) {
	o.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(o)
}

// forget subtracts o from the counts. The caller holds l.mu.
func (l *Line) forget(o *Order) {
	delete(l.orders, o.ID)
	l.held -= o.size
}

// Close ends all waiting.
func (l *Line) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.come.Broadcast()
}
