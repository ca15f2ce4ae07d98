// Metered sends the events of each attempt.

package ratelimit

import (
	"fmt"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/fetch/wire"
	"github.com/scrapekit/scrapekit/core/observe"
)

// Metered sends the events of each attempt. The host's meter counts them.
func Metered() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			c := callOf(req)
			c.Host.Tell(observe.Sent{Host: c.Host.key})
			at := wire.Attempt{Connected: func(reused bool) {
				c.Host.Tell(observe.Connected{Host: c.Host.key, Reused: reused})
			}}
			began := time.Now()
			resp, err := next.RoundTrip(req.WithContext(wire.Watch(req.Context(), &at)))
			c.firstByte = at.FirstByte
			took := time.Since(began)
			told := observe.Exchanged{Host: c.Host.key, BytesOut: int64(len(c.Body)), Took: took}
			if err != nil {
				told.Err = fault.JudgeError(err).Cause
			} else {
				told.Status, told.Protocol = resp.StatusCode, resp.Proto
				if b, ok := resp.Body.(*body.Body); ok { // Whole is next
					told.BytesIn, told.Decoded = b.Wire(), b.Size()
				}
			}
			c.Host.Tell(told)
			if resp != nil { // the retries report failures
				c.Explain("reply", func() string { return replyText(resp, took) })
			}
			return resp, err
		})
	}
}

// replyText describes a reply.
func replyText(resp *http.Response, took time.Duration) string {
	sizes := "an empty body"
	if b, ok := resp.Body.(*body.Body); ok && b.Size() > 0 {
		sizes = fmt.Sprintf("%d bytes", b.Size())
		if resp.Uncompressed {
			sizes = fmt.Sprintf("%d bytes, which travelled as %d", b.Size(), b.Wire())
		}
	}
	return fmt.Sprintf("%s over %s after %s with %s", fault.StatusText(resp.StatusCode), resp.Proto, limits.Short(took),
		sizes)
}
