// Who waits for a host, and what waiting costs.

package fetch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/ratelimit"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// flood asks n times at once, and returns when all have been answered or ctx has ended.
func flood(t *testing.T, ctx context.Context, c *Client, p httppolicy.Policy, n int, body string) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	rt := transport(t, c, p)
	for i := range n {
		wg.Go(func() {
			method := "GET"
			if body != "" {
				method = "POST"
			}
			if _, _, err := ask(ctx, rt, method, fmt.Sprint("http://host.example/", i), body); err != nil &&
				!errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	return &wg
}

// TestFairness: however many requests of one plugin wait, those of another, and of another run,
// wait for a few only.
func TestFairness(t *testing.T) {
	for _, p := range []httppolicy.Policy{{Rate: 10}, {Concurrency: 1}, {Concurrency: 4}} {
		t.Run(fmt.Sprintf("rate %g, concurrency %d", p.Rate, p.Concurrency), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wire, _ := open(100 * time.Millisecond)
				shared := ratelimit.NewHosts(nil)
				a, b := newClient(Options{Hosts: shared}, wire), newClient(Options{Hosts: shared}, wire)
				ctx, cancel := context.WithCancel(t.Context())
				p.Plugin = "flood"
				all := flood(t, ctx, a, p, 10_000, "")
				time.Sleep(10 * time.Second)
				// the second is a plugin of another run
				for name, c := range map[string]*Client{"modest": a, "flood": b} {
					p.Plugin = name
					start := time.Now()
					if _, _, err := ask(ctx, transport(t, c, p), "GET", page, ""); err != nil {
						t.Error(err)
					}
					within(t, "one request", time.Since(start), 0, 500*time.Millisecond)
				}
				if s := only(t, a); s.Queued < 9000 {
					t.Errorf("%d wait", s.Queued)
				}
				cancel()
				all.Wait()
				if s := only(t, a); s.Queued != 0 || s.InFlight != 0 {
					t.Errorf("%+v", s)
				}
				b.Close()
			})
		})
	}
}

// TestLimitsGoWithTheirRun: the limits of a file bind as long as its run lasts.
func TestLimitsGoWithTheirRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire, _ := open(10 * time.Millisecond)
		shared := ratelimit.NewHosts(nil)
		a, b := newClient(Options{Hosts: shared}, wire), newClient(Options{Hosts: shared}, wire)
		crawl(t, a, httppolicy.Policy{Rate: 5, Concurrency: 2}, 5)
		within(t, "20 at 5 a second", crawl(t, b, httppolicy.Policy{Concurrency: 4}, 20), 3900*time.Millisecond,
			4300*time.Millisecond)
		a.Close()
		within(t, "20 at full speed", crawl(t, b, httppolicy.Policy{Concurrency: 4}, 20), 50*time.Millisecond,
			400*time.Millisecond)
		if s := only(t, b); s.Limit != 4 || s.LimitFrom != "file" || s.Rate != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestWaitingIsCheap: ten thousand requests that wait hold a goroutine each and little else; their
// bodies are the callers'.
func TestWaitingIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		body := strings.Repeat("x", 100)
		wire, _ := open(time.Second)
		c := newClient(Options{}, wire)
		ctx, cancel := context.WithCancel(t.Context())
		before := inUse()
		all := flood(t, ctx, c, httppolicy.Policy{Rate: 0.1, Concurrency: 1}, n, body)
		time.Sleep(time.Minute)
		each := (inUse() - before) / n
		t.Logf("%d bytes for each request that waits", each)
		if each > 16<<10 && !crashtest.Raced { // the detector's own memory is not ours
			t.Errorf("%d bytes for each request that waits", each)
		}
		if s := only(t, c).Waits[stats.WaitRate]; s.Count == 0 ||
			only(t, c).Waits[stats.WaitConcurrency].Total > s.Total {
			t.Errorf("waits: %+v", only(t, c).Waits)
		}
		cancel()
		all.Wait()
	})
}

// inUse is the memory of heap and stacks that is in use.
func inUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}

// TestSplitsTakeTurns: a split whose requests are many does not hold up another of the same plugin,
// and a plugin gets no more turns for having more splits.
func TestSplitsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire, _ := open(10 * time.Millisecond)
		c := newClient(Options{}, wire)
		p := httppolicy.Policy{Rate: 10, Plugin: "splits"}
		ctx, cancel := context.WithCancel(t.Context())
		var all []*sync.WaitGroup
		for i := range 20 {
			all = append(all, flood(t, hint.WithSplit(ctx, fmt.Sprint("greedy", i)), c, p, 200, ""))
		}
		time.Sleep(10 * time.Second)
		took := func(plugin, split string) time.Duration {
			p.Plugin = plugin
			start := time.Now()
			if _, _, err := ask(hint.WithSplit(t.Context(), split), transport(t, c, p), "GET", page, ""); err != nil {
				t.Error(err)
			}
			return time.Since(start)
		}
		within(t, "a split among 20 others", took("splits", "modest"), 0, 2300*time.Millisecond)
		within(t, "another plugin", took("other", "only"), 0, 400*time.Millisecond)
		cancel()
		for _, wg := range all {
			wg.Wait()
		}
		if s := only(t, c); s.Queued != 0 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}
