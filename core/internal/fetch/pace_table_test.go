// TestPaceTable: how much of what a host allows the client gets, and how often it is refused, for
// each kind of limit, each form in which it is told, several rates, and one or three plugins at
// once. Beside it, what a client that keeps to a fixed rate and backs off gets, as other crawlers
// do.
//
//	go test -run TestPaceTable -v ./core/internal/fetch
//
// Without -v it leaves out the longest runs and the client with the fixed rate.

package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// kind is a kind of limit.
type kind struct {
	name  string
	forms []string
	host  func(rate float64, lasts time.Duration, form string) *policed
	// requests that it grants in the second half of so many seconds; nil: rate*half
	grant func(rate, half float64) float64
}

const (
	perSecond = time.Second
	afterOnly = "Retry-After"
	bare      = "bare 429"
)

// window is the window in which a rate is told: a whole number of requests in a whole number of
// seconds.
func window(rate float64) (int, time.Duration) {
	w := time.Duration(max(1, 10/rate)) * perSecond
	return int(rate * w.Seconds()), w
}

var kinds = []kind{
	{"fixed window", []string{"draft", "old draft", "X-RateLimit epoch", "X-RateLimit ISO", afterOnly, bare},
		func(r float64, _ time.Duration, form string) *policed {
			n, w := window(r)
			return newPoliced(admitting(fixedWindow(n, w, w/3, statements(form, n, w))), 1)
		}, nil},
	{"sliding window", []string{"draft", afterOnly, bare}, func(r float64, _ time.Duration, form string) *policed {
		n, w := window(r)
		return newPoliced(slidingWindow(n, w, statements(form, n, w)), 2)
	}, nil},
	{"token bucket", []string{"Data Center", "draft", afterOnly, bare},
		func(r float64, _ time.Duration, form string) *policed {
			n, w := window(r)
			return newPoliced(admitting(tokenBucket(r, float64(n), statements(form, n, w))), 3)
		}, nil},
	{"concurrency, refuses 429", []string{afterOnly, bare}, func(r float64, _ time.Duration, form string) *policed {
		h := capped(r, 4)
		h.limit = atMost{cap(h.lines), statements(form, 0, 0)}
		h.lines = nil
		return h
	}, nil},
	{"concurrency, refuses 503", []string{afterOnly, "bare 503"},
		func(r float64, _ time.Duration, form string) *policed {
			h := capped(r, 5)
			h.limit = atMost{cap(h.lines), statements(form, 0, 0)}
			h.lines, h.status = nil, 503
			return h
		}, nil},
	{"concurrency, queues", []string{"latency"},
		func(r float64, _ time.Duration, _ string) *policed { return capped(r, 6) }, nil},
	{"limit halved", []string{"Data Center", "draft", afterOnly, bare},
		func(r float64, lasts time.Duration, form string) *policed {
			return changes(2*r, r, lasts, form)
		}, nil},
	{"limit doubled", []string{"Data Center", "draft", afterOnly, bare},
		func(r float64, lasts time.Duration, form string) *policed {
			return changes(r/2, r, lasts, form)
		}, nil},
}

// capped is a host of so many places that each take so long that it does r requests a second.
func capped(r float64, seed uint64) *policed {
	h := newPoliced(admitting(func(time.Time) (bool, http.Header) { return true, nil }), seed)
	places := 4.0
	if r > 100 {
		places = 10
	}
	h.latency, h.service = 2*time.Millisecond, time.Duration(places/r*float64(time.Second))
	h.lines = make(chan struct{}, int(places))
	return h
}

func changes(before, after float64, lasts time.Duration, form string) *policed {
	n, w := window(before)
	m, v := window(after)
	return newPoliced(changing{time.Now().Add(lasts / 4),
		admitting(tokenBucket(before, float64(n)/2, statements(form, n, w))),
		admitting(tokenBucket(after, float64(m)/2, statements(form, m, v)))}, 7)
}

// lasting is how long a run at a rate is: long enough that one request in a hundred is some
// requests.
func lasting(k kind, r float64) time.Duration {
	d := 3 * time.Minute
	switch {
	case r <= 1:
		d = 2 * time.Hour
	case r <= 20:
		d = 20 * time.Minute
	}
	if r > 20 && !strings.HasSuffix(k.name, "window") && !strings.HasSuffix(k.name, "bucket") {
		d *= 4 // what can only be found out by a refusal is tried every two minutes
	}
	return d
}

// countsRates skips a test that makes tens of thousands of requests in virtual time to count them:
// the race detector makes it ten times slower and finds there what it finds in all the others.
// Without the detector it runs.
func countsRates(t *testing.T) {
	t.Helper()
	if crashtest.Raced || testing.Short() {
		t.Skip("counts rates: runs without the race detector")
	}
}

