package fetch

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestServerErrorsSlowDown: a host of which two replies in five are server errors is asked ever more slowly, though not hardly at all, and
// then faster again, little by little.
func TestServerErrorsSlowDown(t *testing.T) {
	countsRates(t)
	synctest.Test(t, func(t *testing.T) {
		start, trouble := time.Now(), [2]time.Duration{10 * time.Second, 30 * time.Second}
		var perSecond [80]atomic.Int64
		var n atomic.Int64
		c := newClient(Options{}, roundTrip(func(req *http.Request) (*http.Response, error) {
			at := time.Since(start)
			perSecond[int(at.Seconds())].Add(1)
			if err := sleep(req.Context(), 50*time.Millisecond); err != nil {
				return nil, err
			}
			if at >= trouble[0] && at < trouble[1] && n.Add(1)%5 < 2 {
				return status(500), nil
			}
			return status(200), nil
		}))
		rt := transport(t, c, Policy{Concurrency: 8, Attempts: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(len(perSecond))*time.Second-time.Millisecond)
		defer cancel()
		for i := range 8 {
			go func() {
				for ctx.Err() == nil {
					_, _, _ = ask(ctx, rt, "GET", fmt.Sprint(page, "?", i), "") // the last is cut off
				}
			}()
		}
		<-ctx.Done()
		synctest.Wait()
		rate := func(from, to int) (sum int64) {
			for i := from; i < to; i++ {
				sum += perSecond[i].Load()
			}
			return sum / int64(to-from)
		}
		before, during, soon, after := rate(5, 10), rate(25, 30), rate(34, 36), rate(70, 79)
		t.Logf("requests a second: %d before, %d at the end of the trouble, %d soon after, %d later", before, during, soon, after)
		if before < 150 || during > before/10 || during < before/40 || soon > before/2 || after < before*9/10 {
			t.Errorf("requests a second: %d before, %d at the end of the trouble, %d soon after, %d later", before, during, soon, after)
		}
	})
}

// TestFastAgainAfterAnOutage: a host that was away for a while is soon asked as fast as before, whether the breaker noticed or not.
func TestFastAgainAfterAnOutage(t *testing.T) {
	countsRates(t)
	for workers, fault := range map[int]int{2: 500, 8: 502} { // two different requests alone are no outage of a host
		t.Run(fmt.Sprint(workers, " splits"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, trouble := time.Now(), [2]time.Duration{10 * time.Second, 40 * time.Second}
				var perSecond [100]atomic.Int64
				c := newClient(Options{}, roundTrip(func(req *http.Request) (*http.Response, error) {
					at := time.Since(start)
					perSecond[int(at.Seconds())].Add(1)
					if err := sleep(req.Context(), 50*time.Millisecond); err != nil {
						return nil, err
					}
					if at >= trouble[0] && at < trouble[1] {
						return status(fault), nil
					}
					return status(200), nil
				}))
				rt := transport(t, c, Policy{Concurrency: 8})
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(len(perSecond))*time.Second-time.Millisecond)
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
				rate := func(from, to int) (sum int64) {
					for i := from; i < to; i++ {
						sum += perSecond[i].Load()
					}
					return sum / int64(to-from)
				}
				before, during, after := rate(5, 10), rate(20, 40), rate(85, 99)
				t.Logf("requests a second: %d before, %d during the outage, %d later", before, during, after)
				if during > before/10 || after < before*9/10 {
					t.Errorf("requests a second: %d before, %d during the outage, %d later", before, during, after)
				}
			})
		})
	}
}
