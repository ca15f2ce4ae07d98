// Package breaker reduces requests to a failing host. Breaker detects that a host as a whole fails,
// for all plugins together. It then admits one request at a time, as a probe, after growing pauses;
// other requests wait for the result. So a failing host is not overloaded, splits do not fail, and
// the run continues when the host is back.
//
// It opens after breakerAfter failures in a row without a valid reply in between, if more than
// breakerShare of the last breakerLast attempts failed. Failures that may concern a single request
// (a 500, a timeout) must be of at least breakerKinds different requests. If there are fewer, as in
// a run with one split, breakerAlone failures of a gateway (502, 503) in a row suffice.
//
// http.deadline bounds the wait, from the first failure on: if a host is down for longer, every
// request fails immediately. A host that has never answered is not waited for, because usually its
// name or port is wrong.
//
// Budget bounds the retries.
package breaker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
)

const (
	breakerAfter = 6
	breakerAlone = 12
	breakerKinds = 3
	breakerLast  = 20
	breakerShare = 0.6
	breakerPause = time.Second // the first pause; each doubles, up to breakerCap
	breakerCap   = 30 * time.Second
)

// Breaker is the circuit breaker of one host. It is closed while pauses is 0. Make one with [New].
type Breaker struct {
	mu       sync.Mutex
	answered bool // the host has answered at least once
	plain    int  // failures in a row that certainly concern the host
	gateway  int  // likewise, including those of a gateway
	streak   int  // failures in a row
	kinds    map[uint64]bool
	recent   recentResults
	since    time.Time // time of the first of them
	cause    string    // cause of the last one
	pauses   int
	until    time.Time     // time of the next probe
	probing  bool          // a probe is in progress
	change   chan struct{} // closed at the next change
}

// Admit says whether a request may go now, and whether as a probe. Otherwise it returns how long to
// wait or what to wait for, or an error.
func (b *Breaker) Admit(key string, now time.Time, limit time.Duration) (wait time.Duration, change <-chan struct{},
	probe bool, err error) {
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

// Attempt is the result of an attempt.
type Attempt struct {
	Probe   bool // it tested whether the host is back
	Replied bool
	Blame   fault.Blame
	Kind    func() uint64 // hash that distinguishes requests, not 0; called only for failures
	Cause   string        // of a failure
}

// Learn processes the result of an attempt. It returns the length of a new pause, or how long the
// host was down if it is back. inVain says that a probe failed and the host is still waited for.
func (b *Breaker) Learn(a Attempt, now time.Time) (pause, back time.Duration, inVain bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.Probe {
		b.probing = false
		defer b.wake()
	}
	switch {
	case a.Replied && a.Blame == fault.None:
		b.answered = true
		b.recent.add(0)
		if b.pauses > 0 {
			back, b.recent = now.Sub(b.since), recentResults{}
			defer b.wake()
		}
		b.streak, b.plain, b.gateway, b.pauses, b.kinds = 0, 0, 0, 0, nil
	case a.Blame == fault.None:
		// Cancelled, or our own error: it says nothing about the host.
	default:
		b.answered = b.answered || a.Replied
		b.fail(a, now)
		inVain = a.Probe && b.answered
		if a.Probe || b.pauses == 0 && b.broken() {
			pause = b.open(now)
		}
	}
	return pause, back, inVain
}

// open starts a pause before the next probe.
func (b *Breaker) open(now time.Time) time.Duration {
	pause := min(breakerCap, breakerPause<<min(b.pauses, 10))
	pause = pause/2 + rand.N(pause/2+1)
	b.pauses++
	b.until = now.Add(pause)
	return pause
}

func (b *Breaker) fail(a Attempt, now time.Time) {
	if b.streak++; b.streak == 1 {
		b.since = now
	}
	if a.Blame >= fault.Gateway {
		b.gateway++
	}
	if a.Blame == fault.Plainly {
		b.plain++
	}
	b.cause = a.Cause
	if b.kinds == nil {
		b.kinds = map[uint64]bool{}
	}
	kind := a.Kind()
	if len(b.kinds) < breakerKinds {
		b.kinds[kind] = true
	}
	b.recent.add(kind)
}

func (b *Breaker) broken() bool {
	return b.plain >= breakerAfter || b.gateway >= breakerAlone || b.streak >= breakerAfter &&
		len(b.kinds) >= breakerKinds || b.recent.broken()
}

// recentResults has the results of the last attempts: the kind of each failure, 0 for a success.
type recentResults struct {
	kinds [breakerLast]uint64
	n     int
}

func (l *recentResults) add(kind uint64) {
	l.kinds[l.n%breakerLast] = kind
	l.n++
}

func (l *recentResults) broken() bool {
	failed, kinds := 0, map[uint64]bool{}
	for _, k := range l.kinds {
		if k != 0 {
			failed++
			kinds[k] = true
		}
	}
	return l.n >= breakerLast && float64(failed) > breakerShare*breakerLast && len(kinds) >= breakerKinds
}

// Text says that the host (named by key) is down, since when and why.
func (b *Breaker) Text(key string, now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.say(key, now)
}

func (b *Breaker) say(key string, now time.Time) string {
	return fmt.Sprintf("%s is down since %s: %s", key, since(b.since, now), b.cause)
}

// since formats a time for people. All requests that wait for a host have the same text, so that it
// can be shown once.
func since(t, now time.Time) string {
	if now.Sub(t) > 12*time.Hour {
		return t.Local().Format("2006-01-02 15:04")
	}
	return t.Local().Format(time.TimeOnly)
}

func (b *Breaker) wake() {
	close(b.change)
	b.change = make(chan struct{})
}

// New returns a closed breaker.
func New() *Breaker { return &Breaker{change: make(chan struct{})} }
