// Tests of trouble: rate limits, faults, credentials.

package jiratest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// ask sends one request straight to the handler.
func ask(s *Server, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/rest/api/2/serverInfo", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestLimitRefillsByTheClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	s := New(Options{Now: func() time.Time { return now }, Limit: &Limit{PerSecond: 0.5, Burst: 2}})
	for i, want := range []int{200, 200, 429, 429} {
		w := ask(s)
		if w.Code != want {
			t.Fatalf("request %d: %d, want %d", i, w.Code, want)
		}
		if want == 429 && w.Header().Get("Retry-After") != "2" {
			t.Errorf("Retry-After %q, want 2", w.Header().Get("Retry-After"))
		}
	}
	now = now.Add(2 * time.Second)
	if w := ask(s); w.Code != 200 {
		t.Errorf("after Retry-After: %d", w.Code)
	}
	if n := s.Stats().Limited; n != 2 {
		t.Errorf("statistics count %d refusals, want 2", n)
	}
}

func TestLimitForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		form   LimitForm
		header map[string]string
		html   bool
	}{
		{RetryAfterSeconds, map[string]string{"Retry-After": "10", "X-Ratelimit-Limit": ""}, false},
		{RetryAfterDate, map[string]string{"Retry-After": "Sun, 01 Jun 2025 12:00:10 GMT"}, false},
		{RetryAfterAbsent, map[string]string{"Retry-After": ""}, false},
		{HTMLBody, map[string]string{"Retry-After": ""}, true},
		{DataCenterHeaders, map[string]string{"Retry-After": "10", "X-Ratelimit-Limit": "1",
			"X-Ratelimit-Remaining": "0", "X-Ratelimit-Fillrate": "0.1", "X-Ratelimit-Interval-Seconds": "1"}, true},
		{CloudHeaders, map[string]string{"Retry-After": "10", "X-Ratelimit-Remaining": "0",
			"X-Ratelimit-Reset": "2025-06-01T12:01Z", "Ratelimit-Reason": "jira-burst-based"}, false},
	} {
		s := New(Options{Now: func() time.Time { return now }, Limit: &Limit{PerSecond: 0.1, Form: c.form}})
		first, second := ask(s), ask(s)
		if first.Code != 200 || second.Code != 429 {
			t.Errorf("form %d: %d then %d", c.form, first.Code, second.Code)
		}
		for name, want := range c.header {
			if got := second.Header().Get(name); got != want {
				t.Errorf("form %d: %s %q, want %q", c.form, name, got, want)
			}
		}
		if html := strings.Contains(second.Body.String(), "<html"); html != c.html {
			t.Errorf("form %d: HTML body %t, want %t", c.form, html, c.html)
		}
	}
}

// outcome tells how a request over a real connection ended.
func outcome(client *http.Client, address string) string {
	reply, err := client.Get(address)
	if err != nil {
		return "no reply"
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut"
	case err != nil:
		return err.Error()
	case strings.HasPrefix(reply.Header.Get("Content-Type"), "text/html"):
		return strconv.Itoa(reply.StatusCode) + " html"
	case reply.StatusCode == 200 && len(body) == 0:
		return "empty"
	}
	return strconv.Itoa(reply.StatusCode)
}

func faulty(seed uint64) *Server {
	return New(Options{Seed: seed, Faults: Faults{ServerErrors: 0.2, HTMLErrors: 0.2, Truncated: 0.2, Resets: 0.2,
		MaxInARow: 3}})
}

