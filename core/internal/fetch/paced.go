// paced sends the requests to one host as its pace says: so many at one time, so many a second, and none while the host
// asks for a pause. It shows each reply to the pace.

package fetch

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

func paced(p Policy) decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			ex, ctx := exchangeOf(req), req.Context()
			h := ex.host
			if err := h.await(ctx, p, ex); err != nil {
				return nil, err
			}
			defer h.sent.leave()
			ex.sentBefore = true
			f := h.pace.began(time.Now())
			resp, err := next.RoundTrip(req)
			if err != nil {
				h.pace.failed(f, time.Now(), ctx.Err() == nil)
				h.apply()
				return nil, err
			}
			o := h.pace.observe(f, time.Now(), resp.StatusCode, ex.word, sample{shapeOf(req), ex.firstByte})
			h.apply()
			if o.pause > 0 {
				if err := h.pause(ctx, o.pause, o.cause, o.by); err != nil {
					resp.Body.Close() // memory or a spool file: nothing to lose
					return nil, fmt.Errorf("pause of %s: %w", h.key, err)
				}
			}
			return resp, nil
		})
	}
}

// await returns when the next request to h may go; then it has a place in h.sent. Requests stand in line, the plugins
// in turn and the splits of each likewise: only the first of it has places in the window and in the limiter's schedule, so a
// pause that begins now holds back all the others too, and its end sets free one at a time.
func (h *host) await(ctx context.Context, p Policy, ex *exchange) error {
	resume := ex.clock.hold()
	defer resume()
	start, before := time.Now(), h.blocked.read()
	if err := h.turn.enter(ctx, party{h.all, p.Plugin}, sdk.SplitOf(ctx), ex.sentBefore); err != nil {
		return err
	}
	defer h.turn.leave()
	mine := time.Now()
	if err := h.sent.enter(ctx, party{}, "", false); err != nil {
		return err
	}
	h.blocked.add(waitConcurrency, time.Since(mine))
	if err := h.scheduled(ctx, p.MaxWait); err != nil {
		h.sent.leave()
		return err
	}
	waited := split(time.Since(start), before, h.blocked.read())
	h.meter.waitedFor(waited)
	ex.explain("pace", func() string { return h.limitsText(waited) })
	resume()
	if err := h.guard(ctx, ex, p.Deadline); err != nil {
		h.sent.leave()
		return err
	}
	return nil
}

// limitsText says what a request waited for, and what limits it went by.
func (h *host) limitsText(waited [len(waitCauses)]time.Duration) string {
	var why []string
	for i, cause := range waitCauses {
		if waited[i] < time.Millisecond {
			continue
		}
		text := cause + " " + short(waited[i])
		if cause == waitPause {
			h.mu.Lock()
			text += " (" + h.wait.Cause + ")"
			h.mu.Unlock()
		}
		why = append(why, text)
	}
	o := h.pace.order()
	rate := "no limit of the rate is known"
	if o.from != "" {
		rate = fmt.Sprintf("the rate is %.3g requests/s (%s)", o.rate, o.from)
	}
	window := o.windowFrom
	if window == "start" {
		window = "more with each reply"
	}
	waits := "no wait"
	if len(why) > 0 {
		waits = "waited: " + strings.Join(why, ", ")
	}
	return fmt.Sprintf("%s; %s; %d at once (%s)", waits, rate, o.window, window)
}

// scheduled waits for the pause and the schedule of h, in which the caller is the next.
func (h *host) scheduled(ctx context.Context, maxWait time.Duration) error {
	if err := h.sitOut(ctx, maxWait); err != nil {
		return err
	}
	wait, err := h.reserve(ctx, 1)
	if err != nil {
		return err
	}
	if err := sleep(ctx, wait); err != nil {
		return err
	}
	h.blocked.add(waitRate, wait)
	return h.sitOut(ctx, maxWait)
}

// usedUp says that a pause is too long to wait for, and until when it is.
func (h *host) usedUp(left, maxWait time.Duration) error {
	h.mu.Lock()
	by := cmp.Or(h.wait.By, h.wait.Cause, "a pause")
	h.mu.Unlock()
	end := time.Now().Add(left).Local()
	at := end.Format("15:04")
	if left > 12*time.Hour {
		at = end.Format("2006-01-02 15:04")
	}
	return fmt.Errorf("the quota of %s is used up until %s (%s), longer than http.max_wait (%s); run again then", h.key, at, by, short(maxWait))
}

// sitOut waits until h is not paused. A pause of more than maxWait is an error that says until when it is: a run that waited for it would hold for
// hours what others may need, and the next one goes on where this one ends.
func (h *host) sitOut(ctx context.Context, maxWait time.Duration) error {
	start := time.Now()
	for {
		left, err := h.reserve(ctx, 0)
		if err != nil {
			return err
		}
		if left <= 0 {
			h.blocked.add(waitPause, time.Since(start))
			return nil
		}
		if left > maxWait {
			return &attemptError{outcome: of("pause"), unsent: true, err: sdk.RetryAfter(h.usedUp(left, maxWait), left)}
		}
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
}

// reserve asks the limiter, which may be far away and fail.
func (h *host) reserve(ctx context.Context, n int) (time.Duration, error) {
	wait, err := h.limiter.Reserve(ctx, h.key, n)
	switch {
	case err == nil:
		return wait, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	return 0, &attemptError{outcome: outcome{again, "limiter"}, unsent: true, err: fmt.Errorf("place in the schedule of %s: %w", h.key, err)}
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
