// The table of APIs, asked in virtual time: nobody is asked in a pause, hardly anything is refused, and what is allowed is used.

package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/apis"
	"github.com/scrapekit/scrapekit/sdk"
)

const (
	apiWay     = 20 * time.Millisecond // there and back
	apiWorkers = 12
)

// apiWire is the wire to an API. A reply takes 20 ms; one of a limit of requests under way is worked on for 200 ms.
func apiWire(a apis.API, s *apis.Server) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		if trace := httptrace.ContextClientTrace(req.Context()); trace != nil {
			trace.GotConn(httptrace.GotConnInfo{Reused: true})
		}
		if err := sleep(req.Context(), apiWay/2); err != nil {
			return nil, err
		}
		status, h, text := s.Arrive(time.Now())
		if status == 200 && !strings.Contains(text, "rror") {
			if err := sleep(req.Context(), apiService(a)); err != nil {
				return nil, err
			}
			s.Leave()
		}
		if err := sleep(req.Context(), apiWay/2); err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: req}, nil
	}
}

func apiService(a apis.API) time.Duration {
	if a.Kind == apis.Crowd {
		return 200 * time.Millisecond
	}
	return 0
}

// apiRun is what came of a run.
type apiRun struct {
	used, refused         float64 // percent
	volley, inPause, lost int
	asked                 int
	took, ideal           time.Duration
}

func (r apiRun) String() string {
	return fmt.Sprintf("%6.1f %% used %3d in the first volley %6.2f %% refused later %3d in a pause %3d lost %5d requests %6.1f s of %6.1f s", r.used, r.volley, r.refused, r.inPause, r.lost, r.asked, r.took.Seconds(), r.ideal.Seconds())
}

// runAPI asks for so many pages, with twelve workers.
func runAPI(t *testing.T, a apis.API, pages int) (r apiRun) {
	synctest.Test(t, func(t *testing.T) {
		s := apis.NewServer(a, time.Now())
		c := newClient(Options{}, apiWire(a, s))
		defer c.Close()
		rt := transport(t, c, Policy{Concurrency: apiWorkers})
		ctx, cancel := context.WithTimeout(sdk.Throttled(t.Context(), a.Plugin...), 10*time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		var mu sync.Mutex
		work := make(chan int)
		for range apiWorkers {
			wg.Go(func() {
				for i := range work {
					resp, text, err := ask(ctx, rt, "GET", fmt.Sprint(page, "/", i), "")
					if err != nil || resp.StatusCode != 200 || strings.Contains(text, "rror") {
						mu.Lock()
						r.lost++
						mu.Unlock()
					}
				}
			})
		}
		for i := range pages {
			work <- i
		}
		close(work)
		wg.Wait()
		r.took = s.LastTime.Sub(s.First)
		r.asked, r.inPause, r.refused = s.Taken+s.Refused, s.InPause, percent(s.Refused-s.Volley, s.Taken+s.Refused-s.Volley)
		r.volley = s.Volley
	})
	r.ideal = a.Ideal(pages, apiWorkers, apiWay, apiService(a))
	r.used = min(100, 100*r.ideal.Seconds()/r.took.Seconds())
	return r
}

// pagesOf is how many pages a run of a minute can have.
func pagesOf(a apis.API) int {
	n := 1
	for n < 100_000 && a.Ideal(n, apiWorkers, apiWay, apiService(a)) < time.Minute {
		n += max(1, n/20)
	}
	return n
}

// TestAPIs prints a line for each row.
//
//	go test -run TestAPIs -v ./core/internal/fetch
func TestAPIs(t *testing.T) {
	countsRates(t)
	for _, a := range apis.Table {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			r := runAPI(t, a, pagesOf(a))
			t.Logf("%-40s %s", a.Name, r)
		})
	}
}
