// clock ends a request that exceeds http.deadline, including all attempts and the waits between
// them. It stops while the request waits for the host's own limits (concurrency, pace), because a
// slow rate is no failure.

package retry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
)

type clock struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer
	since time.Time // running since then
	left  time.Duration
}

// startClock returns a context that is done when ctx is done or the limit is exceeded.
func startClock(ctx context.Context, limit time.Duration) (context.Context, *clock) {
	c := &clock{since: time.Now(), left: limit}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.timer = time.AfterFunc(limit, func() { c.cancel(&deadlineError{limit}) })
	return c.ctx, c
}

// hold stops the clock until resume is called. A nil clock belongs to a request without a deadline.
func (c *clock) hold() (resume func()) {
	if c == nil {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.left -= time.Since(c.since)
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.since = time.Now()
		c.timer.Reset(max(c.left, 0))
	})
}

func (c *clock) end() {
	c.timer.Stop()
	c.cancel(nil)
}

// over returns the error of an exceeded deadline, or nil.
func (c *clock) over() error {
	var late *deadlineError
	if errors.As(context.Cause(c.ctx), &late) {
		return late
	}
	return nil
}

type deadlineError struct{ limit time.Duration }

func (e *deadlineError) Error() string {
	return fmt.Sprintf("not done within http.deadline (%s)", limits.Short(e.limit))
}
