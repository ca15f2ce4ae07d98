// The lock of an open file: one process writes to it at a time.

package filesink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// patience is how long to wait for a lock. A plugin whose host was killed notices that within half
// a second.
const patience = 5 * time.Second

// settling is how long to wait for the lock of an output file after the journal's lock is held: the
// system frees the locks of a killed process one after another.
const settling = time.Second

// lockWithin takes the lock of an open file. The system frees it when the file is closed or the
// process ends. It retries for a while, because the holder may be about to end.
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
