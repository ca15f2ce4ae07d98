// The line of a plugin's fetches: some are under way, the others wait. One that waits holds its request and nothing else, no
// goroutine above all.

package rpc

import (
	"container/list"
	"context"
	"sync"

	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

const (
	// maxFetches is how many fetches of one plugin run at once; more wait.
	maxFetches = 256
	// maxWaiting is how many may be under way or wait, and maxHeld how many bytes of request bodies they
	// may hold; what goes beyond is refused, so that no plugin fills the host's memory.
	maxWaiting = 16 << 10
	maxHeld    = 512 << 20
	// maxIdle is how many goroutines stay for the fetches to come: a new one has to grow its stack first, which costs a tenth
	// of the host's time for a small reply.
	maxIdle = 32
)

// order is one fetch.
type order struct {
	id    uint64
	fetch *pb.Fetch
	more  chan struct{} // holds a token when room has grown
	place *list.Element // in line; nil: under way

	// Set when it gets under way.
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex
	room int64 // how much of the body may be sent
}

// wait returns how much may be sent, when it is more than nothing.
func (o *order) wait() (int64, error) {
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

// grow changes the room by n. It is bounded, or a plugin's large numbers would make it run over.
func (o *order) grow(n int64) {
	o.mu.Lock()
	o.room = min(o.room+min(n, maxHeld), maxHeld)
	o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// line holds the fetches of one plugin.
type line struct {
	mu      sync.Mutex // guards the rest
	come    sync.Cond  // an order has come for one of the idle, or the end for all
	orders  map[uint64]*order
	held    int       // bytes of request bodies
	waiting list.List // of *order
	serving int       // goroutines, idle ones among them
	idle    int       // those of them that nobody has woken
	closed  bool
}

// joined says what became of an order.
type joined int

const (
	inLine joined = iota // it will be served
	alone                // it will, if the caller starts one more goroutine that serves the line
	full
	twice
)

func (l *line) join(o *order) joined {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := len(o.fetch.GetBody())
	switch {
	case l.orders[o.id] != nil:
		return twice
	case len(l.orders) >= maxWaiting || l.held+size > maxHeld:
		return full
	}
	l.orders[o.id] = o
	l.held += size
	o.place = l.waiting.PushBack(o)
	switch {
	case l.idle > 0:
		l.idle--
		l.come.Signal()
	case l.serving < maxFetches:
		l.serving++
		return alone
	}
	return inLine
}

// next waits for an order and sets it under way; nil: the goroutine is not needed any more.
func (l *line) next(ctx context.Context) *order {
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
	o := l.waiting.Remove(l.waiting.Front()).(*order)
	o.place = nil
	o.ctx, o.cancel = context.WithCancel(ctx)
	return o
}

// cancel ends an order that is under way, and forgets one that waits.
func (l *line) cancel(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch o := l.orders[id]; {
	case o == nil:
	case o.place != nil:
		l.waiting.Remove(o.place)
		l.forget(o)
	default:
		o.cancel()
	}
}

func (l *line) find(id uint64) *order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.orders[id]
}

// drop ends an order that was under way.
func (l *line) drop(o *order) {
	o.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(o)
}

// forget takes o out of the count. l.mu is held.
func (l *line) forget(o *order) {
	delete(l.orders, o.id)
	l.held -= len(o.fetch.GetBody())
}

// close lets nobody wait any more.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.come.Broadcast()
}
