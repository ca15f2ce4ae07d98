// hosts: what the process knows of each target host, whoever asks it.

package ratelimit

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/fetch/breaker"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/pace"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/observe"
)

// Hosts is what a process knows of the hosts that it asks: their limits, and who waits for them.
// Clients that share one Hosts, those of several runs, keep to the limits together. Its methods may
// be called by several goroutines at once.
//
// It holds one entry for each name and port. http and https on their own ports are one host: limits
// are rarely kept apart by scheme.
type Hosts struct {
	once    sync.Once // for Share
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

// Share spaces the requests by what open returns, if that is not nil, and hs has asked nobody yet:
// its first call does, later ones do nothing.
func (hs *Hosts) Share(open func() Limiter) {
	hs.once.Do(func() {
		l := open()
		hs.mu.Lock()
		defer hs.mu.Unlock()
		if l != nil && len(hs.m) == 0 {
			hs.limiter = l
		}
	})
}

func (hs *Hosts) get(key string) *target {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	t := hs.m[key]
	if t == nil {
		t = &target{lane: newLane(key, key, "", hs.limiter), breaker: breaker.New(), users: map[*Session]ceilings{}}
		t.told = t.tell
		hs.m[key] = t
	}
	return t
}

// target is one host, as all clients of the process share it. It is a lane that all requests to the
// host go through; those of a bucket have another before it.
type target struct {
	*lane
	buckets buckets
	breaker *breaker.Breaker
	Budget  breaker.Budget

	users map[*Session]ceilings // mu of the lane guards it
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
func (t *target) use(user *Session, more ceilings) bool {
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
func (t *target) forget(user *Session) {
	t.mu.Lock()
	delete(t.users, user)
	t.mu.Unlock()
	t.refix()
}

// refix finds the strictest of the users' limits and makes them hold.
func (t *target) refix() {
	t.mu.Lock()
	var all ceilings
	for _, l := range t.users {
		all = all.strictest(l)
	}
	t.mu.Unlock()
	t.fix(all)
}

// pause stops all requests of a lane of t for d, and tells everybody who asks the host.
func (t *target) pause(ctx context.Context, l *lane, d time.Duration, cause, by string) error {
	w, news := l.note(d, cause, by)
	if news {
		t.tell(w)
	}
	// The pause holds even if the request that brought it is given up at this moment.
	return l.limiter.Penalize(context.WithoutCancel(ctx), l.key, d)
}

// tell tells everybody who asks t of a pause.
func (t *target) tell(w stats.Wait) {
	t.mu.Lock()
	users := slices.Collect(maps.Keys(t.users))
	t.mu.Unlock()
	for _, u := range users {
		u.log.Info("pause", "host", w.Host, "bucket", w.Bucket, "cause", w.Cause, "for", w.For.Round(time.Millisecond))
		u.listeners.Tell(observe.Waited(w))
	}
}

// Session is the hosts that one client asks.
type Session struct {
	shared    *Hosts
	listeners observe.Listeners
	log       hclog.Logger
	learned   map[string]pace.Learned // by earlier runs
	file      string                  // where it is kept; "": nowhere

	mu   sync.Mutex
	m    map[string]*Host
	kept time.Time // when the file was last written
}

// Options are what a client tells of itself.
type Options struct {
	Hosts     *Hosts // shared with other clients
	Logger    hclog.Logger
	Listeners observe.Listeners // told of every exchange and every pause of a host
	Learned   string            // the file in which what is learned is kept; "": none
	Aside     bool              // what is learned is not kept
}

// NewSession returns the hosts as one client asks them.
func NewSession(o Options) *Session {
	hs := &Session{shared: o.Hosts, listeners: o.Listeners, log: o.Logger.Named("fetch"), m: map[string]*Host{}}
	if o.Learned != "" {
		f, err := ReadLearned(o.Learned)
		if err != nil {
			hs.log.Warn("learned limits", "error", err)
		}
		hs.learned = f.Hosts
		if !o.Aside {
			hs.file = o.Learned
		}
	}
	return hs
}

// Get returns the host of an origin, with its limits no looser than those of p.
func (hs *Session) Get(o origin.Origin, p httppolicy.Policy) *Host {
	key := o.Address()
	hs.mu.Lock()
	h := hs.m[key]
	if h == nil {
		h = &Host{target: hs.shared.get(key), all: hs, Meter: stats.NewMeter()}
		if l, ok := hs.learned[key]; ok {
			h.pace.Recall(l, time.Now())
		}
		hs.m[key] = h
	}
	hs.mu.Unlock()
	h.use(hs, ceilings{rate: p.Rate, burst: p.Burst, places: p.Concurrency})
	return h
}

// CrawlDelay makes the time that robots.txt wants between two requests hold.
func (hs *Session) CrawlDelay(o origin.Origin, p httppolicy.Policy, every time.Duration) {
	h := hs.Get(o, p)
	if h.use(hs, ceilings{rate: 1 / every.Seconds(), burst: 1}) {
		hs.log.Info("crawl delay", "host", h.key, "every", every)
	}
}

// Close keeps what was learned, and takes the limits of the client's plugins away from the hosts
// that it shares with others.
func (hs *Session) Close() {
	if hs.file != "" {
		if err := hs.keepLearned(hs.file); err != nil {
			hs.log.Warn("learned limits are not kept", "error", err)
		}
	}
	hs.mu.Lock()
	all := make([]*Host, 0, len(hs.m))
	for _, h := range hs.m {
		all = append(all, h)
	}
	hs.mu.Unlock()
	for _, h := range all {
		h.forget(hs)
	}
}

// Host is one target host, as one client sees it.
type Host struct {
	*target
	all   *Session
	Meter *stats.Meter
}

// blocked sums up for how long the request that was next to go was held back, by cause. A request
// that waits behind it waits for the same, so that two readings tell what any wait was for.
type blocked struct {
	mu    sync.Mutex
	total [len(waitCauses)]time.Duration
}

// waitCauses are what a request waits for before it is sent.
var waitCauses = [...]string{stats.WaitConcurrency, stats.WaitPause, stats.WaitRate}

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

// Stats returns a copy of what was counted.
func (hs *Session) Stats() stats.Stats {
	hs.mu.Lock()
	all := slices.Collect(maps.Values(hs.m))
	hs.mu.Unlock()
	slices.SortFunc(all, func(a, b *Host) int { return strings.Compare(a.key, b.key) })
	s := stats.Stats{Hosts: make([]stats.Host, 0, len(all))}
	for _, h := range all {
		s.Hosts = append(s.Hosts, h.stats())
	}
	return s
}

func (h *Host) stats() stats.Host {
	s := h.Meter.Read()
	s.Host = h.key
	own := h.lane.stats()
	s.Rate, s.RateFrom, s.Limit, s.LimitFrom, s.LimitOf = own.Rate, own.RateFrom, own.Limit, own.LimitFrom, own.LimitOf
	s.Stated, s.Queued, s.Waiting = own.Stated, own.Queued, own.Waiting
	for _, l := range h.buckets.all() {
		b := l.stats()
		s.Queued += b.Queued
		s.Buckets = append(s.Buckets, b)
	}
	return s
}

// waitedFor adds a wait for a place and a turn, by cause.
func waitedFor(m *stats.Meter, causes [len(waitCauses)]time.Duration) {
	for i, cause := range waitCauses {
		m.Waited(cause, causes[i])
	}
}

// split divides a wait for a place and a turn among the causes that held it back: as each grew
// between two readings.
func split(d time.Duration, before, after [len(waitCauses)]time.Duration) (parts [len(waitCauses)]time.Duration) {
	var all time.Duration
	for i := range before {
		all += after[i] - before[i]
	}
	if all <= 0 || d < time.Millisecond {
		return parts
	}
	for i := range parts {
		parts[i] = time.Duration(float64(d) * float64(after[i]-before[i]) / float64(all))
	}
	return parts
}

// Key is the host's name, with its port where that is not the scheme's own.
func (h *Host) Key() string { return h.key }

// Tell tells the listeners of the client.
func (h *Host) Tell(e observe.Event) { h.all.listeners.Tell(e) }
