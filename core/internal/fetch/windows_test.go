package fetch

import (
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestWindowsAreRemembered: a second run knows the window that refusals have shown to the first.
func TestWindowsAreRemembered(t *testing.T) {
	countsRates(t)
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "limits.json")
		var refused [2]int
		for i := range refused {
			host := newPoliced(slidingWindow(60, time.Minute, nil), 1)
			client := newClient(Options{Learned: file}, host)
			start := time.Now()
			took := crawl(t, client, httppolicy.Policy{Concurrency: 12}, 400)
			_, refused[i] = host.taken(start)
			client.Close()
			t.Logf("%d refused in %s", refused[i], took)
			if i == 1 && took > 6*time.Minute*105/100 {
				t.Errorf("%s, six minutes are possible", took)
			}
		}
		if refused[0] < 5 || refused[1] > 0 {
			t.Errorf("%d refused, then %d", refused[0], refused[1])
		}
	})
}

// TestWindowsFollowTheHost: a window that allows more, or less, than it did is found out.
func TestWindowsFollowTheHost(t *testing.T) {
	countsRates(t)
	for name, n := range map[string]int{"more": 40, "less": 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before, after := slidingWindow(20, 10*time.Second, nil), slidingWindow(n, 10*time.Second, nil)
				start := time.Now()
				host := newPoliced(admitting(func(now time.Time) (bool, http.Header) {
					if now.Sub(start) < 2*time.Minute {
						return before(now)
					}
					return after(now)
				}), 1)
				client := newClient(Options{}, host)
				defer client.Close()
				crawl(t, client, httppolicy.Policy{Concurrency: 12}, 12*20+40*n)
				now := time.Now()
				crawl(t, client, httppolicy.Policy{Concurrency: 12}, 12*n)
				_, refused := host.taken(now)
				t.Logf("two minutes' requests in %s, %d refused", time.Since(now), refused)
				if time.Since(now) > 150*time.Second || refused > 2 {
					t.Errorf("two minutes' requests in %s, %d refused", time.Since(now), refused)
				}
			})
		})
	}
}
