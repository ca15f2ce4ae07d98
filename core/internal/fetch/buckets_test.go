package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/apis"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestBuckets: an endpoint that has a limit of its own slows down no other, however that is told.
//
//ci:plain
func TestBuckets(t *testing.T) {
	countsRates(t)
	slow := apis.API{Kind: apis.Bucket, N: 4, Per: 2 * time.Second, Untold: true}
	budget := apis.API{Kind: apis.Window, N: 30, Per: 15 * time.Second}
	tell := func(limit int, h http.Header, s apis.State, name string) {
		h.Set("X-RateLimit-Limit", fmt.Sprint(limit))
		h.Set("X-RateLimit-Remaining", fmt.Sprint(s.Left))
		h.Set("X-RateLimit-Reset", fmt.Sprint(int(s.Reset.Seconds())+1))
		if name != "" {
			h.Set("X-RateLimit-Resource", name)
		}
	}
	// One pause is for the whole host, as nothing says whose it is, and mostly that is all. Where
	// by chance hardly anything but /search was asked when that was refused, it takes some more.
	const apart = 4 * time.Second
	for _, c := range []struct {
		name   string
		api    apis.API // of /search
		tell   func(h http.Header, path string, s apis.State)
		policy httppolicy.Policy
		most   int           // refusals
		soon   time.Duration // the other endpoint is done
	}{
		{"a name", budget, func(h http.Header, path string, s apis.State) {
			if path == "/search" {
				tell(30, h, s, "search")
			} else {
				tell(5000, h, apis.State{Left: 4000, Reset: time.Hour}, "core")
			}
		}, httppolicy.Policy{}, 2, time.Second},
		{"another size", budget, func(h http.Header, path string, s apis.State) {
			if path == "/search" {
				tell(30, h, s, "")
			} else {
				tell(600, h, apis.State{Left: 500, Reset: time.Minute}, "")
			}
		}, httppolicy.Policy{}, 2, time.Second},
		{"a reason", slow, func(h http.Header, path string, s apis.State) {
			if !s.OK {
				h.Set("Retry-After", "1")
				h.Set("RateLimit-Reason", "jira-burst-based")
			}
		}, httppolicy.Policy{}, 18, time.Second},
		{"refusals alone", slow, func(h http.Header, _ string, s apis.State) {
			if !s.OK {
				h.Set("Retry-After", "1")
			}
		}, httppolicy.Policy{}, 22, apart},
		{"refusals alone, beside a name that all replies have", slow, func(h http.Header, _ string, _ apis.State) {
			tell(6000, h, apis.State{Left: 5000, Reset: time.Minute}, "all")
		}, httppolicy.Policy{}, 22, apart},
		{"the pipeline file", slow, func(h http.Header, path string, s apis.State) {},
			httppolicy.Policy{Limits: []httppolicy.EndpointLimit{{Method: "GET", Path: "/search*", Rate: 1.9}}}, 0,
			time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var mu sync.Mutex
				done := map[string]time.Duration{}
				s := apis.NewServer(c.api, start)
				s.Told = func(h http.Header, st apis.State) { c.tell(h, "/search", st) }
				client := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
					if err := trip.Sleep(req.Context(), 20*time.Millisecond); err != nil {
						return nil, err
					}
					status, h, text := 200, http.Header{}, "{}"
					if req.URL.Path == "/search" {
						status, h, text = s.Arrive(time.Now())
					} else {
						c.tell(h, req.URL.Path, apis.State{OK: true})
					}
					return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text)),
						ContentLength: int64(len(text)), Request: req}, nil
				}))
				defer client.Close()
				p := c.policy
				p.Concurrency = 12
				rt := transport(t, client, p)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				var wg sync.WaitGroup
				for i := range 12 {
					path := []string{"/search", "/issue"}[i%2]
					wg.Go(func() {
						for n := range 20 {
							if resp, _, err := ask(ctx, rt, "GET",
								fmt.Sprint("http://host.example", path, "?", i, "-", n), ""); err != nil ||
								resp.StatusCode != 200 {
								t.Errorf("%s: %v", path, err)
							}
						}
						mu.Lock()
						defer mu.Unlock()
						done[path] = max(done[path], time.Since(start))
					})
				}
				wg.Wait()
				ideal := c.api.Ideal(120, 12, 20*time.Millisecond, 0)
				t.Logf("search %.1f s, ideal %.1f s; issue %.1f s; %d refused", done["/search"].Seconds(),
					ideal.Seconds(), done["/issue"].Seconds(), s.Refused)
				if done["/issue"] > c.soon {
					t.Errorf("the endpoint without a limit took %s", done["/issue"])
				}
				if done["/search"] > ideal*5/4+5*time.Second || s.Refused > c.most {
					t.Errorf("the slow one took %s of %s, %d refused", done["/search"], ideal, s.Refused)
				}
			})
		})
	}
}

