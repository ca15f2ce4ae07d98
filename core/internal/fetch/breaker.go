// breaker notices that a host as a whole is out of order, for all plugins at once. Then one request at a time goes, a
// probe, after pauses that grow; the others wait for what becomes of it. So a host that is down is neither
// hammered nor the end of every split: the run goes on as soon as it is back.
//
// It opens after breakerAfter failures in a row, with no reply in between that is one, and when more than breakerShare of the last
// breakerLast attempts failed. Failures that may be the fault of a single request (a 500, a timeout) must be those of
// breakerKinds different requests at least. Where there are not so many, as in a run of one split, breakerAlone of a gateway (502, 503) in a
// row do as well.
//
// How long one waits is bounded by http.deadline, from the first failure on: a host that is down for longer fails
// every request at once. A host that never answered at all is not waited for either: its name or port is wrong, as a rule.

package fetch

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
)

const (
	breakerAfter = 6
	breakerAlone = 12
	breakerKinds = 3
	breakerLast  = 20
	breakerShare = 0.6
	breakerPause = time.Second // the first; each is twice the one before, up to breakerCap
	breakerCap   = 30 * time.Second
)

// breaker is closed as long as pauses is 0.
type breaker struct {
	mu       sync.Mutex
	answered bool // the host has answered at some time
	plain    int  // failures in a row, of those that speak plainly against the host
	gateway  int  // likewise, of those and the failures of a gateway
	streak   int  // failures in a row
	kinds    map[uint64]bool
	lately   lately
	since    time.Time // the first of them
	cause    string    // of the last, in words
	pauses   int
	until    time.Time     // when the next probe may go
	probing  bool          // one is under way
	change   chan struct{} // closed at the next change
}

// guarded shows the breaker what becomes of each attempt. Whether one may go is asked by paced, in the line.
func guarded() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			ex := exchangeOf(req)
			resp, err := next.RoundTrip(req)
			ex.host.learn(ex, resp, err)
			return resp, err
		})
	}
}

