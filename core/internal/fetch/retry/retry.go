// Package retry retries a request after temporary failures, by the table in package fault. The
// error of giving up lists every attempt with its cause.
package retry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/fetch/breaker"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/ratelimit"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

const (
	backoffBase = 500 * time.Millisecond
	backoffCap  = time.Minute
)

// Retry makes the attempts of a request. hosts has the state of its host.
func Retry(p httppolicy.Policy, hosts *ratelimit.Session, log hclog.Logger) trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			t := newAttempts(p, hosts, log, req)
			defer t.clock.end()
			for {
				resp, err := next.RoundTrip(t.attempt())
				if t.over(resp, err) {
					return t.end(resp, err)
				}
				if resp != nil {
					resp.Body.Close() // best effort: memory or a spool file
				}
				if err := t.backOff(); err != nil {
					return t.end(nil, err)
				}
			}
		})
	}
}

// attempts is one request with its attempts so far.
type attempts struct {
	policy httppolicy.Policy
	log    hclog.Logger
	req    *http.Request
	ctx    context.Context // ends with the request's context, and at the deadline
	call   *ratelimit.Call
	clock  *clock
	start  time.Time
	causes tally

	failures  int            // failures that count as attempts
	tries     map[string]int // likewise, by class with a smaller limit
	throttled time.Time      // time of the first refusal
	last      fault.Outcome
	unsure    int  // refusals recognised only by an exhausted limit
	once      bool // temporary, but the request must not be sent twice
}

// believed bounds how often a request counts as refused only because its reply states an exhausted
// limit.
const believed = 3

func newAttempts(p httppolicy.Policy, hosts *ratelimit.Session, log hclog.Logger, req *http.Request) *attempts {
	t := &attempts{policy: p, log: log, req: req, start: time.Now()}
	var ctx context.Context
	t.call, ctx = hosts.NewCall(req.Context(), trip.FactsOf(req), p)
	t.ctx, t.clock = startClock(ctx, p.Deadline)
	t.call.Hold, t.call.Classes = t.clock.hold, hint.Classes(req)
	t.call.Host.Budget.Request(t.start)
	return t
}

// attempt returns a copy of the request for one attempt, which the decorators below may change.
func (t *attempts) attempt() *http.Request {
	t.call.Begin()
	out := t.req.Clone(t.ctx)
	t.call.Fill(out)
	return out
}

// over processes an outcome, and reports whether it is the last.
func (t *attempts) over(resp *http.Response, err error) bool {
	t.last = t.call.Judge(resp, err)
	if t.last.Verdict == fault.Done {
		return true
	}
	if t.isAttempt() {
		why := t.call.Words(resp, err)
		t.causes.add(why)
		t.call.Explain("retry", func() string { return fmt.Sprintf("attempt %d: %s", t.causes.total, why) })
	}
	if t.last.Cause == "pause" {
		t.call.Explain("retry", err.Error)
	}
	if t.ctx.Err() != nil {
		return true
	}
	if !t.repeatable(err) {
		t.once = t.last.Verdict == fault.Again || t.last.Verdict == fault.Throttled
		return true
	}
	switch t.last.Verdict {
	case fault.Throttled:
		if t.call.Unsure() {
			// The limit was restored after each pause, so this is no refusal but concerns the
			// request.
			if t.unsure++; t.unsure > believed {
				t.last = fault.Outcome{Verdict: fault.Done}
				return true
			}
		}
		if t.throttled.IsZero() {
			t.throttled = time.Now()
		}
		return time.Since(t.throttled) >= t.policy.MaxWait
	case fault.Again:
		return t.failed()
	}
	return true
}

// failed counts a failure, and reports whether it is one too many. A failed probe of a host that is
// down does not count: the deadline ends that.
func (t *attempts) failed() bool {
	r := t.last.Rule()
	if t.call.ProbedInVain() && r.Blame >= fault.Gateway {
		return false
	}
	t.failures++
	if r.Tries == 0 {
		return t.failures >= t.policy.Attempts
	}
	if t.tries == nil {
		t.tries = map[string]int{}
	}
	t.tries[t.last.Cause]++
	return t.tries[t.last.Cause] >= r.Tries || t.failures >= t.policy.Attempts
}

