// What other HTTP clients were seen to get wrong, each with a test of its own.

package fetch

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// TestApiKeyStaysAtItsHost: net/http takes Authorization off a request that is redirected to another host, and leaves
// X-Api-Key on.
func TestApiKeyStaysAtItsHost(t *testing.T) {
	t.Parallel()
	var got []string
	note := func(r *http.Request) {
		got = append(got, r.Header.Get("X-Api-Key")+r.URL.Query().Get("key")+r.Header.Get("Cookie"))
	}
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { note(r) }))
	defer other.Close()
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(r)
		http.Redirect(w, r, other.URL+"/?"+r.URL.RawQuery, http.StatusFound) // hands the key on, as some do
	})
	for _, kind := range []string{AuthHeader, AuthQuery, AuthCookie} {
		p.Auth = append(p.Auth, Auth{Kind: kind, Name: map[string]string{AuthHeader: "X-Api-Key", AuthQuery: "key", AuthCookie: "id"}[kind], Value: "sesame-4711", Origins: p.Allow[:1:1]})
	}
	p.Allow = append(p.Allow, mustOrigin(t, other.URL))
	resp, err := (&http.Client{Transport: transport(t, c, p)}).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() // empty
	if len(got) != 2 || got[0] != "sesame-4711sesame-4711id=sesame-4711" || got[1] != "" {
		t.Errorf("the hosts got %q, want all three at the first alone", got)
	}
}

// TestHostOverride: net/http asks one host in the name of another if req.Host says so.
func TestHostOverride(t *testing.T) {
	t.Parallel()
	var got string
	c, s, p := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Host })
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "internal.example\r\nX-Evil: 1"
	resp, err := transport(t, c, p).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() // empty
	if "http://"+got != s.URL {
		t.Errorf("asked for the host %q", got)
	}
}

// TestGzipBomb: 261 kB that become 268 MB, of a Content-Length that says nothing.
func TestGzipBomb(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 256 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if ratio := 256 << 20 / bomb.Len(); ratio < 1000 {
		t.Fatalf("it grows %d times only", ratio)
	}
	requests := 0
	c, s, p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes()) // an error: the client has had enough
	})
	_, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, "")
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "more than 200 times its size") || requests != 1 {
		t.Errorf("%v after %d requests", err, requests)
	}
}

// TestLineBreaksInRequests: no part of a request can begin another line.
func TestLineBreaksInRequests(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Evil") != "" {
			t.Error("a header was smuggled in")
		}
	})
	rt := transport(t, c, p)
	for name, change := range map[string]func(*http.Request){
		"value":  func(r *http.Request) { r.Header["A"] = []string{"b\r\nX-Evil: 1"} },
		"name":   func(r *http.Request) { r.Header["A: b\r\nX-Evil"] = []string{"1"} },
		"method": func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nX-Evil: 1\r\nA" },
		"agent":  func(r *http.Request) { r.Header["User-Agent"] = []string{"b\nX-Evil: 1"} },
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		change(req)
		if _, err := rt.RoundTrip(req); !sdk.IsPermanent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
