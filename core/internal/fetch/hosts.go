// hosts: what the process knows of each target host, whoever asks it.

package fetch

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Hosts is what a process knows of the hosts that it asks: their limits, and who waits for them. Clients that
// share one Hosts, those of several runs, keep to the limits together. Its methods may be called by several goroutines at once.
//
// It holds one entry for each name and port. http and https on their own ports are one host: limits are
// rarely kept apart by scheme.
type Hosts struct {
	limiter Limiter

	mu sync.Mutex
	m  map[string]*target
}

// NewHosts returns a Hosts whose requests are spaced by l; nil: one for this process alone.
func NewHosts(l Limiter) *Hosts {
	if l == nil {
		l = NewLimiter()
	}
	return &Hosts{limiter: l, m: map[string]*target{}}
}

func (hs *Hosts) get(key string) *target {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	t := hs.m[key]
	if t == nil {
		t = &target{key: key, limiter: hs.limiter, pace: newPace(), breaker: newBreaker(), users: map[*hosts]ceilings{}}
		t.turn.resize(1)
		hs.m[key] = t
	}
	return t
}

// target is one host, as all clients of the process share it.
type target struct {
	key     string
	limiter Limiter
	turn    gate // of one place, held by the request that is next to go
	sent    gate // requests that are on the wire
	pace    *pace
	blocked blocked
	breaker *breaker
	budget  budget

	mu     sync.Mutex
	users  map[*hosts]ceilings
	fixed  ceilings // the strictest of the users'
	rate   float64  // what the limiter was last told
	burst  int
	window int
	wait   Wait
}

// ceilings are those of a pipeline file.
type ceilings struct {
	rate   float64 // 0: none
	burst  int
	places int // 0: none
}

// strictest returns the limits that keep both.
func (l ceilings) strictest(other ceilings) ceilings {
	if other.rate > 0 && (l.rate == 0 || other.rate < l.rate) {
		l.rate, l.burst = other.rate, other.burst
	}
	if other.places > 0 && (l.places == 0 || other.places < l.places) {
		l.places = other.places
	}
	return l
}

// use makes the limits of a user hold too, and reports whether they are news.
func (t *target) use(user *hosts, more ceilings) bool {
	t.mu.Lock()
	before, known := t.users[user]
	after := before.strictest(more)
	t.users[user] = after
	t.mu.Unlock()
	if known && after == before {
		return false
	}
	t.refix()
	return true
}

// forget takes the limits of a user away.
func (t *target) forget(user *hosts) {
	t.mu.Lock()
	delete(t.users, user)
	t.mu.Unlock()
	t.refix()
}

// refix finds the strictest of the users' limits and makes them hold.
func (t *target) refix() {
	t.mu.Lock()
	t.fixed = ceilings{}
	for _, l := range t.users {
		t.fixed = t.fixed.strictest(l)
	}
	t.pace.fix(t.fixed.rate, t.fixed.burst, t.fixed.places)
	t.mu.Unlock()
	t.apply()
}

// apply makes the gate and the limiter follow the pace. It asks for the order under its lock: of two replies that
// come together, the one that is applied last may not be the one that was observed last.
func (t *target) apply() {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.pace.order()
	if o.window != t.window {
		t.window = o.window
		t.sent.resize(o.window)
	}
	if o.burst == t.burst && (o.rate == t.rate || math.Abs(o.rate-t.rate) < t.rate/1000) {
		return
	}
	t.rate, t.burst = o.rate, o.burst
	if s, ok := t.limiter.(RateSetter); ok {
		s.SetRate(t.key, o.rate, o.burst)
	}
}

// pause stops all requests to t for d, and tells everybody who asks it.
func (t *target) pause(ctx context.Context, d time.Duration, cause, by string) error {
	w := Wait{Host: t.key, Cause: cause, By: by, For: d, Until: time.Now().Add(d)}
	t.mu.Lock()
	news := w.Until.After(t.wait.Until.Add(time.Second / 4)) // the same pause, stated by several replies, is told once
	if w.Until.After(t.wait.Until) {
		t.wait = w
	}
	t.mu.Unlock()
	if news {
		t.tell(w)
	}
	// The pause holds even if the request that brought it is given up at this moment.
	return t.limiter.Penalize(context.WithoutCancel(ctx), t.key, d)
}

// tell tells everybody who asks t of a pause.
func (t *target) tell(w Wait) {
	t.mu.Lock()
	users := slices.Collect(maps.Keys(t.users))
	t.mu.Unlock()
	for _, u := range users {
		u.log.Info("pause", "host", t.key, "cause", w.Cause, "for", w.For.Round(time.Millisecond))
		u.onWait(w)
	}
}

// hosts are those that one client asks.
type hosts struct {
	shared  *Hosts
	limiter Limiter
	onWait  func(Wait)
	log     hclog.Logger
	learned map[string]learnedLimit // by earlier runs

	mu sync.Mutex
	m  map[string]*host
}

func newHosts(o Options) *hosts {
	hs := &hosts{shared: o.Hosts, limiter: o.Hosts.limiter, onWait: o.OnWait, log: o.Logger.Named("fetch"), m: map[string]*host{}}
	if o.Learned != "" {
		f, err := readLearned(o.Learned)
		if err != nil {
			hs.log.Warn("learned limits", "error", err)
		}
		hs.learned = f.Hosts
	}
	return hs
}

// get returns the host of an origin, with its limits no looser than those of p.
func (hs *hosts) get(o Origin, p Policy) *host {
	key := o.address()
	hs.mu.Lock()
	h := hs.m[key]
	if h == nil {
		h = &host{target: hs.shared.get(key), all: hs, meter: newMeter()}
		if l, ok := hs.learned[key]; ok {
			h.pace.recall(l, time.Now())
		}
		hs.m[key] = h
	}
	hs.mu.Unlock()
	h.use(hs, ceilings{rate: p.Rate, burst: p.Burst, places: p.Concurrency})
	return h
}

// close takes the limits of the client's plugins away from the hosts that it shares with others.
func (hs *hosts) close() {
	hs.mu.Lock()
	all := make([]*host, 0, len(hs.m))
	for _, h := range hs.m {
		all = append(all, h)
	}
	hs.mu.Unlock()
	for _, h := range all {
		h.forget(hs)
	}
}

// host is one target host, as one client sees it.
type host struct {
	*target
	all   *hosts
	meter *meter
}

// blocked sums up for how long the request that was next to go was held back, by cause. A request that waits behind it
// waits for the same, so that two readings tell what any wait was for.
type blocked struct {
	mu    sync.Mutex
	total [len(waitCauses)]time.Duration
}

// waitCauses are what a request waits for before it is sent.
var waitCauses = [...]string{waitConcurrency, waitPause, waitRate}

func (b *blocked) add(cause string, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total[slices.Index(waitCauses[:], cause)] += d
}

func (b *blocked) read() [len(waitCauses)]time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}
