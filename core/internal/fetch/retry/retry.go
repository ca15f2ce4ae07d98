// Package retry sends a request again after failures that pass, as the table in package fault says.
// What is given up tells every attempt and its cause.
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

// Retry makes the attempts of a request, of a host that hosts knows.
func Retry(p httppolicy.Policy, hosts *ratelimit.Session, log hclog.Logger) trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			t := newTrial(p, hosts, log, req)
			defer t.clock.end()
			for {
				resp, err := next.RoundTrip(t.attempt())
				if t.over(resp, err) {
					return t.end(resp, err)
				}
				if resp != nil {
					resp.Body.Close() // memory or a spool file: nothing to lose
				}
				if err := t.backOff(); err != nil {
					return t.end(nil, err)
				}
			}
		})
	}
}

// trial is one request and its attempts so far.
type trial struct {
	policy httppolicy.Policy
	log    hclog.Logger
	req    *http.Request
	ctx    context.Context // ends with the request's and with the deadline
	call   *ratelimit.Call
	clock  *clock
	start  time.Time
	causes tally

	failures  int            // that count as attempts
	tries     map[string]int // likewise, of classes that have fewer than others
	throttled time.Time      // the first refusal
	last      fault.Outcome
	unsure    int  // refusals that only a limit with nothing left has told
	once      bool // it may pass, but the request is not to be sent twice
}

// believed is how often a request is taken for refused because its reply has nothing left of a
// limit, and says nothing else of it.
const believed = 3

func newTrial(p httppolicy.Policy, hosts *ratelimit.Session, log hclog.Logger, req *http.Request) *trial {
	t := &trial{policy: p, log: log, req: req, start: time.Now()}
	var ctx context.Context
	t.call, ctx = hosts.NewCall(req.Context(), trip.FactsOf(req), p)
	t.ctx, t.clock = startClock(ctx, p.Deadline)
	t.call.Hold, t.call.Classes = t.clock.hold, hint.Classes(req)
	t.call.Host.Budget.Request(t.start)
	return t
}

// attempt returns a request of its own for one attempt: the decorators below may change it.
func (t *trial) attempt() *http.Request {
	t.call.Begin()
	out := t.req.Clone(t.ctx)
	t.call.Fill(out)
	return out
}

// over takes in an outcome and reports whether it is the last.
func (t *trial) over(resp *http.Response, err error) bool {
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
			// after pauses in which the limit was whole again: it is about the request
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

// failed counts a failure and reports whether it is one too many. One that found out that the host
// is still out of reach does not count: the deadline ends that.
func (t *trial) failed() bool {
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

// repeatable reports whether the request may be sent again: by its nature, or because nothing of it
// was sent.
func (t *trial) repeatable(err error) bool {
	if hint.Idempotent(t.req) {
		return true
	}
	var failed *fault.Error
	return errors.As(err, &failed) && failed.Unsent
}

// backOff waits before the next attempt, for the backoff and for the budget. The pause of a host
// that throttles is kept by paced, and the one of a host that is down by guarded, for all requests
// to it.
func (t *trial) backOff() error {
	h := t.call.Host
	h.Meter.Count(func(s *stats.Host) { s.Retries[t.last.Cause]++ })
	if t.last.Verdict == fault.Throttled || t.call.ProbedInVain() {
		return t.ctx.Err()
	}
	wait := rand.N(min(backoffCap, backoffBase<<min(t.failures-1, 20)) + 1)
	t.log.Debug("retry", "url", t.call.URL, "cause", t.last.Cause, "attempt", t.failures+1, "in",
		wait.Round(time.Millisecond))
	if wait >= time.Second {
		h.Tell(observe.Waited{Host: h.Key(), Cause: t.last.Cause, For: wait, Until: time.Now().Add(wait)})
	}
	h.Meter.Waited(stats.WaitBackoff, wait)
	t.call.Explain("retry", func() string { return "again in " + limits.Short(wait) })
	if err := trip.Sleep(t.ctx, wait); err != nil {
		return err
	}
	return t.spend()
}

// end turns the last outcome into what the plugin gets: a reply it can read, or an error that tells
// all attempts.
func (t *trial) end(resp *http.Response, err error) (*http.Response, error) {
	if err == nil {
		return t.endReply(resp)
	}
	if t.req.Context().Err() != nil {
		return nil, t.req.Context().Err()
	}
	if late := t.clock.over(); late != nil {
		err = late
	} else if t.causes.total == 0 || t.causes.total == 1 && t.last.Cause != "pause" {
		err = fault.Told(join("; ", t.call.Words(nil, err), t.whyOnce(), fault.Advice(err)), err)
	} else {
		err = fault.Told(join("; ", t.gaveUp(), t.unsaid(err), fault.Advice(err)), err)
	}
	return nil, t.classed(err)
}

// endReply hands a reply on. A plugin reads more out of a 503 than we can, so it gets it, and is
// told how often it came.
func (t *trial) endReply(resp *http.Response) (*http.Response, error) {
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

// spend takes a retry out of the host's budget, when there is one.
func (t *trial) spend() error {
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
		h.Meter.Waited(stats.WaitBudget, waited)
	}
	return nil
}
