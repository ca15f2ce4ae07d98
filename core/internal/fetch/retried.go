// retried sends a request again after failures that pass, with exponential backoff and full jitter. A 429 does not
// count as an attempt: its pause is kept by paced, and the request gives up after MaxWait of pauses.

package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/sdk"
)

const (
	backoffBase = 500 * time.Millisecond
	backoffCap  = time.Minute
)

func retried(p Policy, log hclog.Logger) decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			t := &trial{policy: p, log: log, req: req, ex: exchangeOf(req), start: time.Now()}
			for {
				resp, err := next.RoundTrip(t.attempt())
				if t.over(resp, err) {
					return t.end(resp, err)
				}
				if resp != nil {
					resp.Body.Close() // memory or a spool file: nothing to lose
				}
				if err := t.backOff(); err != nil {
					return nil, err
				}
			}
		})
	}
}

// trial is one request and its attempts so far.
type trial struct {
	policy  Policy
	log     hclog.Logger
	req     *http.Request
	ex      *exchange
	start   time.Time
	history []string // the cause of each failure

	failures  int // that count as attempts
	dns       int
	throttled time.Time // the first 429
	last      outcome
}

// attempt returns a request of its own for one attempt: the decorators below may change it.
func (t *trial) attempt() *http.Request {
	out := t.req.Clone(t.req.Context())
	if t.ex.body == nil {
		out.Body, out.ContentLength = nil, 0
		return out
	}
	out.ContentLength = int64(len(t.ex.body))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(t.ex.body)), nil }
	out.Body = io.NopCloser(bytes.NewReader(t.ex.body))
	return out
}

// over takes in an outcome and reports whether it is the last.
func (t *trial) over(resp *http.Response, err error) bool {
	t.last = judge(resp, err)
	if t.last.verdict == done {
		return true
	}
	cause := t.last.cause
	if resp != nil {
		cause = statusText(resp.StatusCode)
	}
	t.history = append(t.history, cause)
	if t.req.Context().Err() != nil || !t.repeatable(err) {
		return true
	}
	switch t.last.verdict {
	case throttled:
		if t.throttled.IsZero() {
			t.throttled = time.Now()
		}
		return time.Since(t.throttled) >= t.policy.MaxWait
	case again:
		t.failures++
		return t.failures >= t.policy.Attempts
	case onceMore:
		t.failures++
		t.dns++
		return t.dns > 1 || t.failures >= t.policy.Attempts
	}
	return true
}

// repeatable reports whether the request may be sent again: by its nature, or because nothing of it was sent.
func (t *trial) repeatable(err error) bool {
	if sdk.IsIdempotent(t.req) {
		return true
	}
	var failed *attemptError
	return errors.As(err, &failed) && failed.unsent
}

// backOff waits before the next attempt.
func (t *trial) backOff() error {
	h := t.ex.host
	h.meter.count(func(s *HostStats) { s.Retries[t.last.cause]++ })
	if t.last.verdict == throttled {
		return nil // paced keeps the pause, for all requests to the host
	}
	wait := rand.N(min(backoffCap, backoffBase<<min(t.failures-1, 20)) + 1)
	t.log.Debug("retry", "url", t.ex.url, "cause", t.last.cause, "attempt", t.failures+1, "in", wait.Round(time.Millisecond))
	if wait >= time.Second {
		h.all.onWait(Wait{Host: h.key, Cause: t.last.cause, For: wait, Until: time.Now().Add(wait)})
	}
	h.meter.waited(waitBackoff, wait)
	return sleep(t.req.Context(), wait)
}

// end turns the last outcome into what the plugin gets: a reply it can read, or an error that tells all attempts.
func (t *trial) end(resp *http.Response, err error) (*http.Response, error) {
	switch {
	case err == nil && t.last.verdict == done:
		return resp, nil
	case err == nil && t.last.verdict == throttled && !t.throttled.IsZero():
		resp.Body.Close() // as above
		wait, _ := t.ex.host.all.limiter.Reserve(t.req.Context(), t.ex.host.key, 0)
		err := fmt.Errorf("%s%s", statusText(resp.StatusCode), t.tally())
		return nil, sdk.RetryAfter(err, max(wait, time.Second))
	case err == nil:
		t.log.Warn("given up", "url", t.ex.url, "reply", statusText(resp.StatusCode)+t.tally())
		return resp, nil
	case t.req.Context().Err() != nil:
		return nil, t.req.Context().Err()
	}
	err = fmt.Errorf("%w%s", explain(err, t.ex.origin), t.tally())
	if t.last.verdict == never {
		return nil, sdk.Permanent(err)
	}
	return nil, err
}

// tally reads like " (6 attempts in 41 s: 503 Service Unavailable 5 times, reset)"; one attempt says nothing.
func (t *trial) tally() string {
	n := len(t.history)
	if n < 2 {
		return ""
	}
	var causes []string
	for i := 0; i < n; {
		j := i
		for j < n && t.history[j] == t.history[i] {
			j++
		}
		switch cause := t.history[i]; {
		case j-i == n:
		case j-i == 1:
			causes = append(causes, cause)
		default:
			causes = append(causes, fmt.Sprintf("%s %d times", cause, j-i))
		}
		i = j
	}
	list := ""
	if len(causes) > 0 {
		list = ": " + strings.Join(causes, ", ")
	}
	return fmt.Sprintf(" (%d attempts in %s%s)", n, short(time.Since(t.start)), list)
}
