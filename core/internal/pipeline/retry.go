// Retries: their number, their total time, and the wait before each.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

const (
	backoffBase = 250 * time.Millisecond
	backoffCap  = 30 * time.Second

	// defaultAttempts is the number of failed tries without progress before giving up.
	defaultAttempts = 5
	// defaultPatience is the least time of tries without progress for a stage with connections of
	// its own: a database restarts within it.
	defaultPatience = 30 * time.Second
	// defaultMaxWait is the longest wait that an error may ask for, as for http.max_wait.
	defaultMaxWait = 15 * time.Minute
	// longestWait is the longest wait that the wire carries. A longer one is sent without a time.
	longestWait = 30 * 24 * time.Hour
)

// limits bound the tries of a stage without progress.
type limits struct {
	attempts int
	patience time.Duration
	maxWait  time.Duration
}

// limits returns those of the pipeline file. A stage is given up when both its attempts and its
// patience are used up. If the file sets only one of them, only that one counts.
func (s Stage[P]) limits() limits {
	l := limits{attempts: s.Attempts, patience: s.Patience, maxWait: s.MaxWait}
	_, source := any(s).(Stage[sdk.Source])
	if l.attempts == 0 && l.patience == 0 && (s.Connects || !source) {
		l.patience = defaultPatience
	}
	if l.attempts == 0 {
		l.attempts = defaultAttempts
	}
	if l.maxWait == 0 {
		l.maxWait = defaultMaxWait
	}
	return l
}

// attempts counts tries without progress.
type attempts struct {
	limits
	p     *Pipeline
	tries int
	since time.Time // time of the first failure without progress
}

func (p *Pipeline) newAttempts(l limits) *attempts { return &attempts{limits: l, p: p} }

// further records progress, which resets the trial.
func (t *attempts) further() { t.tries, t.since = 0, time.Time{} }

// failed records a failure. It returns the wait before the next try, or the error of giving up. A
// failure that is not counted has another cause than what is tried.
func (t *attempts) failed(err error, counted bool) (time.Duration, error) {
	if sdk.IsPermanent(err) {
		return 0, err
	}
	now := time.Now()
	if t.since.IsZero() {
		t.since = now
	}
	if counted {
		t.tries++
	}
	asked := sdk.RetryDelay(err)
	if asked > 0 && asked > t.maxWait-now.Sub(t.since) {
		return 0, &waitError{err: err, until: now.Add(asked), asked: asked, most: t.maxWait}
	}
	if t.tries >= t.attempts && now.Sub(t.since) >= t.patience {
		return 0, err
	}
	return max(asked, min(t.maxWait, t.p.backoff(t.tries))), nil
}

// backoff returns the wait before try n (from 0): random, up to a bound that doubles, so that
// splits that failed together do not retry together.
func (p *Pipeline) backoff(n int) time.Duration {
	bound := min(backoffCap, backoffBase<<min(n, 10))
	return time.Duration(p.Random(int64(bound)))
}

// waitError is the error of a wait that is longer than the pipeline file allows. An immediate retry
// would not help.
type waitError struct {
	err         error
	until       time.Time
	asked, most time.Duration
}

func (e *waitError) Error() string {
	if e.asked >= longestWait {
		return fmt.Sprintf("%v: it may be tried again only after more than %d days", e.err, int(longestWait.Hours()/24))
	}
	if e.asked <= e.most {
		return fmt.Sprintf("%v: the waits have reached http.max_wait (%s): run again after %s",
			e.err, e.most, clock(e.until))
	}
	return fmt.Sprintf("%v: it asks for a wait of %s, and http.max_wait allows %s: run again after %s",
		e.err, e.asked.Round(time.Second), e.most, clock(e.until))
}

func (e *waitError) Unwrap() error { return e.err }

// clock formats a time for people: when to try again.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

// Ask asks a running source for its streams or plan, with the tries of a split. It calls told
// before each retry. The error of giving up is permanent, because no record was read yet. If the
// source crashed, the caller has to restart it.
func Ask(ctx context.Context, source Stage[sdk.Source], told OnRetry, question func() error) error {
	return (&Pipeline{Config: Config{Random: rand.Int64N}}).askAgain(ctx, source, told, question)
}

// OnRetry receives the error of a failed try and the wait before the next one.
type OnRetry func(err error, wait time.Duration)

func (p *Pipeline) askAgain(
	ctx context.Context, source Stage[sdk.Source], told OnRetry, question func() error,
) error {
	t := p.newAttempts(source.limits())
	for {
		err := question()
		var state *storeError
		if err == nil || errors.As(err, &state) || errors.Is(err, checkpoint.ErrFenced) {
			return err
		}
		if crashed(err) || isCancel(err) {
			return at(source.Name, err)
		}
		delay, over := t.failed(err, true)
		if over != nil {
			return sdk.Permanent(at(source.Name, over))
		}
		told(err, delay)
		if !wait(ctx, delay) {
			return ctx.Err()
		}
	}
}

// wait waits for d. It returns false if ctx is done first.
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
