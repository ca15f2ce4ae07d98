// gate is where the requests to one host wait. Plugins take turns, and within a plugin its splits,
// so that none can crowd out the others.

package ratelimit

import (
	"container/list"
	"context"
	"sync"

	"github.com/scrapekit/scrapekit/sdk/host/turns"
)

// gate is a fair semaphore whose size may change in use. Each plugin has a queue, and free places
// go to the queues in turn. A waiter holds a channel and two list elements, nothing of the request.
type gate struct {
	mu     sync.Mutex
	size   int
	inside int
	lines  map[party]*line
	turns  list.List // *line values with waiters; the first is next
}

// party is a caller that shares a gate with others: a plugin of a run. It is empty if only one
// waits at a time.
type party struct {
	client *Session
	plugin string
}

// line is the queue of one caller.
type line struct {
	who    party
	splits turns.Queue[chan struct{}] // each is closed to admit its waiter
	turn   *list.Element
}

// enter waits for a place. Each nil needs one leave. A refused request that is retried precedes
// those of its split that were not sent yet.
func (g *gate) enter(ctx context.Context, who party, split string, again bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	if g.inside < g.size && g.turns.Len() == 0 {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	l := g.line(who)
	turn := make(chan struct{})
	at := l.splits.Add(split, turn, again)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		g.giveUp(l, at, turn)
		return ctx.Err()
	}
}

// line returns the queue of who, and puts it in turn. The caller holds g.mu.
func (g *gate) line(who party) *line {
	l := g.lines[who]
	if l == nil {
		if g.lines == nil {
			g.lines = map[party]*line{}
		}
		l = &line{who: who}
		l.turn = g.turns.PushBack(l)
		g.lines[who] = l
	}
	return l
}

// giveUp removes a waiter, or returns the place that it received at the same moment.
func (g *gate) giveUp(l *line, at turns.Place, turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn:
		g.inside--
		g.admit()
	default:
		l.splits.Remove(at)
		g.drop(l)
	}
}

// drop removes an empty queue. The caller holds g.mu.
func (g *gate) drop(l *line) {
	if l.splits.Len() == 0 {
		g.turns.Remove(l.turn)
		delete(g.lines, l.who)
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.admit()
}

// resize sets the number of places. Holders keep theirs.
func (g *gate) resize(size int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.size = size
	g.admit()
}

// admit admits waiters while there are places. The caller holds g.mu.
func (g *gate) admit() {
	for g.inside < g.size && g.turns.Len() > 0 {
		l := g.turns.Front().Value.(*line)
		g.turns.MoveToBack(l.turn)
		turn := l.splits.Next()
		g.drop(l)
		g.inside++
		close(turn)
	}
}

// queued returns the number of waiters.
func (g *gate) queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for e := g.turns.Front(); e != nil; e = e.Next() {
		n += e.Value.(*line).splits.Len()
	}
	return n
}