// TestSharedLimitIsNotTakenForOne: endpoints that share a limit which no reply tells are refused no
// more often than one alone would be, though now and then one of them is taken to have its own.
//
//ci:plain
func TestSharedLimitIsNotTakenForOne(t *testing.T) {
	countsRates(t)
	for _, endpoints := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(endpoints), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := apis.API{Kind: apis.Bucket, N: 10, Per: time.Second, Untold: true}
				s := apis.NewServer(a, time.Now())
				client := newClient(Options{}, apiWire(a, s))
				defer client.Close()
				rt := transport(t, client, httppolicy.Policy{Concurrency: apiWorkers})
				start := time.Now()
				var wg sync.WaitGroup
				for i := range apiWorkers {
					wg.Go(func() {
						for n := range 50 {
							url := fmt.Sprint("http://host.example/", string(rune('a'+(i+n)%endpoints)), "?", i, "-", n)
							if _, _, err := ask(t.Context(), rt, "GET", url, ""); err != nil {
								t.Error(err)
							}
						}
					})
				}
				wg.Wait()
				var names []string
				for _, b := range only(t, client).Buckets {
					names = append(names, b.Name)
				}
				took := time.Since(start)
				t.Logf("%d taken, %d refused in %s; apart: %q", s.Taken, s.Refused, took, names)
				if s.Refused > 60 || took > 75*time.Second {
					t.Errorf("%d refused in %s: 600 at 10 a second take 59 s", s.Refused, took)
				}
			})
		})
	}
}

// TestEndpointsOfJiraCloud: endpoints that state their sizes, and whose refusals say that they are
// for the endpoint, have a bucket each: none waits for the other, and once it is known what each
// gains hardly anything is refused.
//
//ci:plain
func TestEndpointsOfJiraCloud(t *testing.T) {
	countsRates(t)
	i := slices.IndexFunc(apis.Table, func(a apis.API) bool { return a.Name == "Jira Cloud, burst" })
	for _, c := range []struct{ search, issue int }{{8, 80}, {4, 60}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const per, run = 2 * time.Second, time.Minute
				servers, sizes := map[string]*apis.Server{}, map[string]int{"/search": c.search, "/issue": c.issue}
				for path, n := range sizes {
					a := apis.Table[i]
					a.N, a.Per = n, per
					servers[path] = apis.NewServer(a, time.Now())
				}
				client := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
					return apiWire(apis.Table[i], servers[req.URL.Path])(req)
				}))
				defer client.Close()
				rt := transport(t, client, httppolicy.Policy{Concurrency: apiWorkers})
				var wg sync.WaitGroup
				for path, n := range sizes {
					for w := range apiWorkers / 2 {
						wg.Go(func() {
							for k := range n * int(run/per) / (apiWorkers / 2) {
								if _, _, err := ask(t.Context(), rt, "GET",
									fmt.Sprint("http://host.example", path, "?", w, "-", k), ""); err != nil {
									t.Error(err)
								}
							}
						})
					}
				}
				wg.Wait()
				for path, s := range servers {
					took, refused := s.LastTime.Sub(s.First), percent(s.Refused-s.Volley, s.Taken)
					t.Logf("%s: %d taken in %s, %d refused, %d of them in the first volley", path, s.Taken, took,
						s.Refused,
						s.Volley)
					if most := max(1.5, percent(12, s.Taken)); took > run*11/10 || refused > most {
						t.Errorf("%s took %s, %.1f %% refused beside the first volley", path, took, refused)
					}
				}
			})
		})
	}
}

// TestEndpointsOfOneSize: endpoints that have limits of the same name and size, each its own, do
// not wait for each other, though nothing but what is left tells them apart; those that share one
// are one.
//
//ci:plain
func TestEndpointsOfOneSize(t *testing.T) {
	countsRates(t)
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared %v", shared), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := apis.API{Kind: apis.Window, N: 100, Per: 15 * time.Second,
					Tell: func(h http.Header, s apis.State) string {
						h.Set("X-RateLimit-Limit", "100")
						h.Set("X-RateLimit-Remaining", fmt.Sprint(s.Left))
						h.Set("X-RateLimit-Reset", fmt.Sprint(int(s.Reset.Seconds())+1))
						return ""
					}}
				tweets := apis.NewServer(a, time.Now())
				users := apis.NewServer(a, time.Now())
				if shared {
					users = tweets
				}
				client := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
					s := tweets
					if req.URL.Path == "/users" {
						s = users
					}
					return apiWire(a, s)(req)
				}))
				defer client.Close()
				rt := transport(t, client, httppolicy.Policy{Concurrency: 12})
				start, done := time.Now(), time.Duration(0)
				var mu sync.Mutex
				var wg sync.WaitGroup
				for i := range 12 {
					path, n := "/tweets", 30
					if i%4 == 0 {
						path, n = "/users", 25
					}
					wg.Go(func() {
						for k := range n {
							if _, _, err := ask(t.Context(), rt, "GET",
								fmt.Sprint("http://host.example", path, "?", i, "-", k), ""); err != nil {
								t.Error(err)
							}
						}
						if path == "/users" {
							mu.Lock()
							done = max(done, time.Since(start))
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				refused := tweets.Refused + users.Refused
				t.Logf("users done after %s, all after %s, %d refused", done, time.Since(start), refused)
				if soon := 3 * time.Second; !shared && done > soon || refused > 4 {
					t.Errorf("/users took %s, %d refused", done, refused)
				}
				named := func(b stats.Bucket) bool { return b.Name == "GET /users" }
				if split := slices.ContainsFunc(only(t, client).Buckets, named); split == shared {
					t.Errorf("counted apart: %v", split)
				}
			})
		})
	}
}
