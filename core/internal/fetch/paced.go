// paced spaces the requests to one host as its pace says, keeps the pauses that it asks for, and shows each
// reply to the pace.

package fetch

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

func paced(p Policy) decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			h, ctx := exchangeOf(req).host, req.Context()
			if err := h.await(ctx, p.MaxWait); err != nil {
				return nil, err
			}
			defer h.sent.leave()
			sent := time.Now()
			h.pace.began(sent)
			resp, err := next.RoundTrip(req)
			if err != nil {
				h.pace.ended(sent)
				return nil, err
			}
			o := h.pace.observe(sent, time.Now(), resp.StatusCode, readHints(resp))
			h.apply()
			if o.pause > 0 {
				if err := h.pause(ctx, o.pause, o.cause); err != nil {
					resp.Body.Close() // memory or a spool file: nothing to lose
					return nil, fmt.Errorf("pause of %s: %w", h.key, err)
				}
			}
			return resp, nil
		})
	}
}

// await returns when the next request to h may go; then it has a place in h.sent. Requests stand in line: only the
// first of it has places in the window and in the limiter's schedule, so a pause that begins now holds back all the others
// too, and its end sets free one at a time.
func (h *host) await(ctx context.Context, maxWait time.Duration) error {
	start := time.Now()
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.turn }()
	if err := h.sent.enter(ctx); err != nil {
		return err
	}
	if err := h.scheduled(ctx, maxWait, start); err != nil {
		h.sent.leave()
		return err
	}
	return nil
}

// scheduled waits for the pause and the schedule of h, in which the caller is the next.
func (h *host) scheduled(ctx context.Context, maxWait time.Duration, start time.Time) error {
	paused, err := h.sitOut(ctx, maxWait)
	if err != nil {
		return err
	}
	wait, err := h.reserve(ctx, 1)
	if err != nil {
		return err
	}
	if err := sleep(ctx, wait); err != nil {
		return err
	}
	more, err := h.sitOut(ctx, maxWait)
	if err != nil {
		return err
	}
	h.meter.waited(waitPause, paused+more)
	h.meter.waited(waitRate, time.Since(start)-paused-more)
	return nil
}

// sitOut waits until h is not paused. A pause of more than maxWait is an error that says how long it is.
func (h *host) sitOut(ctx context.Context, maxWait time.Duration) (time.Duration, error) {
	start := time.Now()
	for {
		left, err := h.reserve(ctx, 0)
		if err != nil || left <= 0 {
			return time.Since(start), err
		}
		if left > maxWait {
			err := fmt.Errorf("%s asks for a pause of %s, longer than http.max_wait (%s)", h.key, short(left), short(maxWait))
			return 0, &attemptError{outcome: outcome{stop, "pause"}, unsent: true, err: sdk.RetryAfter(err, left)}
		}
		if err := sleep(ctx, left); err != nil {
			return 0, err
		}
	}
}

// reserve asks the limiter, which may be far away and fail.
func (h *host) reserve(ctx context.Context, n int) (time.Duration, error) {
	wait, err := h.all.limiter.Reserve(ctx, h.key, n)
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
