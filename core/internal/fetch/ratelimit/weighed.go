// weighed reads what a reply says of the host's limits, and whether it is a refusal: by its head,
// and by what the plugin knows of it (reply.Throttled, reply.Temporary). The breaker, the pace and
// the retries go by that.

package ratelimit

import (
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/pace"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// lookedAt is how much of a body is searched for the text of a class, and lookedFor for how long
// the plugin is to wait.
const (
	lookedAt  = 64 << 10
	lookedFor = 8 << 20
)

// Weighed weighs each reply for the decorators above it.
func Weighed() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			c := callOf(req)
			c.word, c.class = pace.Word{}, nil
			sent := time.Now()
			resp, err := next.RoundTrip(req)
			if err == nil {
				c.weigh(resp, sent, time.Now())
			}
			return resp, err
		})
	}
}

// weigh reads a reply that came at now, to a request sent at a time.
func (c *Call) weigh(resp *http.Response, sent, now time.Time) {
	w := c.Host.pace.Read(sent, now, resp.StatusCode, resp.Header)
	if class, ok := ownClass(c.Classes, resp); ok {
		c.class = &class
		switch {
		case class.Throttled:
			w = c.Host.pace.Read(sent, now, http.StatusTooManyRequests, resp.Header) // as it is, whatever its status
			w.Least = class.Pause
			look(&w, class, resp)
		case class.Temporary && w.Wait > 0:
			w.Refused, w.Pause = true, w.Wait
		}
	}
	for _, class := range c.Classes {
		if class.Good && fits(class, resp) {
			look(&w, class, resp)
		}
	}
	c.word = w
	if len(w.Ignored) > 0 {
		c.Host.all.log.Debug("limits that are not understood", "host", c.Host.key, "headers", w.Ignored)
	}
	if text := w.String(); text != "" {
		c.Explain("limits", func() string { return text })
	}
}

// look reads what the body says of limits, where a class of the plugin tells.
func look(w *pace.Word, c hint.Class, resp *http.Response) {
	b, ok := resp.Body.(*body.Body)
	if !ok || c.Seconds == "" {
		return
	}
	wait, limit, ok := limits.InBodyAt(b.Head(lookedFor), c.Seconds, dateOf(resp))
	if !ok {
		return
	}
	w.Pause = max(w.Pause, wait)
	if limit.Name != "" {
		w.Limits = append(w.Limits, limit)
	}
}

// dateOf is the time by the host's clock, or by this machine's where it does not say.
func dateOf(resp *http.Response) time.Time {
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return date
	}
	return time.Now()
}
