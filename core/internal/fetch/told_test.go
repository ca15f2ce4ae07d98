package fetch

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/observe"
)

// TestLongPauseIsNoAttempt: a pause that is too long to wait for is told beside the one attempt
// that there was.
func TestLongPauseIsNoAttempt(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	c, s, p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	p.MaxWait = time.Minute
	_, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, "")
	if err == nil || asked.Load() != 1 {
		t.Fatalf("%d requests, %v", asked.Load(), err)
	}
	for _, part := range []string{"gave up after one attempt in ", ": 429 Too Many Requests; ",
		"longer than http.max_wait"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}

// TestNoRateIsWaitedForLongerThanMaxWait: a host whose rate, as it states it, puts the next request
// farther away than http.max_wait ends the request; a rate of the pipeline file is what the user
// wants.
func TestNoRateIsWaitedForLongerThanMaxWait(t *testing.T) {
	run := func(t *testing.T, p httppolicy.Policy, headers ...string) (took time.Duration, err error) {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{scripts: []script{answer(200, "{}", headers...)}}
			client := s.client(t, Options{})
			defer client.Close()
			rt, start := transport(t, client, p), time.Now()
			for range 3 {
				if _, _, err = ask(t.Context(), rt, "GET", page, ""); err != nil {
					break
				}
			}
			took = time.Since(start)
		})
		return took, err
	}
	slow := []string{"X-RateLimit-Limit: 90", "X-RateLimit-Remaining: 5",
		"X-RateLimit-Replenish-Rate: 0.0222"}
	took, err := run(t, httppolicy.Policy{MaxWait: 20 * time.Second}, slow...)
	if err == nil || !strings.Contains(err.Error(), "longer than http.max_wait (20 s)") ||
		!strings.Contains(err.Error(), "stated: X-Ratelimit") || took > time.Second {
		t.Errorf("after %s: %v", took, err)
	}
	if took, err := run(t, httppolicy.Policy{MaxWait: time.Minute}, slow...); err != nil || took < 45*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
	if took, err := run(t, httppolicy.Policy{MaxWait: 20 * time.Second, Rate: 1. / 45}); err != nil ||
		took < 80*time.Second {
		t.Errorf("the file's rate, after %s: %v", took, err)
	}
}

// TestHeadersOfTheHostAreTold: who gives a header that is the host's hears that it is not sent.
func TestHeadersOfTheHostAreTold(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(http.ResponseWriter, *http.Request) {})
	var told []string
	ctx := observe.Into(t.Context(), func(e observe.Event) { s := e.(observe.Step); told = append(told, s.Text) })
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Basic eA=="}, "X-Mine": {"1"}}
	resp, err := transport(t, c, p).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	all := strings.Join(told, "\n")
	if !strings.Contains(all, "the header Authorization is not sent") || strings.Contains(all, "X-Mine") {
		t.Error(all)
	}
}

// TestRequestsOnTheWayAreTold: what the host asks for itself on the way, an access token or the
// robots.txt, is told apart from the request, and so is what a request waits for.
func TestRequestsOnTheWayAreTold(t *testing.T) {
	t.Parallel()
	var throttled atomic.Bool
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token": "sesame-4711", "token_type": "Bearer", "expires_in": 3600}`)
		case r.URL.Path == "/robots.txt":
			fmt.Fprint(w, "User-agent: *\nDisallow: /private")
		case !throttled.Swap(true):
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	p.Robots = true
	p.Auth = []credential.Credential{{Scheme: "oauth2", Origins: p.Allow, Pos: "jira.hcl:5",
		Value: credential.OAuth2{Grant: credential.GrantClientCredentials, TokenURL: s.URL + "/token", ClientID: "me",
			ClientSecret: "sesame"}}}
	rt := transport(t, c, p)
	steps := map[string]string{}
	told := func(url string) error {
		clear(steps)
		ctx := observe.Into(t.Context(),
			func(e observe.Event) { s := e.(observe.Step); steps[s.For] += s.Part + ": " + s.Text + "\n" })
		_, _, err := ask(ctx, rt, "GET", url, "")
		return err
	}
	if err := told(s.URL + "/page"); err != nil {
		t.Fatal(err)
	}
	for what, parts := range map[string][]string{
		"access token": {"allow: asks " + s.URL + "/token, which the pipeline file names", "wire: ", "reply: 200 OK"},
		"robots.txt":   {"reply: 200 OK"},
		"": {
			"auth: auth \"oauth2\" of jira.hcl:5", "robots: robots.txt allows it",
			"retry: attempt 1: 429 Too Many Requests", "pace: no wait; no limit of the rate is known",
			"pace: waited: pause 1 s (429)", "wire: an open connection", "reply: 200 OK",
		},
	} {
		for _, part := range parts {
			if !strings.Contains(steps[what], part) {
				t.Errorf("for %q: %q is not in\n%s", what, part, steps[what])
			}
		}
	}
	if strings.Contains(steps[""], "/token") || strings.Count(steps[""], "allow: ") != 1 {
		t.Errorf("the request's own steps:\n%s", steps[""])
	}
	if err := told(s.URL + "/private"); err == nil ||
		!strings.Contains(steps[""], "robots: robots.txt forbids it (Disallow: /private)") || len(steps) != 1 {
		t.Errorf("%v %v", err, steps)
	}
}

// TestOneReplyOfABudgetStatesNoRate: what one reply states of a budget whose window is about to end
// is told as that, and not as a rate.
func TestOneReplyOfABudgetStatesNoRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{scripts: []script{answer(200, "{}", "X-RateLimit-Limit: 40", "X-RateLimit-Remaining: 39",
			fmt.Sprint("X-RateLimit-Reset: ", time.Now().Add(2*time.Second).Unix()),
			"Date: "+time.Now().UTC().Format(http.TimeFormat))}}
		client := s.client(t, Options{})
		defer client.Close()
		var pace string // what holds after the reply
		ctx := observe.Into(t.Context(), func(e observe.Event) {
			if s := e.(observe.Step); s.Part == "pace" {
				pace = s.Text
			}
		})
		if _, _, err := ask(ctx, transport(t, client, httppolicy.Policy{}), "GET", page, ""); err != nil {
			t.Fatal(err)
		}
		const want = "from now on: no limit of the rate, 2 at once (more with each reply); " +
			"X-Ratelimit: 39 of 40 left, in full again in 2 s"
		if pace != want {
			t.Errorf("%s; want %s", pace, want)
		}
	})
}
