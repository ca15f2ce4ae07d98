// Errors: what the host does about one depends on its class.

package sdk

import (
	"errors"
	"time"
)

// classified carries the class of an error through any number of wraps.
type classified struct {
	err       error
	permanent bool
	after     time.Duration
}

func (e *classified) Error() string { return e.err.Error() }
func (e *classified) Unwrap() error { return e.err }

// Permanent marks an error that trying again will not mend: a refused token, a missing project. Every
// other error is temporary. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &classified{err: err, permanent: true}
}

// RetryAfter marks a temporary error with the time that the far end asked for. RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &classified{err: err, after: d}
}

// IsPermanent reports whether err, or an error that it wraps, was marked by [Permanent].
func IsPermanent(err error) bool {
	var c *classified
	for errors.As(err, &c) {
		if c.permanent {
			return true
		}
		err = c.err
	}
	return false
}

// RetryDelay returns the time given to [RetryAfter], or 0.
func RetryDelay(err error) time.Duration {
	var c *classified
	for errors.As(err, &c) {
		if c.after > 0 {
			return c.after
		}
		err = c.err
	}
	return 0
}
