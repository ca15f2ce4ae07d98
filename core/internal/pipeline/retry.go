// Waiting: how long until the next try.

package pipeline

import (
	"context"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

const (
	backoffBase = 250 * time.Millisecond
	backoffCap  = 30 * time.Second
)

// backoff is the time before try n (counted from 0), at random up to a bound that doubles, so that splits
// that failed together do not come back together. What the far end asked for is waited for at least.
func (p *Pipeline) backoff(n int, err error) time.Duration {
	if n <= 0 && err == nil {
		return 0
	}
	bound := min(backoffCap, backoffBase<<min(n, 10))
	return max(sdk.RetryDelay(err), time.Duration(p.Random(int64(bound))))
}

// wait reports whether d went by before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
