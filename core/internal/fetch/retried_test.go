package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
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

const page = "http://host.example/x"

func TestRetriedFailures(t *testing.T) {
	cut := "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
	for name, fault := range map[string]script{
		"500": answer(500, "x"), "502": answer(502, "x"), "503": answer(503, "<html>"), "504": answer(504, ""),
		"408": answer(408, ""), "425": answer(425, ""), "429": answer(429, "<html>slow down</html>"),
		"522": answer(522, ""),
		"507": answer(507, ""), "508": answer(508, ""), "509": answer(509, ""), "525": answer(525, ""),
		"529": answer(529, ""), "530": answer(530, ""), "599": answer(599, ""),
		"closed":        raw(""),
		"head cut":      raw("HTTP/1.1 200 OK\r\nContent-Le"),
		"not http":      raw("SSH-2.0-OpenSSH_9.6\r\n"),
		"body cut":      raw(cut),
		"chunk cut":     raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"),
		"chunk garbage": raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcde\r\n"),
		"gzip cut in its second part": answer(200, encoded(t, "gzip", "hello")+encoded(t, "gzip", "hello")[:5],
			"Content-Encoding: gzip"),
		"gzip cut": answer(200, encoded(t, "gzip", "hello")[:20], "Content-Encoding: gzip"),
		"zstd cut": answer(200, encoded(t, "zstd", strings.Repeat("hello", 100))[:12],
			"Content-Encoding: zstd"),
		"br cut": answer(200, encoded(t, "br", strings.Repeat("hello", 100))[:6],
			"Content-Encoding: br"),
		"broken after deflate": raw(
			"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n" +
				chunk(encoded(t, "deflate", "hello")) + "zz\r\n"),
		"no head":     stall(""),
		"half a head": stall("HTTP/1.1 200 OK\r\n"),
		"idle body":   stall(cut),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{scripts: []script{fault, fault, answer(200, "good")}}
				c := s.client(t, Options{})
				resp, body, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, "")
				if err != nil || resp.StatusCode != 200 || body != "good" {
					t.Fatalf("%v %q %v", resp, body, err)
				}
				if n := s.requests.Load(); n != 3 {
					t.Errorf("%d requests, want 3", n)
				}
				retries := int64(0)
				for _, n := range only(t, c).Retries {
					retries += n
				}
				if retries != 2 {
					t.Errorf("counted %v", only(t, c).Retries)
				}
				c.Close()
			})
		})
	}
}

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// TestUnknownHost: a name that does not exist is looked up twice, not six times.
func TestUnknownHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		wire := newWire()
		c := newClient(Options{}, wire)
		wire.DialContext = func(context.Context, string, string) (netConn, error) {
			dials++
			return nil, &net.OpError{Op: "dial",
				Err: &net.DNSError{Err: "no such host", Name: "host.example", IsNotFound: true}}
		}
		_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, "")
		if err == nil || dials != 2 || !strings.Contains(err.Error(),
			"no host has the name host.example (2×); is it spelt right") {
			t.Errorf("%v after %d", err, dials)
		}
	})
}

func TestNotRetried(t *testing.T) {
	for _, status := range []int{200, 204, 301, 304, 400, 401, 403, 404, 410, 501, 505} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{scripts: []script{answer(status, "")}}
			if status == 204 || status == 304 {
				s.scripts[0] = func(c netConn, _ *http.Request) bool {
					_, err := c.Write([]byte("HTTP/1.1 " + fault.StatusText(status) + "\r\n\r\n"))
					return err == nil
				}
			}
			c := s.client(t, Options{})
			resp, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, "")
			if err != nil || resp.StatusCode != status || s.requests.Load() != 1 {
				t.Errorf("%d: %v %v, %d requests", status, resp, err, s.requests.Load())
			}
			c.Close()
		})
	}
}

