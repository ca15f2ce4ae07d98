// Errors: what the host does about one depends on its class.

package sdk

import (
	"errors"
	"time"
)

// Errors that errors.Is finds in another.
var (
	// ErrRobots is in the error of a request that the host did not make because robots.txt forbids
	// it. If Read returns it, the split is skipped, as with [Skip]. A Read that can do without the
	// reply may go on.
	ErrRobots = Skip(errors.New("robots.txt forbids it"))
	// ErrSkip is in every error that [Skip] has marked.
	ErrSkip = errors.New("skipped")
	// ErrNotGranted is in the error of a connection that the user has not granted; see [Dial].
	ErrNotGranted = errors.New("not granted")
	// ErrUntold is the error of a Finish that has found refused records, which the next Commit
	// returns.
	ErrUntold = errors.New("the far end has refused records that no commit has told of yet")
)

// classified carries the class of an error through any number of wraps.
type classified struct {
	err       error
	permanent bool
	skip      bool
	after     time.Duration
}

func (e *classified) Error() string        { return e.err.Error() }
func (e *classified) Unwrap() error        { return e.err }
func (e *classified) Is(target error) bool { return target == ErrSkip && e.skip }

// Permanent marks an error that another attempt will not fix: a refused token, a missing project.
// Every other error is temporary. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &classified{err: err, permanent: true}
}

// RetryAfter marks a temporary error with the time that the far end asked for. The host waits for
// it, but not for longer than http.max_wait in the pipeline file: then it ends the split and says
// when to run again. RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &classified{err: err, after: d}
}

// Skip marks an error that says why a split must not be read, so that nothing counts as missing: a
// page that its owner does not want read, a board that was removed. Returned from Read it ends the
// split. Records up to the last cursor stay. The run is complete without the rest, and its report
// counts and lists skipped splits. Elsewhere it is the same as [Permanent]. Skip(nil) is nil.
func Skip(err error) error {
	if err == nil {
		return nil
	}
	return &classified{err: err, permanent: true, skip: true}
}

// IsPermanent reports whether err, or an error that it wraps, was marked by [Permanent] or [Skip].
func IsPermanent(err error) bool {
	if errors.Is(err, ErrSkip) {
		return true
	}
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
