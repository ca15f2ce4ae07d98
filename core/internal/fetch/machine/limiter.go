package machine

import (
	"context"
	"time"
)

// reserve has the methods of ratelimit.Limiter.
type reserve interface {
	Reserve(ctx context.Context, key string, n int) (time.Duration, error)
	Penalize(ctx context.Context, key string, d time.Duration) error
}

// Reserve reserves n places in the key's schedule, see ratelimit.Limiter.
func (s *Shared) Reserve(ctx context.Context, key string, n int) (time.Duration, error) {
	wait, err := s.own.Reserve(ctx, key, n)
	if err != nil {
		return 0, err
	}
	return max(wait, s.take(key, n, wait)), nil
}

// Penalize pauses the key for all processes.
func (s *Shared) Penalize(ctx context.Context, key string, d time.Duration) error {
	s.mu.Lock()
	h, now := s.host(key), time.Now()
	s.change(h, now, func(at *slot) {
		at.sign(s.id, h.rate, now)
		if until := now.Add(d).UnixNano(); until > at.until || at.pause(now, 0) == 0 {
			at.until, at.by = until, s.id
		}
	})
	s.mu.Unlock()
	return s.own.Penalize(ctx, key, d)
}
