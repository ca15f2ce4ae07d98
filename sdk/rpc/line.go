// The line of a plugin's orders, its fetches and keeps: some are under way, the others wait, and the splits that they are
// for take turns. One that waits holds its request and nothing else, no goroutine above all.

package rpc

import (
	"container/list"
	"context"
	"sync"
)

const (
	// maxFetches is how many orders of one plugin run at once; more wait.
	maxFetches = 256
	// maxWaiting is how many may be under way or wait, and maxHeld how many bytes of request bodies they
	// may hold; what goes beyond is refused, so that no plugin fills the host's memory.
	maxWaiting = 16 << 10
	maxHeld    = 512 << 20
	// maxIdle is how many goroutines stay for the fetches to come: a new one has to grow its stack first, which costs a tenth
	// of the host's time for a small reply.
	maxIdle = 32
)

// order is one fetch or keep.
type order struct {
	id    uint64
	split string             // that it is for
	size  int                // of the request's body in bytes
	serve func(*order) error // answers it, or returns why not
	more  chan struct{}      // holds a token when room has grown
	row   *row               // in line; nil: under way
	place *list.Element      // in row

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

// line holds the orders of one plugin.
type line struct {
	mu      sync.Mutex // guards the rest
	come    sync.Cond  // an order has come for one of the idle, or the end for all
	orders  map[uint64]*order
	held    int // bytes of request bodies
	rows    map[string]*row
	turns   list.List // of *row, those in which an order waits; the first is next
	serving int       // goroutines, idle ones among them
	idle    int       // those of them that nobody has woken
	closed  bool
}

// row is what waits for one split.
type row struct {
	split   string
	waiting list.List // of *order
	turn    *list.Element
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
	switch {
	case l.orders[o.id] != nil:
		return twice
	case len(l.orders) >= maxWaiting || l.held+o.size > maxHeld:
		return full
	}
	l.orders[o.id] = o
	l.held += o.size
	l.wait(o)
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

// wait puts o into the row of its split. l.mu is held.
func (l *line) wait(o *order) {
	r := l.rows[o.split]
	if r == nil {
		if l.rows == nil {
			l.rows = map[string]*row{}
		}
		r = &row{split: o.split}
		r.turn = l.turns.PushBack(r)
		l.rows[o.split] = r
	}
	o.row, o.place = r, r.waiting.PushBack(o)
}

// unwait takes o out of its row. l.mu is held.
func (l *line) unwait(o *order) {
	r := o.row
	r.waiting.Remove(o.place)
	o.row, o.place = nil, nil
	if r.waiting.Len() == 0 {
		l.turns.Remove(r.turn)
		delete(l.rows, r.split)
	}
}

// next waits for an order and sets it under way; nil: the goroutine is not needed any more.
func (l *line) next(ctx context.Context) *order {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.turns.Len() == 0 || l.closed {
		if l.closed || l.idle >= maxIdle {
			l.serving--
			return nil
		}
		l.idle++
		l.come.Wait()
	}
	r := l.turns.Front().Value.(*row)
	l.turns.MoveToBack(r.turn)
	o := r.waiting.Front().Value.(*order)
	l.unwait(o)
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
		l.unwait(o)
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
	l.held -= o.size
}

// close lets nobody wait any more.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.come.Broadcast()
}