// guard waits until the request of ex, which is the next, may go; it may go as a probe.
func (h *host) guard(ctx context.Context, ex *exchange, limit time.Duration) (err error) {
	start := time.Now()
	ex.held = ""
	for {
		var wait time.Duration
		var change <-chan struct{}
		wait, change, ex.probe, err = h.breaker.admit(h.key, time.Now(), limit)
		if err != nil || wait == 0 {
			waited := time.Since(start)
			h.meter.waited(waitDown, waited)
			if waited >= time.Millisecond {
				ex.Explain("pace", func() string { return fmt.Sprintf("waited %s more: %s", limits.Short(waited), ex.held) })
			}
			return err
		}
		ex.held = h.breaker.text(h.key, time.Now())
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-change:
		case <-ctx.Done():
		}
		t.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// admit says whether a request may go now, and as a probe; or how long to wait, or until what changes; or that it may not.
func (b *breaker) admit(key string, now time.Time, limit time.Duration) (wait time.Duration, change <-chan struct{}, probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch over := b.since.Add(limit); {
	case b.pauses == 0:
		return 0, nil, false, nil
	case !b.probing && !now.Before(b.until):
		b.probing = true
		return 0, nil, true, nil
	case !b.answered || !now.Before(over):
		return 0, nil, false, &fault.Error{Outcome: fault.Of("down"), Unsent: true, Err: errors.New(b.say(key, now))}
	case b.probing:
		return over.Sub(now), b.change, false, nil
	default:
		return min(b.until.Sub(now), over.Sub(now)), b.change, false, nil
	}
}

// learn takes in what became of an attempt.
func (h *host) learn(ex *exchange, resp *http.Response, err error) {
	now := time.Now()
	pause, back := h.breaker.learn(ex, resp, err, now)
	switch {
	case pause > 0:
		h.meter.count(func(s *HostStats) { s.Outages++ })
		w := Wait{Host: h.key, Cause: "down (" + words(ex, resp, err) + ")", For: pause, Until: now.Add(pause)}
		h.mu.Lock()
		h.wait = w
		h.mu.Unlock()
		h.tell(w)
	case back > 0:
		h.all.log.Info("the host is back", "host", h.key, "after", back.Round(time.Second))
		h.pace.restart(now)
		h.apply()
	}
}

// learn returns the pause that has begun, or the time after which the host is back.
func (b *breaker) learn(ex *exchange, resp *http.Response, err error, now time.Time) (pause, back time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ex.probe {
		b.probing = false
		defer b.wake()
	}
	switch blame := ex.judge(resp, err).Rule().Blame; {
	case err == nil && blame == fault.None:
		b.answered = true
		b.lately.add(0)
		if b.pauses > 0 {
			back, b.lately = now.Sub(b.since), lately{}
			defer b.wake()
		}
		b.streak, b.plain, b.gateway, b.pauses, b.kinds = 0, 0, 0, 0, nil
	case blame == fault.None:
		// Given up, or a fault of ours: nothing is known of the host.
	default:
		b.answered = b.answered || err == nil
		b.fail(blame, ex, words(ex, resp, err), now)
		ex.probed = ex.probe && b.answered
		ex.sentBefore = ex.sentBefore && !ex.probe // another is the next probe: this request itself may be at fault
		if ex.probe || b.pauses == 0 && b.broken() {
			pause = b.open(now)
		}
	}
	return pause, back
}

// open begins a pause, after which a probe may go.
func (b *breaker) open(now time.Time) time.Duration {
	pause := min(breakerCap, breakerPause<<min(b.pauses, 10))
	pause = pause/2 + rand.N(pause/2+1)
	b.pauses++
	b.until = now.Add(pause)
	return pause
}

func (b *breaker) fail(blame fault.Blame, ex *exchange, cause string, now time.Time) {
	if b.streak++; b.streak == 1 {
		b.since = now
	}
	if blame >= fault.Gateway {
		b.gateway++
	}
	if blame == fault.Plainly {
		b.plain++
	}
	b.cause = cause
	if b.kinds == nil {
		b.kinds = map[uint64]bool{}
	}
	kind := ex.kind()
	if len(b.kinds) < breakerKinds {
		b.kinds[kind] = true
	}
	b.lately.add(kind)
}

func (b *breaker) broken() bool {
	return b.plain >= breakerAfter || b.gateway >= breakerAlone || b.streak >= breakerAfter && len(b.kinds) >= breakerKinds || b.lately.broken()
}

// lately is what became of the last attempts: the kinds of those that failed, and 0 for the others.
type lately struct {
	kinds [breakerLast]uint64
	n     int
}

func (l *lately) add(kind uint64) {
	l.kinds[l.n%breakerLast] = kind
	l.n++
}

func (l *lately) broken() bool {
	failed, kinds := 0, map[uint64]bool{}
	for _, k := range l.kinds {
		if k != 0 {
			failed++
			kinds[k] = true
		}
	}
	return l.n >= breakerLast && float64(failed) > breakerShare*breakerLast && len(kinds) >= breakerKinds
}

func (b *breaker) text(key string, now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.say(key, now)
}

func (b *breaker) say(key string, now time.Time) string {
	return fmt.Sprintf("%s is down since %s: %s", key, since(b.since, now), b.cause)
}

// since is a time for people. All requests that wait for a host say the same of it, so that it can be told once.
func since(t, now time.Time) string {
	if now.Sub(t) > 12*time.Hour {
		return t.Local().Format("2006-01-02 15:04")
	}
	return t.Local().Format(time.TimeOnly)
}

func (b *breaker) wake() {
	close(b.change)
	b.change = make(chan struct{})
}

func newBreaker() *breaker { return &breaker{change: make(chan struct{})} }

var seed = maphash.MakeSeed()

// kind tells requests apart that are not the same.
func (ex *exchange) kind() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(ex.URL) // never fails
	_, _ = h.Write(ex.Body)
	return h.Sum64() | 1 // never 0
}

// restart lets requests go one by one again, as in the beginning.
func (p *pace) restart(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.window = 1
	p.eased.back(now)
}