func TestGivenUp(t *testing.T) {
	t.Run("reply handed through", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{scripts: []script{answer(503, "down for today")}}
			c := s.client(t, Options{})
			defer c.Close()
			resp, body, err := ask(t.Context(), transport(t, c, httppolicy.Policy{Attempts: 3}), "GET", page, "")
			if err != nil || resp.StatusCode != 503 || body != "down for today" || s.requests.Load() != 3 {
				t.Errorf("%v %q %v after %d", resp, body, err, s.requests.Load())
			}
		})
	})
	t.Run("error names the attempts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{scripts: []script{answer(503, ""), answer(503, ""), raw("")}}
			c := s.client(t, Options{})
			defer c.Close()
			_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{Attempts: 4}), "GET", page, "")
			if err == nil || sdk.IsPermanent(err) {
				t.Fatalf("%v", err)
			}
			for _, part := range []string{"GET " + page + ": ", "gave up after 4 attempts in ",
				": 503 Service Unavailable (2×), connection closed (2×)"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	})
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var longest time.Duration
		for range 200 {
			s := &scripted{scripts: []script{answer(503, "")}}
			c := s.client(t, Options{})
			start := time.Now()
			if _, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, ""); err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			longest = max(longest, took)
			within(t, "5 waits", took, 0, 15500*time.Millisecond) // 0.5 + 1 + 2 + 4 + 8
			c.Close()
		}
		within(t, "the longest of 200", longest, 8*time.Second, 15500*time.Millisecond)
	})
}

func TestOnlyIdempotentIsRepeated(t *testing.T) {
	for _, c := range []struct {
		method string
		mark   bool
		fault  script
		want   int64
	}{
		{"POST", false, answer(503, ""), 1},
		{"POST", false, answer(429, ""), 1},
		{"POST", false, raw(""), 1},
		{"PATCH", false, answer(500, ""), 1},
		{"POST", true, answer(503, ""), 2},
		{"POST", true, raw(""), 2},
		{"PUT", false, answer(503, ""), 2},
		{"DELETE", false, answer(503, ""), 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{scripts: []script{c.fault, answer(200, "good")}, bodies: make(chan string, 10)}
			client := s.client(t, Options{})
			defer client.Close()
			ctx := t.Context()
			if c.mark {
				ctx = sdk.Idempotent(ctx)
			}
			resp, _, err := ask(ctx, transport(t, client, httppolicy.Policy{}), c.method, page, "the body")
			says := fmt.Sprint(err)
			if err == nil {
				says = reply.GaveUp(resp)
			}
			if why := "a " + c.method + " is not sent twice unless its plugin marks it as idempotent"; strings.Contains(
				says, why) != (c.want == 1) {
				t.Errorf("%s, marked %v: it says %q", c.method, c.mark, says)
			}
			if n := s.requests.Load(); n != c.want {
				t.Errorf("%s, marked %v: %d requests, want %d", c.method, c.mark, n, c.want)
			}
			for range c.want {
				if b := <-s.bodies; b != "the body" {
					t.Errorf("an attempt sent %q", b)
				}
			}
		})
	}
}

// TestUnsentIsRepeated: a POST of which nothing was sent may go again.
func TestUnsentIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{scripts: []script{answer(200, "good")}}
		c := s.client(t, Options{})
		defer c.Close()
		wire := theWire(t, c)
		dial, refusals := wire.DialContext, 2
		wire.DialContext = func(ctx context.Context, network, addr string) (netConn, error) {
			if refusals--; refusals >= 0 {
				return nil, errors.New("connect: connection refused")
			}
			return dial(ctx, network, addr)
		}
		_, body, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "POST", page, "b")
		if err != nil || body != "good" || refusals != -1 {
			t.Errorf("%q %v", body, err)
		}
	})
}

func TestRefusedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := newWire()
		c := newClient(Options{}, wire)
		wire.DialContext = func(context.Context, string, string) (netConn, error) {
			return nil, errors.New("dial tcp 127.0.0.1:80: connect: connection refused")
		}
		_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, "")
		if err == nil || sdk.IsPermanent(err) ||
			!strings.Contains(err.Error(), "connection refused by host.example:80 (6×); is the server running") {
			t.Errorf("%v", err)
		}
	})
}

