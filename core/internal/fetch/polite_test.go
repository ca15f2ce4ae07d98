// How close to a host's limit the client comes, and how often it is refused: measured in virtual
// time.

package fetch

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// limitedHost is a RoundTripper that answers as a host with a limit does.
type limitedHost struct {
	latency time.Duration
	jitter  time.Duration
	admit   func(now time.Time) (ok bool, h http.Header)

	mu  sync.Mutex
	log []bool // admitted or refused, in the order of arrival
}

func (s *limitedHost) RoundTrip(req *http.Request) (*http.Response, error) {
	delay := s.latency
	if s.jitter > 0 {
		delay += rand.N(s.jitter)
	}
	if err := trip.Sleep(req.Context(), delay/2); err != nil {
		return nil, err
	}
	s.mu.Lock()
	ok, header := s.admit(time.Now())
	s.log = append(s.log, ok)
	s.mu.Unlock()
	if err := trip.Sleep(req.Context(), delay-delay/2); err != nil {
		return nil, err
	}
	if header == nil {
		header = http.Header{}
	}
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	status, text := 200, "{}"
	if !ok {
		status, text = 429, "<html>too many</html>"
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)),
		ContentLength: int64(len(text)), Request: req}, nil
}

// refused counts the refusals among the requests from the given share of the log on.
func (s *limitedHost) refused(from float64) (n, of int) {
	rest := s.log[int(from*float64(len(s.log))):]
	for _, ok := range rest {
		if !ok {
			n++
		}
	}
	return n, len(rest)
}

// fixedWindow admits limit requests in each window; phase is how much of the first is over already.
func fixedWindow(limit int, window, phase time.Duration, state statement) func(time.Time) (bool, http.Header) {
	begin := time.Now().Add(-phase)
	used := 0
	return func(now time.Time) (bool, http.Header) {
		for !now.Before(begin.Add(window)) {
			begin, used = begin.Add(window), 0
		}
		ok := used < limit
		if ok {
			used++
		}
		h := http.Header{}
		if state != nil {
			state(h, ok, limit-used, begin.Add(window).Sub(now))
		}
		return ok, h
	}
}

// tokenBucket admits rate requests a second and burst at once.
func tokenBucket(rate, burst float64, state statement) func(time.Time) (bool, http.Header) {
	last, tokens := time.Now(), burst
	return func(now time.Time) (bool, http.Header) {
		tokens = min(burst, tokens+rate*now.Sub(last).Seconds())
		last = now
		ok := tokens >= 1
		if ok {
			tokens--
		}
		h := http.Header{}
		if state != nil {
			state(h, ok, int(tokens), time.Duration((1-min(tokens, 1))/rate*float64(time.Second)))
		}
		return ok, h
	}
}

func retryAfter(h http.Header, ok bool, _ int, wait time.Duration) {
	if !ok {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(max(wait.Seconds(), 0.001)))))
	}
}

// dataCenter states a limit as Jira Data Center does.
func dataCenter(limit, fill int) statement {
	return func(h http.Header, ok bool, left int, wait time.Duration) {
		h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
		h.Set("X-RateLimit-FillRate", strconv.Itoa(fill))
		h.Set("X-RateLimit-Interval-Seconds", "1")
		h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
		h.Set("Retry-After", "0")
		retryAfter(h, ok, left, wait)
	}
}

func draft(limit int, window time.Duration) statement {
	return func(h http.Header, ok bool, left int, reset time.Duration) {
		h.Set("RateLimit-Policy", fmt.Sprintf(`"burst";q=%d;w=%d`, limit, int(window.Seconds())))
		h.Set("RateLimit", fmt.Sprintf(`"burst";r=%d;t=%d`, left, int(math.Ceil(reset.Seconds()))))
		retryAfter(h, ok, left, reset)
	}
}

// epochReset states a limit as GitHub does: without the length of the window.
func epochReset(limit int) statement {
	return func(h http.Header, ok bool, left int, reset time.Duration) {
		h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
		h.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(reset).Unix()+1, 10))
	}
}

