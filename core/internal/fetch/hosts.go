// hosts: what the process knows of each target host, whoever asks it.

package fetch

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// hosts holds one host for each name and port. http and https on their own ports are one host: limits are
// rarely kept apart by scheme.
type hosts struct {
	limiter Limiter
	onWait  func(Wait)
	log     hclog.Logger

	mu sync.Mutex
	m  map[string]*host
}

func newHosts(o Options) *hosts {
	return &hosts{limiter: o.Limiter, onWait: o.OnWait, log: o.Logger.Named("fetch"), m: map[string]*host{}}
}

// get returns the host of an origin, with its limits no looser than those of p.
func (hs *hosts) get(o Origin, p Policy) *host {
	key := o.address()
	hs.mu.Lock()
	h := hs.m[key]
	if h == nil {
		h = &host{key: key, all: hs, turn: make(chan struct{}, 1), pace: newPace(), meter: newMeter()}
		hs.m[key] = h
	}
	hs.mu.Unlock()
	h.tighten(p)
	return h
}

// host is one target host.
type host struct {
	key   string
	all   *hosts
	gate  gate          // requests that the plugins have under way, those that wait for their turn included
	turn  chan struct{} // held by the request that is next to go
	sent  gate          // requests that are on the wire; its size is the pace's window
	pace  *pace
	meter *meter

	mu     sync.Mutex
	places int     // the least Concurrency of the policies
	rate   float64 // what the limiter was last told
	burst  int
	window int
	wait   Wait
}

// tighten takes over the limits of p where they are stricter than those known.
func (h *host) tighten(p Policy) {
	h.mu.Lock()
	news := h.places == 0
	if news || p.Concurrency < h.places {
		h.places = p.Concurrency
		h.gate.resize(h.places)
	}
	h.mu.Unlock()
	if h.pace.fix(p.Rate, p.Burst) || news {
		h.apply()
	}
}

// apply makes the window and the limiter follow the pace. It asks for the order under its lock: of two replies that
// come together, the one that is applied last may not be the one that was observed last.
func (h *host) apply() {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.pace.order()
	if o.window != h.window {
		h.window = o.window
		h.sent.resize(o.window)
	}
	if o.burst == h.burst && (o.rate == h.rate || math.Abs(o.rate-h.rate) < h.rate/1000) {
		return
	}
	h.rate, h.burst = o.rate, o.burst
	if s, ok := h.all.limiter.(RateSetter); ok {
		s.SetRate(h.key, o.rate, o.burst)
	}
}

// pause stops all requests to h for d.
func (h *host) pause(ctx context.Context, d time.Duration, cause string) error {
	w := Wait{Host: h.key, Cause: cause, For: d, Until: time.Now().Add(d)}
	h.mu.Lock()
	news := w.Until.After(h.wait.Until.Add(time.Second / 4)) // the same pause, stated by several replies, is told once
	if w.Until.After(h.wait.Until) {
		h.wait = w
	}
	h.mu.Unlock()
	if news {
		h.all.log.Info("pause", "host", h.key, "cause", cause, "for", d.Round(time.Millisecond))
		h.all.onWait(w)
	}
	// The pause holds even if the request that brought it is given up at this moment.
	return h.all.limiter.Penalize(context.WithoutCancel(ctx), h.key, d)
}
