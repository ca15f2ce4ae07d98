// The lock of an open file: who writes to it is alone.

package filesink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// patience is how long to wait for a lock. A plugin whose host was killed notices it within half a
// second.
const patience = 5 * time.Second

// settling is how long to wait for the lock of an output file, whose journal is locked already: a
// process that was killed frees its locks one after another.
const settling = time.Second

// lockWithin takes the lock of an open file, which the system frees when the file is closed or the
// process ends. Who holds it may be about to end, so it is tried for a while.
func lockWithin(ctx context.Context, f *os.File, patience time.Duration) error {
	const pause = 25 * time.Millisecond
	for end := time.Now().Add(patience); ; {
		got, err := tryLock(f)
		if err != nil {
			return sdk.Permanent(fmt.Errorf("lock of %s: %w", f.Name(), err))
		}
		if got {
			return nil
		}
		if time.Now().After(end) {
			return sdk.Permanent(errHeld)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

var errHeld = errors.New("another sink or run writes to this path: wait until it has ended, or set another path")