//ci:plain
func TestPaceTable(t *testing.T) {
	countsRates(t)
	t.Logf("%-26s %-18s %5s %7s %9s %9s %9s %18s %10s | %9s %9s | %9s %9s", "server", "told by", "rate", "plugins",
		"requests", "% allowed", "% refused", "rate at the end", "at once", "fixed: %", "% refused", "at 1.5x %",
		"% refused")
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, 2)
	for _, k := range kinds {
		for _, form := range k.forms {
			for _, r := range []float64{1, 20, 200} {
				for _, plugins := range []int{1, 3} {
					if plugins > 1 && r != 20 || !testing.Verbose() && (r > 20 || plugins > 1) {
						continue
					}
					wg.Go(func() {
						slots <- struct{}{}
						defer func() { <-slots }()
						s := measure(t, k, form, r, plugins)
						mu.Lock()
						defer mu.Unlock()
						t.Log(s.row)
						if s.allowed < 95 {
							t.Errorf("%s: %.1f %% of what is allowed in the second half", s.row, s.allowed)
						}
						if s.refused > 1.5 { // what finds a window out counts too: 0.9 to 1.2 % with a bare 429
							t.Errorf("%s: %.2f %% refused", s.row, s.refused)
						}
					})
				}
			}
		}
	}
	wg.Wait()
}

// measured is one row.
type measured struct {
	row              string
	allowed, refused float64 // percent
}

func measure(t *testing.T, k kind, form string, r float64, plugins int) measured {
	lasts := lasting(k, r)
	run := func(drive func(context.Context, *policed)) (requests int, allowed, refused float64) {
		synctest.Test(t, func(t *testing.T) {
			host := k.host(r, lasts, form)
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), lasts)
			defer cancel()
			drive(ctx, host)
			taken, no := host.taken(start)
			second, _ := host.taken(start.Add(lasts / 2))
			requests, allowed, refused = taken+no, percent(second, int(r*lasts.Seconds()/2)), percent(no, taken+no)
		})
		return requests, allowed, refused
	}
	var end stats.Host
	n, allowed, refused := run(func(ctx context.Context, host *policed) {
		c := newClient(Options{}, host)
		polite(ctx, t, c, plugins)
		end = c.Stats().Hosts[0]
	})
	row := fmt.Sprintf("%-26s %-18s %5g %7d %9d %9.1f %9.2f %18s %10s", k.name, form, r, plugins, n, allowed, refused,
		fmt.Sprintf("%.4g/s %s", end.Rate, end.RateFrom), fmt.Sprintf("%d %s", end.Limit, end.LimitFrom))
	if plugins == 1 && testing.Verbose() {
		for _, share := range []float64{1, 1.5} {
			_, a, no := run(func(ctx context.Context, host *policed) { fixedRate(ctx, host, share*r) })
			row += fmt.Sprintf(" | %9.1f %9.2f", a, no)
		}
	}
	return measured{row, allowed, refused}
}

// polite asks until ctx ends, with 16 readers in each plugin.
func polite(ctx context.Context, t *testing.T, c *Client, plugins int) {
	var wg sync.WaitGroup
	for i := range plugins {
		rt, err := c.For(httppolicy.Policy{Plugin: fmt.Sprint("plugin ", i), Concurrency: 16,
			Allow: []origin.Origin{mustOrigin(t, "http://host.example")}})
		if err != nil {
			t.Error(err)
			return
		}
		readers(ctx, &wg, rt.RoundTrip)
	}
	wg.Wait()
}

func readers(ctx context.Context, wg *sync.WaitGroup, do func(*http.Request) (*http.Response, error)) {
	for range 16 {
		wg.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://host.example/", nil)
				if err != nil {
					return
				}
				if resp, err := do(req); err == nil {
					resp.Body.Close()
				}
			}
		})
	}
}

// fixedRate asks as a crawler with a rate in its settings does: 16 readers share the rate, and each
// backs off by itself, 1 s, 2 s, 4 s and so on up to five tries, after a refusal.
func fixedRate(ctx context.Context, host http.RoundTripper, r float64) {
	limit := rate.NewLimiter(rate.Limit(r), 1)
	var wg sync.WaitGroup
	readers(ctx, &wg, func(req *http.Request) (*http.Response, error) {
		for try := 0; ; try++ {
			if err := trip.Sleep(ctx, limit.Reserve().Delay()); err != nil {
				return nil, err
			}
			resp, err := host.RoundTrip(req)
			if err != nil || resp.StatusCode < 400 || try == 4 {
				return resp, err
			}
			io.Copy(io.Discard, resp.Body)
			if err := trip.Sleep(ctx, time.Second<<try); err != nil {
				return nil, err
			}
		}
	})
	wg.Wait()
}
