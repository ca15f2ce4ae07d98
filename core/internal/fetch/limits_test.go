package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/ratelimit"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// open is a host without limits; it notes how many requests it saw at once.
func open(latency time.Duration) (wire trip.Func, most *atomic.Int64) {
	var now atomic.Int64
	most = &atomic.Int64{}
	return func(req *http.Request) (*http.Response, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if err := trip.Sleep(req.Context(), latency); err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
	}, most
}

func TestConcurrencyIsUsedAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire, most := open(50 * time.Millisecond)
		took := crawl(t, newClient(Options{}, wire), httppolicy.Policy{Concurrency: 16}, 3200)
		t.Logf("3200 requests in %s, ideal 10 s", took)
		within(t, "3200 requests", took, 10*time.Second, 11*time.Second)
		if most.Load() != 16 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

// TestSmallDelaysAreNoQueue: a machine that is busy itself sees latency rise by milliseconds; that
// is no reason to ask less.
func TestSmallDelaysAreNoQueue(t *testing.T) {
	for each, want := range map[time.Duration]string{200 * time.Microsecond: "file", 20 * time.Millisecond: "latency"} {
		synctest.Test(t, func(t *testing.T) {
			var inside atomic.Int64
			c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
				defer inside.Add(-1)
				n := inside.Add(1)
				httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{Reused: true})
				if err := trip.Sleep(req.Context(), time.Duration(n)*each); err != nil {
					return nil, err
				}
				return status(200), nil
			}))
			crawl(t, c, httppolicy.Policy{Concurrency: 16}, 1000)
			if st := only(t, c); st.LimitFrom != want {
				t.Errorf("%s for each request under way: %d at once, from %s, want %s", each, st.Limit, st.LimitFrom,
					want)
			}
		})
	}
}

// TestStrictestHolds: two plugins that ask one host share its limits.
func TestStrictestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire, most := open(50 * time.Millisecond)
		c := newClient(Options{}, wire)
		var wg sync.WaitGroup
		start := time.Now()
		wg.Go(func() { crawl(t, c, httppolicy.Policy{Concurrency: 3, Rate: 10}, 100) })
		wg.Go(func() { crawl(t, c, httppolicy.Policy{Concurrency: 8}, 100) })
		wg.Wait()
		within(t, "200 requests at 10 a second", time.Since(start), 19*time.Second, 21*time.Second)
		if most.Load() > 3 {
			t.Errorf("%d at once", most.Load())
		}
		if st := only(t, c); st.Rate != 10 || st.RateFrom != "file" || st.Waits[stats.WaitRate].Count < 190 {
			t.Errorf("%+v", st)
		}
	})
}

func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire, _ := open(time.Millisecond)
		c := newClient(Options{}, wire)
		p := httppolicy.Policy{Rate: 1, Burst: 10, Concurrency: 20}
		crawl(t, c, p, 1) // makes the limit known
		time.Sleep(time.Minute)
		within(t, "12 after a rest", crawl(t, c, p, 12), 2*time.Second, 2100*time.Millisecond)
	})
}

// TestLimitThatChanges: the pace follows a host that takes less, and one that takes more.
//
//ci:plain
func TestLimitThatChanges(t *testing.T) {
	countsRates(t)
	for name, rates := range map[string][2]float64{"down": {50, 20}, "up": {20, 50}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				before, after := tokenBucket(rates[0], 10, nil), tokenBucket(rates[1], 10, nil)
				host := &limitedHost{latency: 50 * time.Millisecond, admit: func(now time.Time) (bool, http.Header) {
					if now.Sub(start) < 5*time.Minute {
						return before(now)
					}
					return after(now)
				}}
				c := newClient(Options{}, host)
				for time.Since(start) < 30*time.Minute {
					crawl(t, c, httppolicy.Policy{Concurrency: 16}, 500)
				}
				n, of := host.refused(0.5)
				t.Logf("rate %.1f at the end, refused %d of %d in the second half", only(t, c).Rate, n, of)
				if r := only(t, c).Rate; r < 0.9*rates[1] || r > 1.1*rates[1] {
					t.Errorf("rate %.1f, the host takes %.0f", r, rates[1])
				}
				if float64(n) > 0.01*float64(of) {
					t.Errorf("refused %d of %d", n, of)
				}
			})
		})
	}
}

