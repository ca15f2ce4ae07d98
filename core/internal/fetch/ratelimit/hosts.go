// hosts: the process's state of each host, shared by everything that uses it.

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

// Hosts is the process's state of the hosts that it uses: their limits and waiters. Clients of
// several runs that share one Hosts obey the limits together. Its methods may be called by several
// goroutines at the same time.
//
// It has one entry for each name and port. http and https on their default ports are one host,
// because limits are rarely separate by scheme.
type Hosts struct {
	once    sync.Once // for Share
	limiter Limiter

	mu sync.Mutex
	m  map[string]*target
}

// NewHosts returns a Hosts whose requests l spaces; nil: a limiter for this process only.
func NewHosts(l Limiter) *Hosts {
	if l == nil {
		l = NewLimiter()
	}
	return &Hosts{limiter: l, m: map[string]*target{}}
}

// Share sets the limiter to the result of open, if that is not nil and no host was used yet. Only
// its first call has an effect.
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

// target is one host, shared by all clients of the process. All requests to the host go through its
// lane; those of a bucket go through another lane first.
type target struct {
	*lane
	buckets buckets
	breaker *breaker.Breaker
	Budget  breaker.Budget

	users map[*Session]ceilings // guarded by mu of the lane
}

// use adds the limits of a user, and reports whether they are new.
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

// forget removes the limits of a user.
func (t *target) forget(user *Session) {
	t.mu.Lock()
	delete(t.users, user)
	t.mu.Unlock()
	t.refix()
}

// refix applies the strictest limits of all users.
func (t *target) refix() {
	t.mu.Lock()
	var all ceilings
	for _, l := range t.users {
		all = all.strictest(l)
	}
	t.mu.Unlock()
	t.fix(all)
}

// pause stops all requests of a lane of t for d, and notifies all users of the host.
func (t *target) pause(ctx context.Context, l *lane, d time.Duration, cause, by string) error {
	w, news := l.note(d, cause, by)
	if news {
		t.tell(w)
	}
	// The pause applies even if the request that received it is cancelled now.
	return l.limiter.Penalize(context.WithoutCancel(ctx), l.key, d)
}

// tell notifies all users of t of a pause.
func (t *target) tell(w stats.Wait) {
	t.mu.Lock()
	users := slices.Collect(maps.Keys(t.users))
	t.mu.Unlock()
	for _, u := range users {
		u.log.Info("pause", "host", w.Host, "bucket", w.Bucket, "cause", w.Cause, "for", w.For.Round(time.Millisecond))
		u.listeners.Tell(observe.Waited(w))
	}
}

// Session has the hosts of one client.
type Session struct {
	shared    *Hosts
	listeners observe.Listeners
	log       hclog.Logger
	learned   map[string]pace.Learned // from earlier runs
	file      string                  // file for learned limits; "": none

	mu   sync.Mutex
	m    map[string]*Host
	kept time.Time // when the file was last written
}

// Options are the settings of a client.
type Options struct {
	Hosts     *Hosts // shared with other clients
	Logger    hclog.Logger
	Listeners observe.Listeners // receive the events of HTTP
	Learned   string            // file for learned limits; "": none
	Aside     bool              // do not save learned limits
}

// NewSession returns the hosts of one client.
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

// Get returns the host of an origin, with limits at least as strict as those of p.
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

// CrawlDelay applies the time between two requests from robots.txt.
func (hs *Session) CrawlDelay(o origin.Origin, p httppolicy.Policy, every time.Duration) {
	h := hs.Get(o, p)
	if h.use(hs, ceilings{rate: 1 / every.Seconds(), burst: 1}) {
		hs.log.Info("crawl delay", "host", h.key, "every", every)
	}
}

// Close saves what was learned, and removes the limits of the client's plugins from shared hosts.
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

// Host is one host, as one client sees it.
type Host struct {
	*target
	all   *Session
	Meter *stats.Meter
}

// Stats returns a copy of the counts.
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

// delayed sends the events of a wait for a place and a turn, by cause.
func (h *Host) delayed(causes [len(waitCauses)]time.Duration) {
	for i, cause := range waitCauses {
		h.Delayed(cause, causes[i])
	}
}

// split divides a wait among its causes, in proportion to their growth between two readings.
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

// Key is the host's name, with its port if it is not the default.
func (h *Host) Key() string { return h.key }

// Delayed says that a request has waited. A wait of less than a millisecond is no event.
func (h *Host) Delayed(cause string, d time.Duration) {
	if d >= time.Millisecond {
		h.Tell(observe.Delayed{Host: h.key, Cause: cause, For: d})
	}
}

// Tell sends an event to the host's meter, then to the client's listeners.
func (h *Host) Tell(e observe.Event) {
	h.Meter.Event(e)
	h.all.listeners.Tell(e)
}
