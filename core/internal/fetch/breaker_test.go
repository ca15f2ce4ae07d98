package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// fragile is a host that is out of order at times; it notes when it was asked.
type fragile struct {
	fault func(req *http.Request) (*http.Response, error) // nil: in order
	mu    sync.Mutex
	asked []time.Time
}

func (f *fragile) RoundTrip(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, time.Now())
	if f.fault != nil {
		return f.fault(req)
	}
	return status(200), nil
}

func (f *fragile) set(fault func(*http.Request) (*http.Response, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *fragile) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

func status(s int) *http.Response {
	return &http.Response{StatusCode: s, Header: http.Header{}, Body: http.NoBody}
}

func unavailable(*http.Request) (*http.Response, error) { return status(503), nil }

func refusing(*http.Request) (*http.Response, error) {
	err := errors.New("dial tcp 192.0.2.1:80: connect: connection refused")
	return nil, &fault.Error{Outcome: fault.Of("connect"), Unsent: true, Err: err}
}

// TestBreakerSitsOut: a host that goes away for ten minutes costs no request, and few probes.
func TestBreakerSitsOut(t *testing.T) {
	for name, fault := range map[string]func(*http.Request) (*http.Response, error){"refused": refusing,
		"503": unavailable} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fragile{}
				var mu sync.Mutex
				var waits []stats.Wait
				told := map[string]int{} // events by kind
				listeners := append(onWait(func(w stats.Wait) { mu.Lock(); waits = append(waits, w); mu.Unlock() }),
					func(e observe.Event) { mu.Lock(); told[e.Kind()]++; mu.Unlock() })
				c := newClient(Options{Listeners: listeners}, f)
				one, two := transport(t, c, httppolicy.Policy{Plugin: "one"}), transport(t, c,
					httppolicy.Policy{Plugin: "two"})
				if _, _, err := ask(t.Context(), one, "GET", page, ""); err != nil {
					t.Fatal(err)
				}
				f.set(fault)
				start, before := time.Now(), f.count()
				time.AfterFunc(5*time.Minute, func() { f.set(nil) })
				var wg sync.WaitGroup
				for i := range 20 {
					wg.Go(func() {
						rt := one
						if i%2 == 1 {
							rt = two
						}
						if resp, _, err := ask(t.Context(), rt, "GET", fmt.Sprint(page, "?", i), ""); err != nil ||
							resp.StatusCode != 200 {
							t.Errorf("request %d: %v %v", i, resp, err)
						}
					})
				}
				wg.Wait()
				within(t, "all", time.Since(start), 5*time.Minute, 8*time.Minute)
				if n := f.count() - before; n > 20+60 {
					t.Errorf("%d requests for 20 in an outage of five minutes", n)
				}
				down := 0
				for _, w := range waits {
					if strings.HasPrefix(w.Cause, "down (") {
						down++
					}
				}
				st := only(t, c)
				if down == 0 || st.Outages == 0 || st.Waits[stats.WaitDown].Count == 0 {
					t.Errorf("told of %v, counted %+v", waits, st)
				}
				if told["host back"] != 1 || told["host down"] != int(st.Outages) || told["sent"] != f.count() ||
					told["exchanged"] != f.count() || told["retried"] == 0 || told["delayed"] == 0 {
					t.Errorf("%d requests were sent, counted %+v, told of %v", f.count(), st, told)
				}
			})
		})
	}
}

// TestBreakerOfOneSplit: a run of a single request at a time sits an outage out too, if it is a
// gateway that tells of it.
func TestBreakerOfOneSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fragile{}
		c := newClient(Options{}, f)
		rt := transport(t, c, httppolicy.Policy{})
		_, _, _ = ask(t.Context(), rt, "GET", page, "")
		f.set(func(*http.Request) (*http.Response, error) { return status(502), nil })
		time.AfterFunc(20*time.Minute, func() { f.set(nil) })
		tries, start := 0, time.Now()
		for {
			tries++
			resp, _, err := ask(t.Context(), rt, "GET", page, "")
			if err == nil && resp.StatusCode == 200 {
				break
			}
		}
		if n := f.count(); tries > 3 || n > 150 {
			t.Errorf("%d tries of the split, %d requests", tries, n)
		}
		within(t, "the outage", time.Since(start), 20*time.Minute, 21*time.Minute)
	})
}

