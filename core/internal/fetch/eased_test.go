package fetch

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestServerErrorsSlowDown: a host of which two replies in five are server errors is asked ever
// more slowly, though not hardly at all, and then faster again, little by little.
//
//ci:plain
func TestServerErrorsSlowDown(t *testing.T) {
	countsRates(t)
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		rate := askedThrough(t, 80, 8, httppolicy.Policy{Concurrency: 8, Attempts: 1}, func(at time.Duration) int {
			if at >= 10*time.Second && at < 30*time.Second && n.Add(1)%5 < 2 {
				return 500
			}
			return 200
		})
		before, during, soon, after := rate(5, 10), rate(25, 30), rate(34, 36), rate(70, 79)
		t.Logf("requests a second: %d before, %d at the end of the trouble, %d soon after, %d later", before, during,
			soon, after)
		if before < 150 || during > before/10 || during < before/40 || soon > before/2 || after < before*9/10 {
			t.Errorf("requests a second: %d before, %d at the end of the trouble, %d soon after, %d later", before,
				during, soon, after)
		}
	})
}

// TestFastAgainAfterAnOutage: a host that was away for a while is soon asked as fast as before,
// whether the breaker noticed or not.
//
//ci:plain
func TestFastAgainAfterAnOutage(t *testing.T) {
	countsRates(t)
	for workers, fault := range map[int]int{2: 500, 8: 502} { // two different requests alone are no outage of a host
		t.Run(fmt.Sprint(workers, " splits"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rate := askedThrough(t, 100, workers, httppolicy.Policy{Concurrency: 8}, func(at time.Duration) int {
					if at >= 10*time.Second && at < 40*time.Second {
						return fault
					}
					return 200
				})
				before, during, after := rate(5, 10), rate(20, 40), rate(85, 99)
				t.Logf("requests a second: %d before, %d during the outage, %d later", before, during, after)
				if during > before/10 || after < before*9/10 {
					t.Errorf("requests a second: %d before, %d during the outage, %d later", before, during, after)
				}
			})
		})
	}
}

// askedThrough asks a host for so many seconds, with so many workers that each have a page of their
// own. The host takes 50 ms for a reply, of the status that it has at a time since the start, and
// rate is how many requests a second came to it from one second to another.
func askedThrough(t *testing.T, seconds, workers int, p httppolicy.Policy,
	statusAt func(time.Duration) int) (rate func(from, to int) int64) {
	t.Helper()
	start, perSecond := time.Now(), make([]atomic.Int64, seconds)
	c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
		at := time.Since(start)
		perSecond[int(at.Seconds())].Add(1)
		if err := trip.Sleep(req.Context(), 50*time.Millisecond); err != nil {
			return nil, err
		}
		return status(statusAt(at)), nil
	}))
	rt := transport(t, c, p)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second-time.Millisecond)
	defer cancel()
	for i := range workers {
		go func() {
			for ctx.Err() == nil {
				_, _, _ = ask(ctx, rt, "GET", fmt.Sprint(page, "?", i), "") // the last is cut off
			}
		}()
	}
	<-ctx.Done()
	synctest.Wait()
	return func(from, to int) (sum int64) {
		for i := from; i < to; i++ {
			sum += perSecond[i].Load()
		}
		return sum / int64(to-from)
	}
}

// TestOutagesThatComeAgain: a host that is away three times within half a minute, and says for how
// long, is not asked while it is, and what it says is not taken for a budget that comes again ever
// after.
//
//ci:plain
func TestOutagesThatComeAgain(t *testing.T) {
	countsRates(t)
	for _, away := range []time.Duration{time.Second, 5 * time.Second} {
		t.Run(away.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const workers, each, run = 12, 50 * time.Millisecond, 100 * time.Second
				start, early := time.Now(), 0
				client := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
					if err := trip.Sleep(req.Context(), each/2); err != nil {
						return nil, err
					}
					r, since := status(200), time.Since(start)
					for n := range 3 {
						left := 3*time.Second + time.Duration(n)*9*time.Second + away - since
						if left > 0 && left < away {
							r = status(503)
							r.Header.Set("Retry-After", fmt.Sprint(int(math.Ceil(left.Seconds()))))
							if left < away-2*each { // it was not under way
								early++
							}
						}
					}
					return r, trip.Sleep(req.Context(), each/2)
				}))
				defer client.Close()
				took := crawl(t, client, httppolicy.Policy{Concurrency: workers}, int(workers*run/each))
				cost := took - run - 3*away
				t.Logf("%s beside the work and the outages; %d requests in them", cost, early)
				if early > 0 || cost > run/2 {
					t.Errorf("%s beside the work and the outages; %d requests in them", cost, early)
				}
			})
		})
	}
}

// TestRandomFailures: a host of which three in ten replies are server errors, however fast it is
// asked, is asked at no less than about half the rate.
func TestRandomFailures(t *testing.T) {
	countsRates(t)
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			failed := r.Float64() < 0.3
			mu.Unlock()
			if err := trip.Sleep(req.Context(), 50*time.Millisecond); err != nil {
				return nil, err
			}
			if failed {
				return status(500), nil
			}
			return status(200), nil
		}))
		defer c.Close()
		took := crawl(t, c, httppolicy.Policy{Concurrency: 12, Attempts: 10, RetryBudget: 2}, 1000)
		if t.Log(took); took > 150*time.Second { // a twentieth of the rate: five minutes
			t.Errorf("%s for a thousand requests", took)
		}
	})
}