// repeatable reports whether the request may be sent again: it is idempotent, or nothing of it was
// sent.
func (t *attempts) repeatable(err error) bool {
	if hint.Idempotent(t.req) {
		return true
	}
	var failed *fault.Error
	return errors.As(err, &failed) && failed.Unsent
}

// backOff waits before the next attempt, for the backoff and the budget. ratelimit.Paced keeps the
// pause of a refusing host, and Guarded that of a host that is down, for all requests.
func (t *attempts) backOff() error {
	h := t.call.Host
	if t.last.Verdict == fault.Throttled || t.call.ProbedInVain() {
		h.Tell(observe.Retried{Host: h.Key(), Cause: t.last.Cause})
		return t.ctx.Err()
	}
	wait := rand.N(min(backoffCap, backoffBase<<min(t.failures-1, 20)) + 1)
	t.log.Debug("retry", "url", t.call.URL, "cause", t.last.Cause, "attempt", t.failures+1, "in",
		wait.Round(time.Millisecond))
	h.Tell(observe.Retried{Host: h.Key(), Cause: t.last.Cause, Wait: wait})
	if wait >= time.Second {
		h.Tell(observe.Waited{Host: h.Key(), Cause: t.last.Cause, For: wait, Until: time.Now().Add(wait)})
	}
	h.Delayed(stats.WaitBackoff, wait)
	t.call.Explain("retry", func() string { return "again in " + limits.Short(wait) })
	if err := trip.Sleep(t.ctx, wait); err != nil {
		return err
	}
	return t.spend()
}

// end turns the last outcome into the plugin's result: a reply, or an error that lists all
// attempts.
func (t *attempts) end(resp *http.Response, err error) (*http.Response, error) {
	if err == nil {
		return t.endReply(resp)
	}
	if t.req.Context().Err() != nil {
		return nil, t.req.Context().Err()
	}
	if late := t.clock.over(); late != nil {
		err = late
	} else if t.causes.total == 0 || t.causes.total == 1 && t.last.Cause != "pause" {
		err = fault.WithText(join("; ", t.call.Words(nil, err), t.whyOnce(), fault.Advice(err)), err)
	} else {
		err = fault.WithText(join("; ", t.gaveUp(), t.otherReason(err), fault.Advice(err)), err)
	}
	return nil, t.classed(err)
}

// endReply returns a reply. A plugin may find more in a 503 than the host can, so it receives the
// reply and how often it came.
func (t *attempts) endReply(resp *http.Response) (*http.Response, error) {
	resp.Header.Del(hint.GaveUp)
	switch {
	case t.last.Verdict == fault.Done:
		return resp, nil
	case t.last.Verdict == fault.Throttled && !t.throttled.IsZero():
		resp.Body.Close() // as above
		wait := t.call.Host.Longest(t.req.Context())
		return nil, sdk.RetryAfter(errors.New(t.gaveUp()), max(wait, time.Second))
	}
	t.log.Warn("given up", "url", t.call.URL, "why", t.gaveUp())
	if t.causes.total > 1 || t.once {
		resp.Header.Set(hint.GaveUp, t.gaveUp())
	}
	return resp, nil
}

// spend takes a retry from the host's budget, when there is one.
func (t *attempts) spend() error {
	h, share, start := t.call.Host, t.policy.RetryBudget, time.Now()
	for !h.Budget.Retry(time.Now(), share) {
		wait := breaker.BudgetSlot/2 + rand.N(breaker.BudgetSlot)
		if t.call.Held == "" {
			t.call.Held = fmt.Sprintf("the retries to the host in the last minute exceed http.retry_budget (%g %% "+
				"of the requests)", 100*share)
			h.Tell(observe.Waited{Host: h.Key(), Cause: stats.WaitBudget, For: wait, Until: time.Now().Add(wait)})
		}
		if err := trip.Sleep(t.ctx, wait); err != nil {
			return err
		}
	}
	if waited := time.Since(start); t.call.Held != "" {
		t.call.Explain("retry", func() string {
			return fmt.Sprintf("waited %s: %s", limits.Short(waited),
				t.call.Held)
		})
		t.call.Held = ""
		h.Delayed(stats.WaitBudget, waited)
	}
	return nil
}
