package fetch

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/apis"
	"github.com/scrapekit/scrapekit/core/internal/fetch/machine"
	"github.com/scrapekit/scrapekit/core/internal/fetch/ratelimit"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// openShared makes what another process of the machine would have.
func openShared(t *testing.T, path string) *machine.Shared {
	t.Helper()
	s, err := machine.Open(path, ratelimit.NewLimiter().(machine.Limiter), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestTwoProcessesKeepOnePace: two that know nothing of each other but by the file are refused
// hardly more often than one, and use what is allowed.
//
//ci:plain
func TestTwoProcessesKeepOnePace(t *testing.T) {
	countsRates(t)
	for _, c := range []struct {
		name string
		host func() *policed
	}{
		{"bare 429", func() *policed { return newPoliced(admitting(tokenBucket(20, 20, nil)), 1) }},
		{"Retry-After", func() *policed { return newPoliced(admitting(tokenBucket(20, 20, retryAfter)), 1) }},
		{"Data Center", func() *policed { return newPoliced(admitting(tokenBucket(20, 20, dataCenter(20, 20))), 1) }},
		{"bare 503", func() *policed {
			host := newPoliced(admitting(tokenBucket(20, 20, nil)), 1)
			host.status = 503
			return host
		}},
		{"a budget", func() *policed {
			return newPoliced(admitting(fixedWindow(300, 15*time.Second, 0, epochReset(300))), 1)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				host, path := c.host(), filepath.Join(t.TempDir(), "pace")
				start := time.Now()
				var wg sync.WaitGroup
				for range 2 {
					l := openShared(t, path)
					wg.Go(func() {
						client := newClient(Options{Limiter: l}, host)
						defer client.Close()
						crawl(t, client, httppolicy.Policy{Concurrency: 8}, 1000)
					})
				}
				wg.Wait()
				taken, refused := host.taken(start)
				took := time.Since(start)
				t.Logf("%d taken, %d refused in %s", taken, refused, took)
				if refused > 40 || took > 115*time.Second {
					t.Errorf("%d refused in %s: 2000 at 20 a second take 100 s", refused, took)
				}
			})
		})
	}
}

// TestProcessesLearnAsOne: several that begin one after another learn the rate of a host as one
// would, whether it saves anything up or not: what one is taught by a refusal, the others know.
//
//ci:plain
func TestProcessesLearnAsOne(t *testing.T) {
	countsRates(t)
	for _, processes := range []int{1, 3} {
		for _, depth := range []float64{1, 10} {
			t.Run(fmt.Sprintf("%d, depth %g", processes, depth), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					host := newPoliced(admitting(tokenBucket(10, depth, retryAfter)), 1)
					start, path := time.Now(), filepath.Join(t.TempDir(), "pace")
					var wg sync.WaitGroup
					for i := range processes {
						l := openShared(t, path)
						wg.Go(func() {
							time.Sleep(time.Duration(i) * 5 * time.Second)
							client := newClient(Options{Limiter: l}, host)
							defer client.Close()
							crawl(t, client, httppolicy.Policy{Concurrency: 12 / processes}, 600/processes)
						})
					}
					wg.Wait()
					taken, refused := host.taken(start)
					took := time.Since(start)
					t.Logf("%d taken, %d refused in %s", taken, refused, took)
					most := 70 * time.Second
					if depth == 1 { // refuses what comes early by a hair, and latency varies
						most = 100 * time.Second
					}
					if taken != 600 || refused > 30 || took > most {
						t.Errorf("%d taken, %d refused in %s: 600 at 10 a second take 60 s", taken, refused, took)
					}
				})
			})
		}
	}
}

// TestPauseHoldsForBothProcesses: what one is told, the other keeps too, also after that has gone;
// but for a quota of hours.
func TestPauseHoldsForBothProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "pace")
		a, b := openShared(t, path), openShared(t, path)
		ask := func(s *machine.Shared) time.Duration {
			d, err := s.Reserve(t.Context(), "host.example", 0)
			if err != nil {
				t.Error(err)
			}
			return d
		}
		for _, s := range []*machine.Shared{a, b} {
			if _, err := s.Reserve(t.Context(), "host.example", 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Penalize(t.Context(), "host.example", 20*time.Second); err != nil {
			t.Fatal(err)
		}
		within(t, "the other's wait", ask(b), 20*time.Second, 20*time.Second)
		within(t, "its own", ask(a), 20*time.Second, 20*time.Second)
		time.Sleep(15 * time.Second) // a says nothing more
		within(t, "after the first has gone", ask(b), 5*time.Second, 5*time.Second)
		time.Sleep(10 * time.Second)
		within(t, "after its end", ask(b), 0, 0)
		if err := a.Penalize(t.Context(), "host.example", 6*time.Hour); err != nil {
			t.Fatal(err)
		}
		within(t, "a quota of hours", ask(b), 0, 0)
	})
}

// TestSharedFileOfRubbish: whatever is in the file, requests go.
func TestSharedFileOfRubbish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "pace")
		raw := make([]byte, 300_000)
		for i := range raw {
			raw[i] = byte(i * 7)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		client := newClient(Options{Limiter: openShared(t, path)},
			trip.Func(func(*http.Request) (*http.Response, error) { return status(200), nil }))
		defer client.Close()
		took := crawl(t, client, httppolicy.Policy{Concurrency: 4}, 50)
		within(t, "50 requests", took, 0, time.Second)
		if r := only(t, client).Rate; math.IsNaN(r) {
			t.Error(fmt.Sprint(r))
		}
	})
}

// TestForeignPauseIsTold: who waits for a pause that another process was told of hears of it.
func TestForeignPauseIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "pace")
		if err := openShared(t, path).Penalize(t.Context(), "host.example", 20*time.Second); err != nil {
			t.Fatal(err)
		}
		var told []stats.Wait
		client := newClient(Options{Limiter: openShared(t, path),
			Listeners: onWait(func(w stats.Wait) { told = append(told, w) })},
			trip.Func(func(*http.Request) (*http.Response, error) { return status(200), nil }))
		defer client.Close()
		took := crawl(t, client, httppolicy.Policy{Concurrency: 1}, 1)
		within(t, "the wait", took, 20*time.Second, 21*time.Second)
		if len(told) != 1 || told[0].For != 20*time.Second || told[0].Cause != "another process was told to wait" {
			t.Errorf("told: %+v", told)
		}
	})
}

// TestTwoProcessesUnderWay: of a host that takes so many requests at once, each of two processes
// finds a share, and hardly anything is refused from then on.
//
//ci:plain
func TestTwoProcessesUnderWay(t *testing.T) {
	countsRates(t)
	for _, a := range apis.Table {
		if a.Kind != apis.Crowd {
			continue
		}
		t.Run(a.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, path := apis.NewServer(a, time.Now()), filepath.Join(t.TempDir(), "pace")
				var wg sync.WaitGroup
				for i := range 2 {
					l := openShared(t, path)
					wg.Go(func() {
						time.Sleep(time.Duration(i) * 300 * time.Millisecond)
						client := newClient(Options{Limiter: l}, apiWire(a, s))
						defer client.Close()
						crawl(t, client, httppolicy.Policy{Concurrency: apiWorkers}, 700)
					})
				}
				wg.Wait()
				took := s.LastTime.Sub(s.First)
				t.Logf("%d taken, %d refused in %s", s.Taken, s.Refused, took)
				if s.Taken != 1400 || s.Refused > 30 || took > 3*time.Minute {
					t.Errorf("%d taken, %d refused in %s: 1400, five at once, take 62 s", s.Taken, s.Refused, took)
				}
			})
		})
	}
}