// TestPauseHoldsForAll: one 429 stops every plugin's requests to the host, and its end does not set
// them all free at once.
func TestPauseHoldsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var waits []stats.Wait
		s := &scripted{scripts: []script{answer(200, ""), answer(429, "", "Retry-After: 12"), answer(200, "")}}
		replies := map[int]int{}
		listeners := append(onWait(func(w stats.Wait) { mu.Lock(); waits = append(waits, w); mu.Unlock() }),
			func(e observe.Event) {
				if e, ok := e.(observe.Exchanged); ok && e.Host == "host.example" {
					mu.Lock()
					replies[e.Status]++
					mu.Unlock()
				}
			})
		c := s.client(t, Options{Listeners: listeners})
		defer c.Close()
		one, two := transport(t, c, httppolicy.Policy{Plugin: "one"}), transport(t, c, httppolicy.Policy{Plugin: "two"})
		start := time.Now()
		if _, _, err := ask(t.Context(), one, "GET", page, ""); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := ask(t.Context(), one, "GET", page, ""); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		if w := only(t, c).Waiting; w == nil || w.String() != "host.example: 429 (Retry-After), retry in 12 s" {
			t.Errorf("waiting: %v", w)
		}
		wg.Go(func() {
			if _, _, err := ask(t.Context(), two, "GET", page, ""); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		within(t, "both", time.Since(start), 12*time.Second, 15*time.Second)
		if len(waits) != 1 || waits[0].For != 12*time.Second {
			t.Errorf("told of %v", waits)
		}
		if replies[200] != 3 || replies[429] != 1 {
			t.Errorf("told of exchanges %v", replies)
		}
		if st := only(t, c); st.Waits[stats.WaitPause].Count == 0 || st.Status[429] != 1 || st.Status[200] != 3 ||
			st.Retries["429"] != 1 {
			t.Errorf("counted %+v", st)
		}
	})
}

// TestPauseThatBeginsInLine: a request that has its place in the schedule already keeps a pause
// that begins now.
func TestPauseThatBeginsInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
			times = append(times, time.Now())
			n := len(times)
			if err := trip.Sleep(req.Context(), 5*time.Second); err != nil {
				return nil, err
			}
			r := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}
			if n == 3 {
				r.StatusCode, r.Header = 429, http.Header{"Retry-After": {"60"}}
			}
			return r, nil
		}))
		crawl(t, c, httppolicy.Policy{Rate: 0.1, Concurrency: 4}, 5)
		within(t, "the next one after the refusal", times[3].Sub(times[2]), 65*time.Second, 80*time.Second)
	})
}

func TestThrottlingHasItsOwnLimit(t *testing.T) {
	t.Run("longer than is kept", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{scripts: []script{answer(429, "", "Retry-After: 7200")}}
			c := s.client(t, Options{})
			defer c.Close()
			start := time.Now()
			_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, "")
			within(t, "error", time.Since(start), 0, time.Second)
			within(t, "RetryAfter", sdk.RetryDelay(err), 7190*time.Second, 7200*time.Second)
			if !sdk.IsPermanent(err) || s.requests.Load() != 1 ||
				!strings.Contains(err.Error(),
					"the quota of host.example is used up until 02:00 (Retry-After), longer than http.max_wait "+
						"(15 min); run again then") {
				t.Errorf("%v after %d", err, s.requests.Load())
			}
			// Another request does not go, nor wait.
			_, _, err = ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, "")
			if sdk.RetryDelay(err) == 0 || s.requests.Load() != 1 {
				t.Errorf("%v after %d", err, s.requests.Load())
			}
		})
	})
	for until, header := range map[string]string{
		"used up for more than 99 years (Retry-After), longer " +
			"than http.max_wait (15 min)": "Retry-After: 99999999999999999999",
		"used up for more than 99 years (X-Retry-After), longer " +
			"than http.max_wait (15 min)": "X-Retry-After: 99999999999999999999",
		"used up until 2000-02-16 07:06 (Retry-After), longer than http.max_wait " +
			"(15 min); run again then": "Retry-After: 4000000",
		"used up until 2000-02-16 07:06 (Retry-After-Ms), longer than http.max_wait " +
			"(15 min); run again then": "Retry-After-Ms: 4000000000",
	} {
		t.Run(header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{scripts: []script{answer(429, "", header)}}
				c := s.client(t, Options{})
				defer c.Close()
				start := time.Now()
				_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, "")
				within(t, "error", time.Since(start), 0, time.Second)
				if !sdk.IsPermanent(err) || s.requests.Load() != 1 || !strings.Contains(err.Error(), until) {
					t.Errorf("%v after %d requests", err, s.requests.Load())
				}
			})
		})
	}
	t.Run("many do not use up the attempts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			busy := answer(429, "", "Retry-After: 20")
			s := &scripted{scripts: []script{busy, busy, busy, busy, busy, busy, busy, busy, busy,
				answer(200, "at last")}}
			c := s.client(t, Options{})
			defer c.Close()
			_, body, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, "")
			if err != nil || body != "at last" {
				t.Errorf("%q %v", body, err)
			}
		})
	})
	t.Run("but the stall limit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{scripts: []script{answer(429, "", "Retry-After: 60")}}
			c := s.client(t, Options{})
			defer c.Close()
			start := time.Now()
			_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{MaxWait: 10 * time.Minute}), "GET", page,
				"")
			within(t, "gave up", time.Since(start), 10*time.Minute, 11*time.Minute)
			if sdk.RetryDelay(err) == 0 || !strings.Contains(err.Error(), "429 Too Many Requests") {
				t.Errorf("%v", err)
			}
		})
	})
}

