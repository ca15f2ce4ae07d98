// concurrent lets a limited number of requests to one host run at a time, first come first served.

package fetch

import (
	"container/list"
	"context"
	"net/http"
	"sync"
	"time"
)

func concurrent() decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			h := exchangeOf(req).host
			start := time.Now()
			if err := h.gate.enter(req.Context()); err != nil {
				return nil, err
			}
			defer h.gate.leave()
			h.meter.waited(waitConcurrency, time.Since(start))
			return next.RoundTrip(req)
		})
	}
}

// gate is a semaphore whose size may change while it is in use.
type gate struct {
	mu      sync.Mutex
	size    int
	inside  int
	waiting list.List // of chan struct{}, closed when its owner may enter
}

// enter waits for a place; each nil needs one leave.
func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	if g.inside < g.size && g.waiting.Len() == 0 {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	place := g.waiting.PushBack(turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		g.giveUp(place, turn)
		return ctx.Err()
	}
}

// giveUp takes back a wait, or the place that was given at the same moment.
func (g *gate) giveUp(place *list.Element, turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn:
		g.inside--
		g.admit()
	default:
		g.waiting.Remove(place)
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
	for g.inside < g.size && g.waiting.Len() > 0 {
		turn := g.waiting.Remove(g.waiting.Front()).(chan struct{})
		g.inside++
		close(turn)
	}
}