// TestBreakerGivesUp: a host that stays away fails every request once the deadline is over, and
// those after it at once.
func TestBreakerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fragile{}
		c := newClient(Options{}, f)
		rt := transport(t, c, httppolicy.Policy{Deadline: 10 * time.Minute})
		if _, _, err := ask(t.Context(), rt, "GET", page, ""); err != nil {
			t.Fatal(err)
		}
		f.set(refusing)
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				_, _, err := ask(t.Context(), rt, "GET", fmt.Sprint(page, "?", i), "")
				if err == nil || sdk.IsPermanent(err) ||
					!strings.Contains(err.Error(), "connection refused by host.example:80") {
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		within(t, "all given up", time.Since(start), 9*time.Minute, 11*time.Minute)
		before := time.Now()
		_, _, err := ask(t.Context(), rt, "GET", page, "")
		within(t, "the next", time.Since(before), 0, time.Minute)
		if err == nil || !strings.Contains(err.Error(), "host.example is down since ") {
			t.Errorf("%v", err)
		}
		f.set(nil)
		time.Sleep(time.Minute)
		if _, _, err := ask(t.Context(), rt, "GET", page, ""); err != nil {
			t.Errorf("the host is back: %v", err)
		}
	})
}

// TestBreakerNeverAnswered: a wrong port is told soon.
func TestBreakerNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fragile{fault: refusing}
		c := newClient(Options{}, f)
		rt := transport(t, c, httppolicy.Policy{})
		var wg sync.WaitGroup
		start := time.Now()
		for range 30 {
			wg.Go(func() {
				if _, _, err := ask(t.Context(), rt, "GET", page, ""); err == nil ||
					!strings.Contains(err.Error(), "is the server running") {
					if err == nil || !strings.Contains(err.Error(), "is down") {
						t.Errorf("%v", err)
					}
				}
			})
		}
		wg.Wait()
		// of half an hour that http.deadline would let them
		within(t, "30 requests to nowhere", time.Since(start), 0, time.Minute)
		if n := f.count(); n > 30 {
			t.Errorf("%d attempts", n)
		}
	})
}

// TestBreakerSpares: one request that fails for ever does not stop the others.
func TestBreakerSpares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fragile{fault: func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/poison" {
				return status(500), nil
			}
			return status(200), nil
		}}
		c := newClient(Options{}, f)
		rt := transport(t, c, httppolicy.Policy{})
		for range 5 {
			resp, _, err := ask(t.Context(), rt, "GET", "http://host.example/poison", "")
			if err != nil || resp.StatusCode != 500 ||
				!strings.Contains(reply.GaveUp(resp), "gave up after 6 attempts in ") {
				t.Errorf("%v %v", resp, err)
			}
		}
		start := time.Now()
		// the pace goes easy on a host that answers 500
		if _, _, err := ask(t.Context(), rt, "GET", page, ""); err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if n := only(t, c).Outages; n != 0 {
			t.Errorf("%d outages", n)
		}
	})
}

// TestBreakerByRatio: a host of which two attempts in three fail is left in peace for moments too,
// though never six fail in a row; one that fails at times is not. All requests come through.
func TestBreakerByRatio(t *testing.T) {
	for every, opens := range map[int]bool{3: true, 2: false} {
		t.Run(fmt.Sprint("one good in ", every), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				f := &fragile{fault: func(*http.Request) (*http.Response, error) {
					if n++; n%every == 0 {
						return status(200), nil
					}
					return status(503), nil
				}}
				c := newClient(Options{}, f)
				rt := transport(t, c, httppolicy.Policy{Attempts: 100})
				var wg sync.WaitGroup
				for i := range 40 {
					wg.Go(func() {
						if resp, _, err := ask(t.Context(), rt, "GET", fmt.Sprint(page, "?", i), ""); err != nil ||
							resp.StatusCode != 200 {
							t.Errorf("request %d: %v %v", i, resp, err)
						}
					})
				}
				wg.Wait()
				if n := only(t, c).Outages; (n > 0) != opens {
					t.Errorf("%d outages", n)
				}
			})
		})
	}
}

// TestBreakerProbeGivenUp: a probe that its owner gives up lets the next one go.
func TestBreakerProbeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fragile{}
		c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
			resp, err := f.RoundTrip(req)
			if req.URL.Path == "/slow" {
				return nil, trip.Sleep(req.Context(), time.Hour)
			}
			return resp, err
		}))
		rt := transport(t, c, httppolicy.Policy{})
		_, _, _ = ask(t.Context(), rt, "GET", page, "")
		f.set(refusing)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, _, _ = ask(ctx, rt, "GET", page, "") // opens it
		f.set(nil)
		slow, giveUp := context.WithCancel(t.Context())
		go ask(slow, rt, "GET", "http://host.example/slow", "")
		time.Sleep(time.Minute)
		done := make(chan error)
		go func() {
			_, _, err := ask(t.Context(), rt, "GET", page, "")
			done <- err
		}()
		time.Sleep(time.Minute)
		giveUp()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