// play makes n attempts at each of three requests, one client a connection.
func play(t *testing.T, s *Server, n int) map[string][]string {
	t.Helper()
	h := httptest.NewServer(s)
	defer h.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var mu sync.Mutex
	var all sync.WaitGroup
	out := map[string][]string{}
	for _, path := range []string{"serverInfo", "status", "priority"} {
		all.Go(func() {
			for range n {
				o := outcome(client, h.URL+"/rest/api/2/"+path)
				mu.Lock()
				out[path] = append(out[path], o)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return out
}

func TestFaultsFollowTheSeedAlone(t *testing.T) {
	t.Parallel()
	s := faulty(7)
	first, second := play(t, s, 40), play(t, faulty(7), 40)
	kinds := map[string]int{}
	for path, outcomes := range first {
		row := 0
		for i, o := range outcomes {
			if o != second[path][i] {
				t.Fatalf("%s, attempt %d: %s, then %s with the same seed", path, i, o, second[path][i])
			}
			kinds[o]++
			if row++; o == "200" {
				row = 0
			}
			if row > 3 {
				t.Fatalf("%s: more than 3 failures in a row: %v", path, outcomes)
			}
		}
	}
	for _, want := range []string{"200", "cut", "no reply", "503 html", "504"} {
		if kinds[want] == 0 {
			t.Errorf("no %q among %v", want, kinds)
		}
	}
	stats := s.Stats()
	if stats.Requests != 120 || stats.Faults["reset"] != kinds["no reply"] ||
		stats.Faults["truncated"] != kinds["cut"] {
		t.Errorf("statistics %+v do not tell what happened: %v", stats, kinds)
	}
}

func TestFaultsReadThePostBodyAndGiveItBack(t *testing.T) {
	t.Parallel()
	s := New(Options{Faults: Faults{ServerErrors: 1, MaxInARow: 1}})
	s.Generate(Synthetic{Projects: []Project{{Key: "A", Issues: 1}}})
	h := httptest.NewServer(s)
	defer h.Close()
	if got := outcome(http.DefaultClient, h.URL+"/rest/api/2/search?jql=x"); got == "200" {
		t.Error("the first attempt succeeded")
	}
	reply, err := http.Post(h.URL+"/rest/api/2/search", "application/json", strings.NewReader(`{"jql":"project = A"}`))
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	var page results
	post(t, h.URL+"/rest/api/2/search", `{"jql":"project = A"}`, 200, &page)
	if page.Total != 1 {
		t.Errorf("total %d, want 1", page.Total)
	}
}

func TestSlowAndLatencyEndWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Latency: time.Second, Faults: Faults{Slow: 1, Delay: time.Minute}})
		begin := time.Now()
		if w := ask(s); w.Code != 200 || time.Since(begin) != 61*time.Second {
			t.Errorf("%d after %v, want 200 after 61 s", w.Code, time.Since(begin))
		}
		if s.Stats().Faults["slow"] != 1 {
			t.Error("the slow reply was not counted")
		}
	})
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	auth := Auth{Basic: map[string]string{"ann": "secret"}, Bearer: map[string]string{"tok": "ann"}}
	silent := auth
	silent.NoAnonymous, silent.SilentFailure = true, true
	basic := func(password string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth("ann", password)
		return r.Header.Get("Authorization")
	}
	for _, c := range []struct {
		name, path, header string
		auth               Auth
		want               int
		body               string
	}{
		{"anonymous", "myself", "", auth, 401, "Client must be authenticated"},
		{"anonymous may look", "project", "", auth, 200, `"key":"A"`},
		{"basic", "myself", basic("secret"), auth, 200, `"name":"ann"`},
		{"bearer", "myself", "Bearer tok", auth, 200, `"timeZone":"UTC"`},
		{"wrong password", "project", basic("no"), auth, 401, "AUTHENTICATED_FAILED"},
		{"unknown token", "project", "Bearer no", auth, 401, "Client must be authenticated"},
		{"silent failure", "project", "Bearer no", silent, 200, "[]"},
		{"silent failure shows at myself", "myself", "Bearer no", silent, 401, ""},
		{"hidden project", "search?jql=project%3DA", "", Auth{NoAnonymous: true}, 400,
			"The value 'A' does not exist for the field 'project'."},
		{"hidden issue", "issue/A-1", "", Auth{NoAnonymous: true}, 401, "Login Required"},
	} {
		s := New(Options{Auth: c.auth})
		s.Generate(Synthetic{Projects: []Project{{Key: "A", Issues: 1}}})
		r := httptest.NewRequest("GET", "/rest/api/2/"+c.path, nil)
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.want || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s: %d %s; want %d with %s", c.name, w.Code, w.Body, c.want, c.body)
		}
	}
}

func TestDeadTokenOnCloudFindsNothing(t *testing.T) {
	t.Parallel()
	s := New(Options{Flavour: Cloud, Auth: Auth{NoAnonymous: true, SilentFailure: true}})
	s.Generate(Synthetic{Projects: []Project{{Key: "A", Issues: 1}}})
	r := httptest.NewRequest("GET", "/rest/api/3/search/jql?jql=project%3DA", nil)
	r.Header.Set("Authorization", "Bearer dead")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || got != `{"issues":[],"isLast":true}` {
		t.Errorf("%d %s; want 200 and nothing", w.Code, got)
	}
	if w.Header().Get("X-Seraph-LoginReason") != "AUTHENTICATED_FAILED" {
		t.Error("no header tells that the login failed")
	}
}

func TestStatsCountRoutesAndPeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Latency: time.Second})
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { ask(s) })
		}
		all.Wait()
		ask(s)
		stats := s.Stats()
		if stats.Peak != 3 || stats.Requests != 4 || stats.Routes["GET /rest/api/2/serverInfo"][200] != 4 {
			t.Errorf("%+v; want 4 of serverInfo, 3 at once", stats)
		}
	})
}