// TestHerdAfterPause: of many that waited for the end of a pause one goes alone, and the others
// after its reply.
func TestHerdAfterPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var times []time.Time
		wire := trip.Func(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			times = append(times, time.Now())
			refuse := len(times) == 500
			mu.Unlock()
			if err := trip.Sleep(req.Context(), 50*time.Millisecond); err != nil {
				return nil, err
			}
			if refuse {
				return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"5"}}, Body: http.NoBody},
					nil
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
		})
		crawl(t, newClient(Options{}, wire), httppolicy.Policy{Concurrency: 64}, 1000)
		end := times[499].Add(5 * time.Second)
		i := slices.IndexFunc(times, func(at time.Time) bool { return !at.Before(end) })
		if late := times[i-1].Sub(times[499]); late > 51*time.Millisecond {
			t.Errorf("sent %s after a request that was refused for 5 s", late)
		}
		if gap := times[i+1].Sub(times[i]); gap < 50*time.Millisecond {
			t.Errorf("a second request followed the first after %s, before its reply", gap)
		}
	})
}

// faultyLimiter is a shared limiter that cannot be reached.
type faultyLimiter struct{ ratelimit.Limiter }

func (faultyLimiter) Reserve(context.Context, string, int) (time.Duration, error) {
	return 0, errors.New("database is gone")
}

func TestLimiterFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire, most := open(0)
		c := newClient(Options{Limiter: faultyLimiter{ratelimit.NewLimiter()}}, wire)
		_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "POST", page, "")
		if err == nil || sdk.IsPermanent(err) || !strings.Contains(err.Error(), "database is gone (6×)") ||
			most.Load() != 0 {
			t.Errorf("%v", err)
		}
	})
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		l := ratelimit.NewLimiter()
		wait := func(n int) time.Duration {
			d, err := l.Reserve(ctx, "k", n)
			if err != nil {
				t.Fatal(err)
			}
			return d.Round(time.Millisecond)
		}
		for range 100 {
			if d := wait(1); d != 0 {
				t.Fatalf("no rate: wait %s", d)
			}
		}
		l.(ratelimit.RateSetter).SetRate("k", 10, 3)
		time.Sleep(time.Minute)
		for i, want := range []time.Duration{0, 0, 0, 100 * time.Millisecond, 200 * time.Millisecond} {
			if d := wait(1); d != want {
				t.Errorf("place %d comes after %s, want %s", i, d, want)
			}
		}
		if d := wait(0); d != 0 {
			t.Errorf("no pause, but %s", d)
		}
		time.Sleep(time.Minute)
		if err := errors.Join(l.Penalize(ctx, "k", 7*time.Second), l.Penalize(ctx, "k", 2*time.Second)); err != nil {
			t.Fatal(err)
		}
		if d := wait(0); d != 7*time.Second {
			t.Errorf("pause %s", d)
		}
		if a, b := wait(1), wait(1); a < 7*time.Second || b-a < 99*time.Millisecond {
			t.Errorf("places at %s and %s: what was saved before the pause is gone", a, b)
		}
		time.Sleep(time.Minute)
		l.(ratelimit.RateSetter).SetRate("k", 1, 1)
		if a, b := wait(1), wait(1); a != 0 || b != time.Second {
			t.Errorf("places at %s and %s, want 0 and 1 s", a, b)
		}
		l.(ratelimit.RateSetter).SetRate("k", 2, 1)
		time.Sleep(time.Second)
		if d := wait(1); d != 500*time.Millisecond {
			t.Errorf("a higher rate: the next place %s after one that was taken before", d)
		}
		if d, err := l.Reserve(ctx, "other", 1); d != 0 || err != nil {
			t.Errorf("another key: %s %v", d, err)
		}
		l.(ratelimit.RateSetter).SetRate("k", math.Inf(1), 1)
		time.Sleep(time.Minute)
		if d := wait(1); d != 0 {
			t.Errorf("no rate any more: %s", d)
		}
	})
}

func TestStatsAsJSON(t *testing.T) {
	wire, _ := open(0)
	c := newClient(Options{}, wire)
	if _, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "POST", page, "12345"); err != nil {
		t.Fatal(err)
	}
	all := c.Stats()
	if l := all.Hosts[0].Latency; l.Count != 1 || l.Max <= 0 {
		t.Errorf("latency %+v", l)
	}
	all.Hosts[0].Latency = stats.Histogram{}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"hosts":[{"host":"host.example","requests":1,"status":{"200":1},"bytes_out":5,"bytes_in":0,"bytes_decoded":0,"connections":0,"reused":0,"in_flight":0,"limit":2,"limit_from":"start"}]}`
	if string(b) != want {
		t.Errorf("%s", b)
	}
}
