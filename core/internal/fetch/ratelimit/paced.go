// Package ratelimit sends the requests to a host as its pace allows: it limits concurrency and
// rate, and keeps pauses that the host asks for. It passes each reply to the pace. Hosts is the
// process's state of all hosts, a Session is that of one client.
package ratelimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/pace"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// Paced sends a request when its lanes allow it, and passes the reply to their paces.
func Paced(p httppolicy.Policy) trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			c, ctx := callOf(req), req.Context()
			h := c.Host
			c.shape = pace.ShapeOf(req)
			bucket := h.bucketOf(req, p, c.shape)
			if err := h.enter(ctx, p, c, bucket); err != nil {
				return nil, err
			}
			c.sentBefore = true
			went := h.went(bucket, time.Now())
			resp, err := next.RoundTrip(req)
			defer went.leave()
			if err != nil {
				went.failed(time.Now(), ctx.Err() == nil)
				return nil, err
			}
			where, o := went.observe(c, resp, time.Now())
			c.Explain("pace", func() string { return where.nowText(o) })
			if o.Refused {
				h.all.taught(time.Now())
			}
			if o.Pause > 0 {
				if err := h.pause(ctx, where, o.Pause, o.Cause, o.By); err != nil {
					resp.Body.Close() // best effort: memory or a spool file
					return nil, fmt.Errorf("pause of %s: %w", where.name(), err)
				}
			}
			return resp, nil
		})
	}
}

// enter waits until the request may go: first in its bucket, if it has one, and then in the whole
// host. If the bucket is paused meanwhile, it starts again.
func (h *Host) enter(ctx context.Context, p httppolicy.Policy, c *Call, bucket *lane) error {
	for {
		if bucket != nil {
			if err := h.await(ctx, p, c, bucket); err != nil {
				return err
			}
		}
		if err := h.await(ctx, p, c, h.lane); err != nil {
			if bucket != nil {
				bucket.sent.leave()
			}
			return err
		}
		if bucket == nil {
			break
		}
		left, err := bucket.reserve(ctx, 0)
		if err == nil && left <= 0 {
			break
		}
		h.sent.leave()
		bucket.sent.leave()
		if err != nil {
			return err
		}
	}
	if err := h.guard(ctx, c, p.Deadline); err != nil {
		h.sent.leave()
		if bucket != nil {
			bucket.sent.leave()
		}
		return err
	}
	return nil
}

// await waits until the next request of a lane may go, and takes a place in l.sent. Requests queue,
// with plugins and their splits in turn. Only the first in the queue has places in the window and
// in the limiter's schedule, so a pause that begins now also holds back all others, and its end
// releases one at a time.
func (h *Host) await(ctx context.Context, p httppolicy.Policy, c *Call, l *lane) error {
	resume := c.Hold()
	defer resume()
	start, before := time.Now(), l.blocked.read()
	if err := l.turn.enter(ctx, party{h.all, p.Plugin}, hint.Split(ctx), c.sentBefore); err != nil {
		return err
	}
	defer l.turn.leave()
	mine := time.Now()
	if err := l.sent.enter(ctx, party{}, "", false); err != nil {
		return err
	}
	l.blocked.add(stats.WaitConcurrency, time.Since(mine))
	if err := l.scheduled(ctx, p.MaxWait); err != nil {
		l.sent.leave()
		return err
	}
	waited := split(time.Since(start), before, l.blocked.read())
	h.delayed(waited)
	c.Explain("pace", func() string { return l.limitsText(waited) })
	return nil
}

// limitsText describes what a request waited for, and its limits.
func (l *lane) limitsText(waited [len(waitCauses)]time.Duration) string {
	var why []string
	for i, cause := range waitCauses {
		if waited[i] < time.Millisecond {
			continue
		}
		text := cause + " " + limits.Short(waited[i])
		if cause == stats.WaitPause {
			l.mu.Lock()
			text += " (" + l.wait.Cause + ")"
			l.mu.Unlock()
		}
		why = append(why, text)
	}
	o := l.pace.Order()
	rate := "no limit of the rate is known"
	if o.From != "" {
		rate = fmt.Sprintf("the rate is %.3g requests/s (%s)", o.Rate, o.From)
	}
	waits := "no wait"
	if len(why) > 0 {
		waits = "waited: " + strings.Join(why, ", ")
	}
	where := ""
	if l.bucket != "" {
		where = "in the bucket " + l.bucket + ": "
	}
	return fmt.Sprintf("%s%s; %s; %d at once (%s)", where, waits, rate, o.Window, source(o.WindowFrom, o.Of))
}

// source describes the origin of a limit.
func source(from, of string) string {
	switch {
	case from == "start":
		return "more with each reply"
	case from == "stated" && of != "":
		return "stated: " + of
	}
	return from
}

