// Package line holds the orders of a plugin, its fetches and keeps: some are under way, the others
// wait, and the splits that they are for take turns. One that waits holds its request and nothing
// else, no goroutine above all.
package line

import (
	"context"
	"sync"

	"github.com/scrapekit/scrapekit/sdk/host/turns"
)

const (
	// MaxRunning is how many orders of one plugin run at once; more wait.
	MaxRunning = 256
	// MaxWaiting is how many may be under way or wait, and maxHeld how many bytes of request bodies
	// they may hold; what goes beyond is refused, so that no plugin fills the host's memory.
	MaxWaiting = 16 << 10
	maxHeld    = 512 << 20
	// maxIdle is how many goroutines stay for the fetches to come: a new one has to grow its stack
	// first, which costs a tenth of the host's time for a small reply.
	maxIdle = 32
)

// Order is one fetch or keep.
type Order struct {
	ID    uint64
	split string             // that it is for
	size  int                // of the request's body in bytes
	Serve func(*Order) error // answers it, or returns why not
	more  chan struct{}      // holds a token when room has grown
	place turns.Place        // while it waits
	waits bool               // in line; false: under way

	// Set when it gets under way.
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex
	room int64 // how much of the body may be sent
}

// Wait returns how much may be sent, when it is more than nothing.
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

// Grow changes the room by n. It is bounded, or a plugin's large numbers would make it run over.
func (o *Order) Grow(n int64) {
	o.mu.Lock()
	o.room = min(o.room+min(n, maxHeld), maxHeld)
	o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// NewOrder returns an order that is for a split and holds size bytes of a request. room is how much
// of a body may be sent at first; serve answers the order, or returns why not.
func NewOrder(id uint64, split string, size int, room int64, serve func(*Order) error) *Order {
	return &Order{ID: id, split: split, size: size, Serve: serve, more: make(chan struct{}, 1), room: room}
}

// New returns an empty line.
func New() *Line {
	l := &Line{orders: map[uint64]*Order{}}
	l.come.L = &l.mu
	return l
}

// Context is that of an order under way: it ends when the order is cancelled.
func (o *Order) Context() context.Context { return o.ctx }

// Line holds the orders of one plugin.
type Line struct {
	mu      sync.Mutex // guards the rest
	come    sync.Cond  // an order has come for one of the idle, or the end for all
	orders  map[uint64]*Order
	held    int // bytes of request bodies
	waiting turns.Queue[*Order]
	serving int // goroutines, idle ones among them
	idle    int // those of them that nobody has woken
	closed  bool
}

// Joined says what became of an order.
type Joined int

// What becomes of one.
const (
	InLine Joined = iota // it will be served
	Alone                // it will, if the caller starts one more goroutine that serves the line
	Full
	Twice
)

// Join puts an order in line.
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

// Next waits for an order and sets it under way; nil: the goroutine is not needed any more.
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

// Cancel ends an order that is under way, and forgets one that waits.
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

// Find returns the order of an id that is in line or under way, or nil.
func (l *Line) Find(id uint64) *Order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.orders[id]
}

// Drop ends an order that was under way.
func (l *Line) Drop(o *Order) {
	o.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(o)
}

// forget takes o out of the count. l.mu is held.
func (l *Line) forget(o *Order) {
	delete(l.orders, o.ID)
	l.held -= o.size
}

// Close lets nobody wait any more.
func (l *Line) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.come.Broadcast()
}
