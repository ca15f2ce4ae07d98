// Limiter: the interface for spacing requests of one process or of many machines, and its
// implementation for one process.

package ratelimit

import (
	"context"
	"math"
	"sync"
	"time"
)

// Limiter spaces requests. A key is a host. Its methods may be called by several goroutines at the
// same time, but Reserve for one key by one at a time in each process.
type Limiter interface {
	// Reserve reserves n places in the key's schedule and returns the wait for them. With n = 0 it
	// reserves none and returns the rest of the key's pause (0: none), so that a caller can check
	// after a wait whether a pause has begun.
	Reserve(ctx context.Context, key string, n int) (time.Duration, error)
	// Penalize pauses the key for at least d from now. After a pause, places come one by one, even
	// if many were unused before.
	Penalize(ctx context.Context, key string, d time.Duration) error
}

// RateSetter is implemented by a Limiter with adjustable rates.
type RateSetter interface {
	// SetRate sets the rate of a key in requests per second (+Inf: none), and the size of a burst.
	SetRate(key string, perSecond float64, burst int)
}

// Sharer is implemented by a Limiter that is shared with other processes.
type Sharer interface {
	// Live returns how many processes ask a key, this one included.
	Live(key string) int
	// Taken returns how many places the others have taken since it was last asked.
	Taken(key string) int
	// Tell leaves some numbers for the other processes that ask a key, in the place of what it
	// held, and Told returns what one of them has left since it was last asked; nil: nothing.
	Tell(key string, numbers []float64)
	Told(key string) []float64
}

// Schedule is a Limiter for one process. It implements [RateSetter].
type Schedule interface {
	Limiter
	RateSetter
}

// NewLimiter returns a Limiter for one process.
func NewLimiter() Schedule {
	return &schedule{keys: map[string]*bucket{}}
}

type schedule struct {
	mu   sync.Mutex
	keys map[string]*bucket
}

// bucket holds tokens, one a place; its rate may be infinite.
type bucket struct {
	rate   float64
	burst  float64
	tokens float64   // at the time last; negative: places that are reserved for later
	last   time.Time // of the last place, or the end of the pause
	until  time.Time // end of the pause
	next   time.Time // of the last reserved place
}

// bucket returns the bucket of key. The caller holds s.mu.
func (s *schedule) bucket(key string) *bucket {
	b := s.keys[key]
	if b == nil {
		b = &bucket{rate: math.Inf(1), burst: 1, tokens: 1, last: time.Now()}
		s.keys[key] = b
	}
	return b
}

// at returns the tokens at a time that is not before last.
func (b *bucket) at(t time.Time) float64 {
	if math.IsInf(b.rate, 1) {
		return b.burst
	}
	return min(b.burst, b.tokens+b.rate*t.Sub(b.last).Seconds())
}

func (s *schedule) Reserve(ctx context.Context, key string, n int) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bucket(key)
	now := time.Now()
	at := latest(now, b.until)
	if n > 0 {
		from := latest(at, b.last)
		b.tokens = b.at(from) - min(float64(n), b.burst)
		if b.last = from; b.tokens < 0 {
			b.last = from.Add(time.Duration(-b.tokens / b.rate * float64(time.Second)))
			b.tokens = 0
		}
		b.next = b.last
		at = b.last
	}
	return at.Sub(now), nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (s *schedule) Penalize(ctx context.Context, key string, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bucket(key)
	now := time.Now()
	until := now.Add(d)
	if !until.After(b.until) {
		return nil
	}
	b.until = until
	if !b.last.After(until) {
		b.tokens, b.last = min(1, b.at(until)), until
		if b.next.After(now) { // its request waits for the end of the pause
			b.tokens = 0
		}
	}
	return nil
}

// SetRate implements RateSetter. The tokens since the last place come at the new rate.
func (s *schedule) SetRate(key string, perSecond float64, burst int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bucket(key)
	b.rate, b.burst = perSecond, float64(burst)
	b.tokens = min(b.tokens, b.burst)
}
