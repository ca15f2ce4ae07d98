// gate is where the requests to one host wait. Plugins are let in by turns, and the splits of a
// plugin by turns within its own, whoever floods it.

package ratelimit

import (
	"container/list"
	"context"
	"sync"

	"github.com/scrapekit/scrapekit/sdk/host/turns"
)

// gate is a semaphore whose size may change while it is in use. Each plugin has a line of its own;
// a place that comes free goes to the lines by turns. A wait holds a channel and two list elements,
// nothing of the request.
type gate struct {
	mu     sync.Mutex
	size   int
	inside int
	lines  map[party]*line
	turns  list.List // of *line, those in which somebody waits; the first is next
}

// party is who shares a gate with others: a plugin of a run. Where only one waits at a time, it
// needs no name.
type party struct {
	client *Session
	plugin string
}

// line is what waits of one party.
type line struct {
	who    party
	splits turns.Queue[chan struct{}] // each is closed when its owner may enter
	turn   *list.Element
}

// enter waits for a place; each nil needs one leave. A request that was refused and comes again
// goes ahead of those of its split that were not sent yet.
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

// line returns the line of who, which has a turn from now on. g.mu is held.
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

// giveUp takes back a wait, or the place that was given at the same moment.
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

// drop forgets a line in which nobody waits. g.mu is held.
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

// resize sets the number of places. Who is inside stays.
func (g *gate) resize(size int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.size = size
	g.admit()
}

// admit lets in as many as there are places. g.mu is held.
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

// queued returns how many wait.
func (g *gate) queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for e := g.turns.Front(); e != nil; e = e.Next() {
		n += e.Value.(*line).splits.Len()
	}
	return n
}
