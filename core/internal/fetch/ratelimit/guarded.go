// Guarded reports the results of attempts to each host's circuit breaker. Paced asks the breaker
// before an attempt.

package ratelimit

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/breaker"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/observe"
)

// Guarded reports the result of each attempt to the breaker. Paced asks the breaker before an
// attempt.
func Guarded() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			c := callOf(req)
			resp, err := next.RoundTrip(req)
			c.Host.learn(c, resp, err)
			return resp, err
		})
	}
}

// guard waits until the next request may go, perhaps as a probe.
func (h *Host) guard(ctx context.Context, c *Call, limit time.Duration) (err error) {
	start := time.Now()
	c.Held = ""
	for {
		var wait time.Duration
		var change <-chan struct{}
		wait, change, c.probe, err = h.breaker.Admit(h.key, time.Now(), limit)
		if err != nil || wait == 0 {
			waited := time.Since(start)
			h.Delayed(stats.WaitDown, waited)
			if waited >= time.Millisecond {
				c.Explain("pace", func() string {
					return fmt.Sprintf("waited %s more: %s", limits.Short(waited),
						c.Held)
				})
			}
			return err
		}
		c.Held = h.breaker.Text(h.key, time.Now())
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-change:
		case <-ctx.Done():
		}
		t.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// learn processes the result of an attempt.
func (h *Host) learn(c *Call, resp *http.Response, err error) {
	now := time.Now()
	a := breaker.Attempt{Probe: c.probe, Replied: err == nil, Blame: c.Judge(resp, err).Rule().Blame, Kind: c.kind}
	if a.Blame != fault.None {
		a.Cause = c.Words(resp, err)
		c.sentBefore = c.sentBefore && !c.probe // the next probe is another request, because this one may be at fault
	}
	pause, back, inVain := h.breaker.Learn(a, now)
	c.probed = inVain
	switch {
	case pause > 0:
		h.Tell(observe.HostDown{Host: h.key, Cause: a.Cause, For: pause})
		w := stats.Wait{Host: h.key, Cause: "down (" + a.Cause + ")", For: pause, Until: now.Add(pause)}
		h.mu.Lock()
		h.wait = w
		h.mu.Unlock()
		h.tell(w)
	case back > 0:
		h.all.log.Info("the host is back", "host", h.key, "after", back.Round(time.Second))
		h.pace.Restart(now)
		h.apply()
		h.Tell(observe.HostBack{Host: h.key, After: back})
	}
}

var seed = maphash.MakeSeed()

// kind is a hash that distinguishes requests.
func (c *Call) kind() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(c.URL) // never fails
	_, _ = h.Write(c.Body)
	return h.Sum64() | 1 // never 0
}