//ci:plain
func TestPolite(t *testing.T) {
	countsRates(t)
	const s = time.Second
	for _, c := range []struct {
		name     string
		rate     float64 // requests a second that the host grants in the long run
		burst    float64 // that it grants beyond
		requests int
		admit    func() func(time.Time) (bool, http.Header)
	}{
		{"fixed window, bare 429", 50, 0, 6000,
			func() func(time.Time) (bool, http.Header) { return fixedWindow(50, s, 0, nil) }},
		{"fixed window, bare 429, begun", 50, 0, 6000,
			func() func(time.Time) (bool, http.Header) { return fixedWindow(50, s, 900*time.Millisecond, nil) }},
		{"fixed window, bare 429, half over", 50, 0, 6000,
			func() func(time.Time) (bool, http.Header) { return fixedWindow(50, s, 500*time.Millisecond, nil) }},
		{"slow fixed window, bare 429", 5, 0, 600,
			func() func(time.Time) (bool, http.Header) { return fixedWindow(5, s, 300*time.Millisecond, nil) }},
		{"fast fixed window, bare 429", 200, 0, 24000,
			func() func(time.Time) (bool, http.Header) { return fixedWindow(200, s, 300*time.Millisecond, nil) }},
		{"fixed window, Retry-After", 50, 0, 6000, func() func(time.Time) (bool, http.Header) {
			return fixedWindow(50, s, 500*time.Millisecond, retryAfter)
		}},
		{"token bucket, bare 429", 20, 100, 1500,
			func() func(time.Time) (bool, http.Header) { return tokenBucket(20, 100, nil) }},
		{"small token bucket, bare 429", 10, 5, 1000,
			func() func(time.Time) (bool, http.Header) { return tokenBucket(10, 5, nil) }},
		{"token bucket, Retry-After", 20, 20, 1500,
			func() func(time.Time) (bool, http.Header) { return tokenBucket(20, 20, retryAfter) }},
		{"token bucket, Data Center headers", 5, 5, 300,
			func() func(time.Time) (bool, http.Header) { return tokenBucket(5, 5, dataCenter(5, 5)) }},
		{"large token bucket, Data Center headers", 20, 1000, 3000,
			func() func(time.Time) (bool, http.Header) { return tokenBucket(20, 1000, dataCenter(1000, 20)) }},
		{"fixed window, RateLimit draft", 50, 0, 1500, func() func(time.Time) (bool, http.Header) {
			return fixedWindow(50, s, 500*time.Millisecond, draft(50, s))
		}},
		{"one-minute window, RateLimit draft", 10, 0, 3000, func() func(time.Time) (bool, http.Header) {
			return fixedWindow(600, 60*s, 20*s, draft(600, 60*s))
		}},
		{"one-minute window, X-RateLimit-Reset", 10, 0, 3000, func() func(time.Time) (bool, http.Header) {
			return fixedWindow(600, 60*s, 55*s, epochReset(600))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				host := &limitedHost{latency: 50 * time.Millisecond, jitter: 5 * time.Millisecond, admit: c.admit()}
				took := crawl(t, newClient(Options{}, host), httppolicy.Policy{Concurrency: 16}, c.requests)
				ideal := time.Duration((float64(c.requests) - c.burst) / c.rate * float64(time.Second))
				n, of := host.refused(0)
				late, lateOf := host.refused(0.2)
				t.Logf("%5d requests in %7.1f s, ideal %7.1f s: %.3f x; refused %d of %d (%.2f %%), after the "+
					"first fifth %d (%.2f %%)", c.requests,
					took.Seconds(), ideal.Seconds(), took.Seconds()/ideal.Seconds(), n, of, 100*float64(n)/float64(of),
					late, 100*float64(late)/float64(lateOf))
				if took.Seconds() > 1.1*ideal.Seconds() {
					t.Errorf("took %.3f times the ideal", took.Seconds()/ideal.Seconds())
				}
				if float64(late) >= 0.01*float64(lateOf) {
					t.Errorf("refused %d of %d requests once the limit was known", late, lateOf)
				}
			})
		})
	}
}

// crawl makes n requests from as many goroutines as p lets run at once, and returns how long it
// took.
func crawl(t testing.TB, c *Client, p httppolicy.Policy, n int) time.Duration {
	t.Helper()
	p.Plugin, p.Allow = "test", []origin.Origin{mustOrigin(t, "http://host.example")}
	rt, err := c.For(p)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	work := make(chan int)
	var wg sync.WaitGroup
	for range p.Concurrency {
		wg.Go(func() {
			for i := range work {
				get(t, rt, "http://host.example/"+strconv.Itoa(i))
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	return time.Since(start)
}

func get(t testing.TB, rt http.RoundTripper, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("%s: %d %v", url, resp.StatusCode, err)
	}
	return resp.StatusCode, string(b)
}

func mustOrigin(t testing.TB, s string) origin.Origin {
	t.Helper()
	o, err := origin.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
