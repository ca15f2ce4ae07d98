// Watch: no call of a plugin lasts for ever, whatever it waits for.

package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// patience is after what time a call counts as hung. It is long: a busy machine is no fault of the
// plugin's.
const patience = 2 * time.Minute

// errHung is in the error of a call that hangs.
var errHung = errors.New("the call hangs")

// watch bounds the calls of a suite in time. After one that hung the others get less: most hang for
// the same reason, and the whole is to end.
type watch struct {
	patience time.Duration // 0: the usual
	hung     atomic.Bool
}

func (w *watch) limit() time.Duration {
	limit := patience
	if w.patience > 0 {
		limit = w.patience
	}
	if w.hung.Load() {
		limit = min(limit, soon)
	}
	return limit
}

// call calls f. An error that wraps errHung says that it did not return within the time, or that
// within the time nothing happened, if alive is there: it reports whether something has happened
// since it was asked last. Such a call is left to itself.
func (w *watch) call(ctx context.Context, what string, alive func() bool, f func(context.Context) error) error {
	limit := w.limit()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	const looks = 20 // within the limit
	tick := time.NewTicker(limit / looks)
	defer tick.Stop()
	for quiet := 0; quiet < looks; quiet++ {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if alive != nil && alive() {
				quiet = 0
			}
		}
	}
	w.hung.Store(true)
	giveUp(errHung)
	late := time.NewTimer(time.Second)
	defer late.Stop()
	select {
	case err := <-done: // it minds its context
		return fmt.Errorf("%w: %s was still at it after %v, and ended when it was told to (%w)", errHung, what, limit,
			err)
	case <-late.C:
	}
	return fmt.Errorf("%w: %s was still at it after %v", errHung, what, limit)
}

// soon is how long a plugin may take to stop when it is told to.
const soon = 10 * time.Second
