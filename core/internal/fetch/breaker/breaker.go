// Package breaker keeps a host in trouble from more requests than do it good. Breaker notices that
// a host as a whole is out of order, for all plugins at once. Then one request at a time goes, a
// probe, after pauses that grow; the others wait for what becomes of it. So a host that is down is
// neither hammered nor the end of every split: the run goes on as soon as it is back.
//
// It opens after breakerAfter failures in a row, with no reply in between that is one, and when
// more than breakerShare of the last breakerLast attempts failed. Failures that may be the fault of
// a single request (a 500, a timeout) must be those of breakerKinds different requests at least.
// Where there are not so many, as in a run of one split, breakerAlone of a gateway (502, 503) in a
// row do as well.
//
// How long one waits is bounded by http.deadline, from the first failure on: a host that is down
// for longer fails every request at once. A host that never answered at all is not waited for
// either: its name or port is wrong, as a rule.
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
	breakerPause = time.Second // the first; each is twice the one before, up to breakerCap
	breakerCap   = 30 * time.Second
)

// Breaker is the circuit breaker of one host; it is closed as long as pauses is 0. Make one with
// [New].
type Breaker struct {
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

// Admit says whether a request may go now, and as a probe; or how long to wait, or until what
// changes; or that it may not.
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

// Attempt is what became of one.
type Attempt struct {
	Probe   bool // it went to find out whether the host is back
	Replied bool
	Blame   fault.Blame
	Kind    func() uint64 // what tells requests apart that are not the same; never 0. Called for failures only.
	Cause   string        // of a failure, in words
}

// Learn takes in what became of an attempt. It returns the pause that has begun, or the time after
// which the host is back. inVain says that the attempt was a probe that failed, of a host that is
// waited for.
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
		b.lately.add(0)
		if b.pauses > 0 {
			back, b.lately = now.Sub(b.since), lately{}
			defer b.wake()
		}
		b.streak, b.plain, b.gateway, b.pauses, b.kinds = 0, 0, 0, 0, nil
	case a.Blame == fault.None:
		// Given up, or a fault of ours: nothing is known of the host.
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

// open begins a pause, after which a probe may go.
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
	b.lately.add(kind)
}

func (b *Breaker) broken() bool {
	return b.plain >= breakerAfter || b.gateway >= breakerAlone || b.streak >= breakerAfter &&
		len(b.kinds) >= breakerKinds || b.lately.broken()
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

// Text says that the host is down, since when and why; key names it.
func (b *Breaker) Text(key string, now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.say(key, now)
}

func (b *Breaker) say(key string, now time.Time) string {
	return fmt.Sprintf("%s is down since %s: %s", key, since(b.since, now), b.cause)
}

// since is a time for people. All requests that wait for a host say the same of it, so that it can
// be told once.
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

// New returns a breaker that is closed.
func New() *Breaker { return &Breaker{change: make(chan struct{})} }
