// The pace against token buckets that fill fast and hold little, as many APIs have, whatever form a
// refusal takes.

package fetch

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestPoliteToSmallBuckets prints its figures as a table.
//
// A refusal with Retry-After stops all requests for a whole second, and two refusals are needed to
// learn a rate. So a run is allowed 15 % more time than the ideal, or what three pauses cost where
// that is more, and a few more in a run that is over in seconds. A host that saves nothing up
// (burst 1) refuses whatever comes early by a hair, and latency varies by up to jitter: it can be
// asked once in 1/rate + jitter at best. A burst of 2 makes that seldom.
//
//ci:plain
func TestPoliteToSmallBuckets(t *testing.T) {
	countsRates(t)
	const jitter = 5 * time.Millisecond
	t.Logf("%-11s %5s %6s %9s %9s %10s %9s", "refusal", "rate", "burst", "requests", "of ideal", "% refused", "% later")
	for _, form := range []struct {
		name  string
		pause float64 // seconds for each refusal
		state func(rate, burst int) statement
	}{
		{"headers", 0, func(rate, burst int) statement { return dataCenter(burst, rate) }},
		{"Retry-After", 1.1, func(int, int) statement { return retryAfter }},
		{"bare 429", 0.65, func(int, int) statement { return nil }},
	} {
		for _, rate := range []int{5, 20, 50} {
			for _, burst := range []int{1, 2, 5, 10} {
				for _, n := range []int{300, 800, 3000} {
					var host *limitedHost
					var took float64
					synctest.Test(t, func(t *testing.T) {
						host = &limitedHost{latency: 50 * time.Millisecond, jitter: jitter,
							admit: tokenBucket(float64(rate), float64(burst), form.state(rate, burst))}
						took = crawl(t, newClient(Options{}, host), httppolicy.Policy{Concurrency: 16}, n).Seconds()
					})
					ideal := float64(n) / float64(rate)
					all, of := host.refused(0)
					later, laterOf := host.refused(0.2)
					row := fmt.Sprintf("%-11s %5d %6d %9d %9.3f %10.2f %9.2f", form.name, rate, burst, n, took/ideal,
						percent(all, of), percent(later, laterOf))
					t.Log(row)
					pauses, most := 3*form.pause, 1.0
					switch burst {
					case 1: // not to be kept to, even if it is stated
						pauses = 3 * 1.1
						ideal += float64(n) * jitter.Seconds()
					case 2:
						ideal += float64(n) * jitter.Seconds() / 4
					}
					if n == 300 || ideal < 30 { // a fifth of so few is not enough to learn by
						most, pauses = 3.5, pauses*2
					}
					if allowed := max(1.15*ideal, 1.03*ideal+pauses); took > allowed {
						t.Errorf("%s: took %.1f s, allowed %.1f s", row, took, allowed)
					}
					if percent(later, laterOf) >= most {
						t.Errorf("%s: refused %d of %d requests once the limit was known", row, later, laterOf)
					}
				}
			}
		}
	}
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(of) }
