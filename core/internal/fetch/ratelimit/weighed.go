// Weighed reads what a reply says about the host's limits, and whether it is a refusal: from its
// header, and from the plugin's knowledge (reply.Throttled, reply.Temporary). The breaker, the pace
// and the retries use the result.

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

// lookedFor is the number of bytes of a body that are searched for the plugin's wait.
const lookedFor = 8 << 20

// Weighed interprets each reply for the decorators above it.
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

// weigh interprets a reply at now to a request sent at sent.
func (c *Call) weigh(resp *http.Response, sent, now time.Time) {
	w := c.Host.pace.Read(sent, now, resp.StatusCode, resp.Header)
	if class, ok := ownClass(c.Classes, resp); ok {
		c.class = &class
		switch {
		case class.Throttled:
			w = c.Host.pace.Read(sent, now, http.StatusTooManyRequests, resp.Header) // unchanged, with any status
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

// look reads limits in the body, if a class of the plugin names their place.
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

// dateOf returns the time of the host's clock, or of this machine's if the host states none.
func dateOf(resp *http.Response) time.Time {
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return date
	}
	return time.Now()
}
