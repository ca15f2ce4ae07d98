// The rate limit: one token bucket and the forms of a 429.

package jiratest

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// bucket is nil if there is no limit.
type bucket struct {
	Limit
	now     func() time.Time
	limiter *rate.Limiter
}

func newBucket(l *Limit, now func() time.Time) *bucket {
	if l == nil {
		return nil
	}
	b := &bucket{Limit: *l, now: now}
	b.Burst = max(b.Burst, 1)
	b.limiter = rate.NewLimiter(rate.Limit(b.PerSecond), b.Burst)
	return b
}

// admit takes a token, or answers 429 and returns false.
func (b *bucket) admit(w http.ResponseWriter) bool {
	if b == nil {
		return true
	}
	now := b.now()
	reservation := b.limiter.ReserveN(now, 1)
	delay := reservation.DelayFrom(now)
	if delay > 0 {
		reservation.CancelAt(now)
	}
	b.announce(w.Header(), now, delay)
	if delay <= 0 {
		return true
	}
	b.refuse(w, now, delay)
	return false
}

// announce sets the headers that some forms send with every reply.
func (b *bucket) announce(h http.Header, now time.Time, delay time.Duration) {
	remaining := strconv.Itoa(max(0, int(b.limiter.TokensAt(now))))
	switch b.Form {
	case DataCenterHeaders:
		h.Set("X-RateLimit-Limit", strconv.Itoa(b.Burst))
		h.Set("X-RateLimit-Remaining", remaining)
		h.Set("X-RateLimit-Interval-Seconds", "1")
		h.Set("X-RateLimit-FillRate", strconv.FormatFloat(b.PerSecond, 'f', -1, 64))
		h.Set("retry-after", strconv.Itoa(seconds(delay)))
	case CloudHeaders:
		h.Set("X-RateLimit-Limit", strconv.Itoa(b.Burst))
		h.Set("X-RateLimit-Remaining", remaining)
		h.Set("X-RateLimit-Reset", now.Add(delay).Add(time.Minute).UTC().Format("2006-01-02T15:04Z"))
	case RetryAfterSeconds, RetryAfterDate, RetryAfterAbsent, RetryAfterZero, ResetOnly, HTMLBody:
	}
}

func (b *bucket) refuse(w http.ResponseWriter, now time.Time, delay time.Duration) {
	h, html := w.Header(), false
	switch b.Form {
	case RetryAfterSeconds:
		h.Set("Retry-After", strconv.Itoa(seconds(delay)))
	case RetryAfterDate:
		h.Set("Retry-After", now.Add(delay).Add(time.Second-1).UTC().Format(http.TimeFormat))
	case CloudHeaders:
		h.Set("Retry-After", strconv.Itoa(seconds(delay)))
		h.Set("RateLimit-Reason", "jira-burst-based")
	case RetryAfterZero:
		h.Set("Retry-After", "0")
	case ResetOnly:
		reset := now.Add(delay).Add(time.Minute).UTC().Format("2006-01-02T15:04Z")
		h.Set("X-RateLimit-Reset", reset)
		h.Set("RateLimit-Reason", "jira-cost-based")
		h.Set("X-Beta-RateLimit-Reason", "jira-quota-tenant-based")
		h.Set("X-Beta-RateLimit-Reset", reset)
		h.Set("Beta-RateLimit", `"tenant-app-quota";r=0;t=`+strconv.Itoa(seconds(delay)))
	case HTMLBody, DataCenterHeaders:
		html = true
	case RetryAfterAbsent:
	}
	if html {
		writeHTML(w, http.StatusTooManyRequests, "Too Many Requests", "Rate limit exceeded.")
		return
	}
	writeMessages(w, http.StatusTooManyRequests, "Rate limit exceeded.")
}

// seconds rounds up, because a client that waits too short is refused again.
func seconds(d time.Duration) int { return int(math.Ceil(max(d, 0).Seconds())) }
