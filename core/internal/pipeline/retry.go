// Trying again: how often, for how long, and how long until the next try.

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

	// defaultAttempts is how often something is tried in vain before it is given up.
	defaultAttempts = 5
	// defaultPatience is for how long, at least, a stage that reaches something by itself is tried
	// in vain: a database restarts within that.
	defaultPatience = 30 * time.Second
	// defaultMaxWait is the longest wait that anybody may ask for, as http.max_wait has it.
	defaultMaxWait = 15 * time.Minute
	// longestWait is what the wire carries at most; what is longer is told without a time.
	longestWait = 30 * 24 * time.Hour
)

// limits bound the tries of a stage that get no further.
type limits struct {
	attempts int
	patience time.Duration
	maxWait  time.Duration
}

// limits are those of the pipeline file. A stage is given up when both its attempts and its
// patience are used up; who sets one of them alone means that one.
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

// trial counts the tries of something that got no further.
type trial struct {
	limits
	p     *Pipeline
	tries int
	since time.Time // the first failure in vain
}

func (p *Pipeline) newTrial(l limits) *trial { return &trial{limits: l, p: p} }

// further says that something was gained since the last failure.
func (t *trial) further() { t.tries, t.since = 0, time.Time{} }

// failed takes in a failure. It returns how long to wait before the next try, or why there is none.
// A failure that is not counted says nothing of what is tried.
func (t *trial) failed(err error, counted bool) (time.Duration, error) {
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

// backoff is the time before try n (counted from 0), at random up to a bound that doubles, so that
// splits that failed together do not come back together.
func (p *Pipeline) backoff(n int) time.Duration {
	bound := min(backoffCap, backoffBase<<min(n, 10))
	return time.Duration(p.Random(int64(bound)))
}

// waitError ends what would have to wait for longer than the pipeline file allows. Trying again now
// does not mend it.
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

// clock is a time for people: when to come back.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

// Ask asks a source that runs for what is needed before it is read, its streams or its plan, with
// the tries that a split has. told is told of each that failed and is made again. Giving up is a
// permanent error, for nothing is lost by ending before the first record; a source that died has to
// be started again by the caller.
func Ask(ctx context.Context, source Stage[sdk.Source], told Told, question func() error) error {
	return (&Pipeline{Config: Config{Random: rand.Int64N}}).askAgain(ctx, source, told, question)
}

// Told is told why something is tried again, and after which time.
type Told func(err error, wait time.Duration)

func (p *Pipeline) askAgain(
	ctx context.Context, source Stage[sdk.Source], told Told, question func() error,
) error {
	t := p.newTrial(source.limits())
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
