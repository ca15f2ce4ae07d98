// Watch: a time limit for every call of a plugin.

package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// patience is the time after which a call counts as hung. It is long, because a busy machine is no
// fault of the plugin.
const patience = 2 * time.Minute

// errHung is in the error of a call that hangs.
var errHung = errors.New("the call hangs")

// watch limits the time of each call of a suite. After a call that hung, the limit is shorter: most
// calls hang for the same reason, and the suite has to end.
type watch struct {
	patience time.Duration // 0: the default
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

// call calls f. An error that wraps errHung says that f did not return in time or, if alive is
// given, that nothing happened for that time: alive reports whether something has happened since
// its last call. The goroutine of a hung call is abandoned.
func (w *watch) call(ctx context.Context, what string, alive func() bool, f func(context.Context) error) error {
	limit := w.limit()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	const looks = 20 // checks within the limit
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
	case err := <-done: // it returned after its context was cancelled
		return fmt.Errorf("%w: %s was still at it after %v, and ended when it was told to (%w)", errHung, what, limit,
			err)
	case <-late.C:
	}
	return fmt.Errorf("%w: %s was still at it after %v", errHung, what, limit)
}

// soon is how long a plugin may take to stop when it is told to.
const soon = 10 * time.Second
