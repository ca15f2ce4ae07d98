// Limiter: the interface for spacing requests of one process or of many machines, and its
// implementation for one process.

package ratelimit

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
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

type bucket struct {
	tokens *rate.Limiter
	until  time.Time // end of the pause
	next   time.Time // time of the last reserved place
}

// bucket returns the bucket of key. The caller holds s.mu.
func (s *schedule) bucket(key string) *bucket {
	b := s.keys[key]
	if b == nil {
		b = &bucket{tokens: rate.NewLimiter(rate.Inf, 1)}
		s.keys[key] = b
	}
	return b
}

func (s *schedule) Reserve(ctx context.Context, key string, n int) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bucket(key)
	now := time.Now()
	at := now
	if b.until.After(now) {
		at = b.until
	}
	wait := at.Sub(now)
	if n > 0 {
		wait += b.tokens.ReserveN(at, min(n, b.tokens.Burst())).DelayFrom(at)
		b.next = now.Add(wait)
	}
	return wait, nil
}

func (s *schedule) Penalize(ctx context.Context, key string, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bucket(key)
	until := time.Now().Add(d)
	if !until.After(b.until) {
		return nil
	}
	b.until = until
	if saved := int(b.tokens.TokensAt(until)); saved > 0 && b.tokens.Limit() != rate.Inf {
		b.tokens.AllowN(until, saved)
	}
	return nil
}

// SetRate implements RateSetter.
func (s *schedule) SetRate(key string, perSecond float64, burst int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, at := s.bucket(key), time.Now()
	// A pause does not fill the bucket, and a reserved place keeps its old time. Otherwise a higher
	// rate would allow the next request right behind it.
	for _, later := range []time.Time{b.until, b.next} {
		if later.After(at) {
			at = later
		}
	}
	limit := rate.Inf
	if !math.IsInf(perSecond, 1) {
		limit = rate.Limit(perSecond)
	}
	b.tokens.SetLimitAt(at, limit)
	b.tokens.SetBurstAt(at, burst)
}