// nowText describes the limits after a reply, and their end.
func (l *lane) nowText(o pace.Order) string {
	where := "from now on"
	if l.bucket != "" {
		where += ", in the bucket " + l.bucket
	}
	if o.Pause > 0 {
		by := o.Cause
		if o.By != "" {
			by += ", " + o.By
		}
		return fmt.Sprintf("%s: a pause of %s, %s (%s)", where, limits.Short(o.Pause), until(o.Pause, time.TimeOnly),
			by)
	}
	rate := "no limit of the rate"
	if o.From != "" {
		rate = fmt.Sprintf("%.3g requests/s (%s)", o.Rate, source(o.From, o.Of))
	}
	_, stated := l.pace.Holds(time.Now())
	window := fmt.Sprintf("%d at once (%s)", o.Window, source(o.WindowFrom, o.Of))
	return strings.Join(append([]string{where + ": " + rate + ", " + window}, stated...), "; ")
}

// scheduled waits for the pause and the schedule of l, in which the caller is next. If a pause
// began while it waited for its place, and other processes use the host, its place ends with the
// pause, because theirs follow the pause.
func (l *lane) scheduled(ctx context.Context, maxWait time.Duration) error {
	for {
		if _, err := l.sitOut(ctx, maxWait); err != nil {
			return err
		}
		wait, err := l.reserve(ctx, 1)
		if err != nil {
			return err
		}
		// A rate in the pipeline file means that the user accepts the wait.
		if o := l.pace.Order(); wait > maxWait && o.From != "file" {
			return longer(l.tooSlow(o, wait, maxWait), wait)
		}
		if err := trip.Sleep(ctx, wait); err != nil {
			return err
		}
		l.blocked.add(stats.WaitRate, wait)
		paused, err := l.sitOut(ctx, maxWait)
		if err != nil || !paused || l.alone() {
			return err
		}
	}
}

// alone reports whether no other process uses the host.
func (l *lane) alone() bool {
	s, shared := l.limiter.(Sharer)
	return !shared || s.Live(l.key) < 2
}

// longer is the error of a wait that exceeds http.max_wait.
func longer(err error, wait time.Duration) error {
	return &fault.Error{Outcome: fault.Of("pause"), Unsent: true, Err: sdk.RetryAfter(err, wait)}
}

// tooSlow is the error of a rate so low that the next request is too far away, with its time.
func (l *lane) tooSlow(o pace.Order, wait, maxWait time.Duration) error {
	why := cmp.Or(o.From, "another process's")
	if o.Of != "" {
		why += ": " + o.Of
	}
	return fmt.Errorf("the next request to %s is %s away at its rate (%s), longer than http.max_wait (%s); run again then",
		l.name(), limits.Short(wait), why, limits.Short(maxWait))
}

// usedUp is the error of a pause that is too long, with its end.
func (l *lane) usedUp(left, maxWait time.Duration) error {
	l.mu.Lock()
	by := cmp.Or(l.wait.By, l.wait.Cause, "a pause")
	l.mu.Unlock()
	layout := "15:04"
	if left < time.Hour {
		layout = time.TimeOnly
	}
	text := fmt.Sprintf("the quota of %s is used up %s (%s), longer than http.max_wait (%s)", l.name(),
		until(left, layout), by, limits.Short(maxWait))
	if !limits.Endless(left) {
		text += "; run again then"
	}
	return errors.New(text)
}

// until formats the end of a pause that begins now: the time in this layout, or a date.
func until(pause time.Duration, layout string) string {
	switch {
	case limits.Endless(pause):
		return "for " + limits.Short(pause)
	case pause > 12*time.Hour:
		layout = "2006-01-02 15:04"
	}
	return "until " + time.Now().Add(pause).Local().Format(layout)
}

// sitOut waits until l is not paused, and reports whether it was. A pause of more than maxWait is
// an error with its end: a waiting run would block others for hours, and the next run resumes where
// this one ends.
func (l *lane) sitOut(ctx context.Context, maxWait time.Duration) (paused bool, err error) {
	start := time.Now()
	for ; ; paused = true {
		left, err := l.reserve(ctx, 0)
		if err != nil {
			return paused, err
		}
		if left <= 0 {
			l.blocked.add(stats.WaitPause, time.Since(start))
			return paused, nil
		}
		l.foreign(left)
		if left > maxWait {
			return paused, longer(l.usedUp(left, maxWait), left)
		}
		if err := trip.Sleep(ctx, left); err != nil {
			return paused, err
		}
	}
}

// foreign records and reports a pause that another process received.
func (l *lane) foreign(left time.Duration) {
	l.mu.Lock()
	own := l.wait.Until
	l.mu.Unlock()
	if time.Now().Add(left).Before(own.Add(time.Second)) {
		return
	}
	if w, news := l.note(left, "another process was told to wait", ""); news && l.told != nil {
		l.told(w)
	}
}

// reserve calls the limiter, which may be remote and fail.
func (l *lane) reserve(ctx context.Context, n int) (time.Duration, error) {
	wait, err := l.limiter.Reserve(ctx, l.key, n)
	switch {
	case err == nil:
		return wait, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	return 0, &fault.Error{Outcome: fault.Outcome{Verdict: fault.Again, Cause: "limiter"}, Unsent: true,
		Err: fmt.Errorf("place in the schedule of %s: %w", l.name(), err)}
}
