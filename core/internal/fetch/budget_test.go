package fetch

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// TestBudget: of a host that fails most requests, retries are at most the share that is allowed,
// and a few.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		var mu sync.Mutex
		c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
			if err := trip.Sleep(req.Context(), 50*time.Millisecond); err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			if n++; n%2 == 0 {
				return status(425), nil // no reason for the pace to slow down
			}
			return status(200), nil
		}))
		took := crawl(t, c, httppolicy.Policy{Concurrency: 8, Attempts: 100}, 1000)
		minutes := took.Minutes() + 1
		retries := float64(only(t, c).Retries["425"])
		t.Logf("1000 requests, %g retries in %s", retries, took)
		if retries > 0.2*1000+minutes*(30+1) {
			t.Errorf("%g retries of 1000 requests in %s", retries, took)
		}
		if only(t, c).Waits[stats.WaitBudget].Count == 0 {
			t.Error("no retry had to wait")
		}
	})
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{scripts: []script{answer(503, ""), stall("")}}
		c := s.client(t, Options{})
		defer c.Close()
		start := time.Now()
		_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{Deadline: 2 * time.Minute, Attempts: 100}),
			"GET", page, "")
		within(t, "end", time.Since(start), 2*time.Minute, 2*time.Minute+time.Millisecond)
		if err == nil || sdk.IsPermanent(err) ||
			!strings.Contains(err.Error(), "not done within http.deadline (2 min); gave up after ") ||
			!strings.Contains(err.Error(), "503 Service Unavailable, the host sent no reply within 60 s") {
			t.Errorf("%v", err)
		}
	})
}

// TestDeadlineLeavesLinesOut: a low rate is no failure.
func TestDeadlineLeavesLinesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire, _ := open(time.Second)
		took := crawl(t, newClient(Options{}, wire),
			httppolicy.Policy{Rate: 0.1, Concurrency: 4, Deadline: 3 * time.Second}, 20)
		within(t, "20 requests", took, 190*time.Second, 200*time.Second)
	})
}