func TestCancelIsPrompt(t *testing.T) {
	for name, scripts := range map[string][]script{
		"in a pause":     {answer(429, "", "Retry-After: 600")},
		"in a backoff":   {raw("")},
		"before a head":  {stall("")},
		"within a body":  {stall("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")},
		"after refusals": {answer(429, "")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{scripts: scripts}
				c := s.client(t, Options{})
				defer c.Close()
				p := httppolicy.Policy{Attempts: 1000, HeaderTimeout: time.Hour, IdleTimeout: time.Hour,
					Timeout: 10 * time.Hour}
				ctx, cancel := context.WithTimeout(t.Context(), 11*time.Minute)
				if name == "in a pause" {
					cancel()
					ctx, cancel = context.WithTimeout(t.Context(), 5*time.Minute)
				}
				defer cancel()
				_, _, err := ask(ctx, transport(t, c, p), "GET", page, "")
				deadline, _ := ctx.Deadline()
				within(t, "return", time.Since(deadline), 0, time.Millisecond)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// TestCancelInLine: giving up a place in line, or in the gate, does not stop those behind.
func TestCancelInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{scripts: []script{func(c netConn, req *http.Request) bool {
			time.Sleep(10 * time.Second)
			return answer(200, "")(c, req)
		}}}
		c := s.client(t, Options{})
		defer c.Close()
		rt := transport(t, c, httppolicy.Policy{Concurrency: 1})
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%2 == 1 {
					time.AfterFunc(5*time.Second, cancel)
				}
				_, _, err := ask(ctx, rt, "GET", page, "")
				if err != nil && i%2 == 0 {
					t.Error(err)
				}
			})
		}
		start := time.Now()
		wg.Wait()
		within(t, "all", time.Since(start), 25*time.Second, 41*time.Second)
		if n := only(t, c).InFlight; n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}

// TestResetAloneIsObeyed: a refusal may say when to come again by a reset and nothing else.
func TestResetAloneIsObeyed(t *testing.T) {
	for _, header := range []string{"X-RateLimit-Reset: 30", "X-Beta-RateLimit-Reset: 30",
		`Beta-RateLimit: "quota";r=0;t=30`, `RateLimit: "a";r=0;t=30`} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{scripts: []script{answer(429, "<html>no</html>", header), answer(200, "good")}}
			c := s.client(t, Options{})
			start := time.Now()
			if _, body, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, ""); err != nil ||
				body != "good" {
				t.Fatalf("%s: %q %v", header, body, err)
			}
			within(t, header, time.Since(start), 30*time.Second, 31*time.Second)
			c.Close()
		})
	}
}
