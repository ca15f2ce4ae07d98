// clock ends a request that takes longer than http.deadline, with all its attempts and the waits
// between them. It stands still while the request waits in one of the host's own lines, for
// concurrency or pace: a slow rate is no failure.

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
	since time.Time // it runs since then
	left  time.Duration
}

// startClock returns a context that ends with ctx, or when limit is over.
func startClock(ctx context.Context, limit time.Duration) (context.Context, *clock) {
	c := &clock{since: time.Now(), left: limit}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.timer = time.AfterFunc(limit, func() { c.cancel(&deadlineError{limit}) })
	return c.ctx, c
}

// hold stops the clock until the function that it returns is called. A nil clock is for a request
// without a deadline.
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

// over returns the error of a deadline that has passed, or nil.
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
