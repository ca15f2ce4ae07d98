// The cache in its place: below the list of allowed hosts, above retries and credentials.

package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// paged is a host whose pages have a tag each and differ by account. Its error is on while down is
// set.
type paged struct {
	requests, conditional atomic.Int64
	down                  atomic.Bool
}

func (p *paged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	// a reply that held the credential would not be kept
	_, account, _ := strings.Cut(r.Header.Get("Authorization"), "-")
	tag := fmt.Sprintf("%q", r.URL.Path+account)
	w.Header().Set("Etag", tag)
	w.Header().Set("Vary", "Accept-Encoding, Cookie, Authorization")
	http.SetCookie(w, &http.Cookie{Name: "session", Value: "cookie-value"})
	switch {
	case p.down.Load():
		w.WriteHeader(http.StatusBadGateway)
	case r.Header.Get("If-None-Match") == tag:
		p.conditional.Add(1)
		w.WriteHeader(http.StatusNotModified)
	default:
		fmt.Fprintf(w, "%s for %s", r.URL.Path, account)
	}
}

func newPaged(t *testing.T) (*paged, string) {
	t.Helper()
	p := &paged{}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return p, s.URL
}

func TestASecondRunAsksWhetherItStillHolds(t *testing.T) {
	t.Parallel()
	host, url := newPaged(t)
	kept := &httppolicy.Cache{Dir: t.TempDir(), Mode: httppolicy.CacheOn, MaxSize: 1 << 20}
	run := func(mode httppolicy.CacheMode, token string) stats.Cache {
		t.Helper()
		c := New(Options{})
		defer c.Close()
		kept.Mode = mode
		p := httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, url)}, Cache: kept, Attempts: 1}
		p.Auth = []credential.Credential{{Scheme: "bearer", Value: credential.Bearer{Token: token}, Origins: p.Allow}}
		rt := transport(t, c, p)
		for _, path := range []string{"/1", "/2", "/3"} {
			resp, body, err := ask(t.Context(), rt, "GET", url+path, "")
			if err != nil || body != path+" for "+token[len("token-"):] || resp.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %q, %v", path, body, err)
			}
		}
		return only(t, c).Cache
	}
	const saved = 3 * int64(len("/1 for a"))
	for i, step := range []struct {
		mode     httppolicy.CacheMode
		token    string
		down     bool
		requests int64
		want     stats.Cache
	}{
		{httppolicy.CacheOn, "token-a", false, 3, stats.Cache{Misses: 3}},
		{httppolicy.CacheOn, "token-a", false, 3, stats.Cache{Revalidated: 3, BytesSaved: saved}},
		{httppolicy.CacheOn, "token-b", false, 3, stats.Cache{Misses: 3}},
		{httppolicy.CacheRefresh, "token-a", false, 3, stats.Cache{Misses: 3}},
		{httppolicy.CacheOff, "token-a", false, 3, stats.Cache{}},
		{httppolicy.CacheOnly, "token-a", true, 0, stats.Cache{Stale: 3, BytesSaved: saved}},
	} {
		host.requests.Store(0)
		host.down.Store(step.down)
		got := run(step.mode, step.token)
		if got != step.want || host.requests.Load() != step.requests {
			t.Errorf("run %d: %+v after %d requests; want %+v after %d", i+1, got, host.requests.Load(), step.want,
				step.requests)
		}
	}
	if host.conditional.Load() != 3 {
		t.Errorf("%d replies of 304, want 3", host.conditional.Load())
	}
}

// Only when all attempts came to nothing has a stale reply to do.
func TestStaleAfterRetries(t *testing.T) {
	t.Parallel()
	host, url := newPaged(t)
	c := New(Options{})
	defer c.Close()
	rt := transport(t, c, httppolicy.Policy{
		Allow: []origin.Origin{mustOrigin(t, url)}, Attempts: 2,
		Cache: &httppolicy.Cache{Dir: t.TempDir(), Mode: httppolicy.CacheOn, MaxSize: 1 << 20, StaleIfError: 1 << 40},
	})
	for _, down := range []bool{false, true} {
		host.down.Store(down)
		if resp, body, err := ask(t.Context(), rt, "GET", url+"/1", ""); err != nil || body != "/1 for " ||
			resp.StatusCode != 200 {
			t.Fatalf("down %t: %q, %v", down, body, err)
		}
	}
	if s := only(t, c); s.Cache.Stale != 1 || s.Status[502] != 2 {
		t.Errorf("%+v", s)
	}
}

func TestOnlyTheCache(t *testing.T) {
	t.Parallel()
	host, url := newPaged(t)
	c := New(Options{})
	defer c.Close()
	rt := transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, url)},
		Cache: &httppolicy.Cache{Dir: t.TempDir(), Mode: httppolicy.CacheOnly, MaxSize: 1 << 20}})
	for _, method := range []string{"GET", "POST"} {
		_, _, err := ask(t.Context(), body.ForFiles(rt), method, url+"/1", "x")
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "--cache=only asks nobody") ||
			!strings.HasPrefix(err.Error(), method+" "+url) {
			t.Errorf("%s: %v", method, err)
		}
		_, _, err = ask(t.Context(), rt, method, "http://elsewhere.example/1", "")
		if err == nil || !strings.Contains(err.Error(), "http.allow") {
			t.Errorf("a host that is not allowed: %v", err)
		}
	}
	if host.requests.Load() > 0 {
		t.Error("somebody was asked")
	}
}

// A body in a GET is part of the question.
func TestBodiesPassBy(t *testing.T) {
	t.Parallel()
	host, url := newPaged(t)
	c := New(Options{})
	defer c.Close()
	rt := transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, url)},
		Cache: &httppolicy.Cache{Dir: t.TempDir(), Mode: httppolicy.CacheOn, MaxSize: 1 << 20}})
	for range 2 {
		if _, _, err := ask(t.Context(), rt, "GET", url+"/1", "question"); err != nil {
			t.Fatal(err)
		}
	}
	if s := only(t, c).Cache; s != (stats.Cache{}) || host.requests.Load() != 2 || host.conditional.Load() != 0 {
		t.Errorf("%+v", s)
	}
}

func TestACacheThatCannotBe(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	defer c.Close()
	_, err := c.For(httppolicy.Policy{Plugin: "source x",
		Cache: &httppolicy.Cache{Dir: "\x00", Mode: httppolicy.CacheOn, MaxSize: 1}})
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "http of source x: cache folder") ||
		errors.Unwrap(err) == nil {
		t.Errorf("%v", err)
	}
}
