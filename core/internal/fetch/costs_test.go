package fetch

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// priced is a host that counts points, so many in a window or gained by a bucket. A request for
// /dear/ costs more than others, and no reply says how much.
type priced struct {
	bucket    bool
	size      int
	per       time.Duration
	expensive int
	tell      func(h http.Header, reset time.Duration)
	began     time.Time
	mu        sync.Mutex
	window    int
	points    float64 // that are left
	at        time.Time
	spent     int
	refused   int
	last      time.Time // that one was taken
}

func (s *priced) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := trip.Sleep(req.Context(), apiWay/2); err != nil {
		return nil, err
	}
	status, h := s.arrive(strings.Contains(req.URL.Path, "/dear/"))
	if err := trip.Sleep(req.Context(), apiWay/2); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2,
		Request: req}, nil
}

func (s *priced) arrive(dear bool) (status int, h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, cost := time.Now(), 1
	if dear {
		cost = s.expensive
	}
	fill := float64(s.size) / s.per.Seconds()
	reset := s.per - now.Sub(s.began)%s.per
	if s.bucket {
		s.points = min(float64(s.size), s.points+fill*now.Sub(s.at).Seconds())
	} else if w := int(now.Sub(s.began) / s.per); w != s.window {
		s.window, s.points = w, float64(s.size)
	}
	s.at, status = now, 429
	if s.points >= float64(cost) {
		s.points -= float64(cost)
		s.spent += cost
		s.last, status = now, 200
	} else {
		s.refused++
	}
	if s.bucket {
		reset = time.Duration((float64(s.size) - s.points) / fill * float64(time.Second))
	}
	h = http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
	h.Set("X-RateLimit-Limit", fmt.Sprint(s.size))
	h.Set("X-RateLimit-Remaining", fmt.Sprint(int(s.points)))
	s.tell(h, reset)
	if status != 200 {
		h.Set("Retry-After", "1")
	}
	return status, h
}

// ideal is how long it takes at least to spend as much.
func (s *priced) ideal() float64 {
	if s.bucket {
		return float64(s.spent-s.size) * s.per.Seconds() / float64(s.size)
	}
	return float64((s.spent-1)/s.size) * s.per.Seconds()
}

// TestCostsThatDiffer: requests of which some cost many times as much as others are hardly refused,
// and what there is is used.
//
//ci:plain
func TestCostsThatDiffer(t *testing.T) {
	countsRates(t)
	reset := func(h http.Header, reset time.Duration) {
		h.Set("X-RateLimit-Reset", fmt.Sprint(int(reset.Seconds())+1))
	}
	for _, c := range []struct {
		name          string
		bucket        bool
		tell          func(http.Header, time.Duration)
		used, refused float64 // percent, beside a volley
	}{
		{"a window", false, reset, 95, 1},
		// each window ends with requests that find out that it is not over
		{"a window, no reset", false, func(http.Header, time.Duration) {}, 50, 8},
		{"a bucket", true, reset, 90, 1},
		{"a bucket that says what it gains", true,
			func(h http.Header, _ time.Duration) { h.Set("X-RateLimit-Replenish-Rate", "37.5") }, 90, 1},
	} {
		for _, dear := range []int{3, 10, 30} {
			t.Run(fmt.Sprintf("%s, %d", c.name, dear), func(t *testing.T) {
				// One run in a hundred meets more refusals by chance; a second one must not.
				for try := range 2 {
					var used, refused float64
					synctest.Test(t, func(t *testing.T) {
						s := &priced{bucket: c.bucket, size: 600, per: 16 * time.Second, expensive: dear, tell: c.tell,
							began: time.Now(), at: time.Now(), points: 600}
						client := newClient(Options{}, s)
						defer client.Close()
						rt := transport(t, client, httppolicy.Policy{Concurrency: apiWorkers})
						pages := 2 * 60 * 600 / 16 / (1 + dear)
						work := make(chan string)
						var wg sync.WaitGroup
						for range apiWorkers {
							wg.Go(func() {
								for path := range work {
									if _, _, err := ask(t.Context(), rt, "GET", page+path, ""); err != nil {
										t.Error(err)
									}
								}
							})
						}
						for i := range pages {
							work <- fmt.Sprint([]string{"/cheap/", "/dear/"}[i%2], i)
						}
						close(work)
						wg.Wait()
						used, refused = 100*s.ideal()/s.last.Sub(s.began).Seconds(), percent(max(0,
							s.refused-apiWorkers),
							pages)
						t.Logf("%.1f %% used, %d refused of %d", used, s.refused, pages+s.refused)
					})
					switch good := used >= c.used && refused <= c.refused; {
					case good:
						return
					case try > 0:
						t.Errorf("%.1f %% used, %.2f %% refused beside a volley; want %g and %g", used, refused, c.used,
							c.refused)
					}
				}
			})
		}
	}
}
