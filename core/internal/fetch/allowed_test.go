package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/sdk"
)

func TestAllowList(t *testing.T) {
	allow := []origin.Origin{mustOrigin(t, "https://a.example"), mustOrigin(t, "http://*.b.example:8080"),
		mustOrigin(t, "http://127.0.0.1")}
	var asked []string
	c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
		asked = append(asked, req.URL.String())
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
	}))
	rt := transport(t, c, httppolicy.Policy{Allow: allow})
	for raw, ok := range map[string]bool{
		"https://a.example/x":           true,
		"https://A.EXAMPLE.:443/x":      true,
		"http://x.b.example:8080/":      true,
		"http://x.y.b.example:8080/":    true,
		"http://127.0.0.1/":             true,
		"http://a.example/":             false, // another scheme
		"https://a.example:8443/":       false,
		"https://sub.a.example/":        false,
		"http://b.example:8080/":        false, // below it only
		"http://xb.example:8080/":       false,
		"http://x.b.example:8080.evil/": false,
		"https://a.example.evil/":       false,
		"https://a.example@evil/":       false,
		"https://u:p@a.example/":        false,
		"http://2130706433/":            false, // 127.0.0.1 in other words
		"http://[::ffff:127.0.0.1]/":    false,
		"file:///etc/passwd":            false,
		"https://*.b.example:8080/":     false,
	} {
		asked = nil
		u, err := url.Parse(raw)
		if err != nil {
			continue // does not even become a request
		}
		_, err = rt.RoundTrip(&http.Request{Method: "GET", URL: u})
		if ok != (err == nil) || ok != (len(asked) == 1) || err != nil && !sdk.IsPermanent(err) {
			t.Errorf("%s: asked %v, %v", raw, asked, err)
		}
	}
}

func FuzzAllowList(f *testing.F) {
	for _, s := range []string{"https://a.example/", "https://a.example@b/", "https://a.example\\@b",
		"http://[::1%25a]/", "https:a.example", "https://a.example:0443/"} {
		f.Add(s)
	}
	allow := mustOrigin(f, "https://a.example")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
			if req.URL.Scheme != "https" || req.URL.Host != "a.example" || req.URL.User != nil || req.Host != "" {
				t.Errorf("%q leads to %s, host %q", raw, req.URL, req.Host)
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
		}))
		rt := transport(t, c, httppolicy.Policy{Allow: []origin.Origin{allow}})
		if resp, err := rt.RoundTrip(&http.Request{Method: "GET", URL: u, Host: "evil"}); err == nil {
			resp.Body.Close()
		}
	})
}

func TestRequestIsTheHostsOwn(t *testing.T) {
	t.Parallel()
	var got *http.Request
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Set-Cookie", "session=1")
		w.Header().Set("Location", "http://elsewhere.example/")
		w.WriteHeader(302)
	})
	p.Auth = []credential.Credential{{Scheme: "header", Value: credential.Header{Name: "x-api-key", Value: "s3cret"},
		Origins: p.Allow}}
	resp, _, err := ask(t.Context(), transport(t, c, p), "POST", s.URL+"/x#frag", "body", "Authorization: Basic eDp5",
		"cookie: a=b", "Proxy-Authorization: x",
		"Host: other.example", "X-API-KEY: mine", "TE: trailers", "Accept-Encoding: lzma", "User-Agent: me",
		"Connection: upgrade", "Upgrade: h2c", "Transfer-Encoding: x",
		"Content-Length: 99", "Accept: application/json", "X-Other: kept")
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 302 || resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Location") == "" ||
		resp.Request.Header.Get("X-Api-Key") != "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	for name, want := range map[string]string{
		"Authorization": "", "Cookie": "", "Proxy-Authorization": "", "Te": "", "Connection": "", "Upgrade": "",
		"X-Api-Key":       "s3cret",
		"Accept-Encoding": "zstd, br, gzip", "Accept": "application/json", "X-Other": "kept",
		"User-Agent": "scrapekit/dev (+https://github.com/scrapekit/scrapekit)",
	} {
		if got.Header.Get(name) != want || len(got.Header.Values(name)) > 1 {
			t.Errorf("%s: %q, want %q", name, got.Header.Values(name), want)
		}
	}
	if "http://"+got.Host != s.URL || got.ContentLength != 4 || len(got.TransferEncoding) > 0 {
		t.Errorf("host %s, length %d, %v", got.Host, got.ContentLength, got.TransferEncoding)
	}
}

// TestRefererStaysAtItsHost: an http.Client sends the URL that it was redirected from, with the key
// in its query.
func TestRefererStaysAtItsHost(t *testing.T) {
	t.Parallel()
	var other *httptest.Server
	got := map[string]string{}
	note := func(r *http.Request) { got[r.URL.Path] = r.Header.Get("Referer") }
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(r)
		next := "/same"
		if r.URL.Path == "/same" {
			next = other.URL + "/other"
		}
		http.Redirect(w, r, next+"?api_key=hunter2", http.StatusFound)
	})
	other = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { note(r) }))
	defer other.Close()
	p.Allow = append(p.Allow, mustOrigin(t, other.URL))
	rt := transport(t, c, p)
	resp, err := (&http.Client{Transport: rt}).Get(s.URL + "/first?api_key=hunter2")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() // empty
	if want := s.URL + "/first"; got["/same"] != want {
		t.Errorf("at its own host: %q, want %q", got["/same"], want)
	}
	if referer, asked := got["/other"]; !asked || referer != "" {
		t.Errorf("at another host: asked %v, %q", asked, referer)
	}
	if _, _, err := ask(t.Context(), rt, "GET", other.URL+"/by-hand", "",
		"referer: "+s.URL+"/?api_key=hunter2"); err != nil || got["/by-hand"] != "" {
		t.Errorf("in small letters: %q %v", got["/by-hand"], err)
	}
}

func TestCredentialsGoWhereTheyBelong(t *testing.T) {
	t.Parallel()
	for _, a := range []struct {
		auth credential.Credential
		want string
	}{
		{credential.Credential{Scheme: "basic", Value: credential.Basic{User: "me", Password: "pass word"}},
			"Basic bWU6cGFzcyB3b3Jk"},
		{credential.Credential{Scheme: "bearer", Value: credential.Bearer{Token: "abcdef"}}, "Bearer abcdef"},
		{credential.Credential{Scheme: "header", Value: credential.Header{Name: "Authorization", Value: "GenieKey 1"}},
			"GenieKey 1"},
	} {
		var got []string
		record := func(w http.ResponseWriter, r *http.Request) { got = append(got, r.Header.Get("Authorization")) }
		c, mine, p := serve(t, record)
		_, other, q := serve(t, record)
		p.Allow = append(p.Allow, q.Allow...)
		a.auth.Origins = p.Allow[:1]
		p.Auth = []credential.Credential{a.auth}
		rt := transport(t, c, p)
		for _, u := range []string{mine.URL, other.URL} {
			if _, _, err := ask(t.Context(), rt, "GET", u, ""); err != nil {
				t.Fatal(err)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint([]string{a.want, ""}) {
			t.Errorf("%q, want %q at the first alone", got, a.want)
		}
	}
}

// TestNoCredentialsInTheClear: a credential for https is not sent to the same host over http.
func TestNoCredentialsInTheClear(t *testing.T) {
	var got []string
	c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
		got = append(got, req.URL.Scheme+" "+req.Header.Get("Authorization"))
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
	}))
	secure := mustOrigin(t, "https://h.example:8080")
	rt := transport(t, c, httppolicy.Policy{Allow: []origin.Origin{secure, mustOrigin(t, "http://h.example:8080")},
		Auth: []credential.Credential{{Scheme: "bearer", Value: credential.Bearer{Token: "abcdef"},
			Origins: []origin.Origin{secure}}}})
	for _, u := range []string{"https://h.example:8080/", "http://h.example:8080/"} {
		if _, _, err := ask(t.Context(), rt, "GET", u, ""); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != "[https Bearer abcdef http ]" {
		t.Errorf("%q", got)
	}
}

func TestPoliciesThatCannotWork(t *testing.T) {
	for name, p := range map[string]httppolicy.Policy{
		"no origin": {Auth: []credential.Credential{{Scheme: "bearer", Value: credential.Bearer{Token: "x"}}}},
		"kind":      {Auth: []credential.Credential{{Scheme: "magic", Origins: []origin.Origin{{}}}}},
		"header": {Auth: []credential.Credential{{Value: credential.Header{Name: "a b"},
			Origins: []origin.Origin{{}}}}},
		"line break": {Auth: []credential.Credential{{Scheme: "bearer", Value: credential.Bearer{Token: "x\n"},
			Origins: []origin.Origin{{}}}}},
		"negative":   {Rate: -1},
		"user agent": {UserAgent: "a\r\nX: y"},
	} {
		if _, err := New(Options{}).For(p); !sdk.IsPermanent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAllowedOnceIsNotForEver: that a request to a host went does not let another through that may
// not go.
func TestAllowedOnceIsNotForEver(t *testing.T) {
	t.Parallel()
	wire, _ := open(0)
	rt := transport(t, newClient(Options{}, wire), httppolicy.Policy{})
	for range 2 {
		if _, _, err := ask(t.Context(), rt, "GET", page, ""); err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"http://me:secret@host.example/", "https://host.example/",
			"http://host.example:81/", "http://other.example/", "http://169.254.169.254/"} {
			if _, _, err := ask(t.Context(), rt, "GET", other, ""); !sdk.IsPermanent(err) {
				t.Errorf("%s: %v", other, err)
			}
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	c := newClient(Options{}, trip.Func(func(req *http.Request) (*http.Response, error) {
		return nil,
			errors.New("was sent")
	}))
	rt := transport(t, c, httppolicy.Policy{})
	for name, change := range map[string]func(*http.Request){
		"long URL":      func(r *http.Request) { r.URL.RawQuery = strings.Repeat("x", 16<<10) },
		"method":        func(r *http.Request) { r.Method = "GET /x HTTP/1.1\r\nA:" },
		"CONNECT":       func(r *http.Request) { r.Method = "CONNECT" },
		"header value":  func(r *http.Request) { r.Header.Set("A", "b\r\nC: d") },
		"header name":   func(r *http.Request) { r.Header["a b"] = []string{"c"} },
		"large headers": func(r *http.Request) { r.Header.Set("A", strings.Repeat("x", trip.MaxHeader)) },
		"no URL":        func(r *http.Request) { r.URL = nil },
	} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", page, nil)
		change(req)
		if _, err := rt.RoundTrip(req); !sdk.IsPermanent(err) || strings.Contains(err.Error(), "was sent") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSecretsStayInside plants a secret wherever it can be and looks at every byte that comes out.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	set := &redact.Set{}
	c := New(Options{Redact: set, Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace,
		Output: set.Writer(&log)})})
	defer c.Close()
	a := credential.Credential{Scheme: "basic", Value: credential.Basic{User: "me", Password: "hunter2/+"},
		Origins: []origin.Origin{mustOrigin(t, "http://127.0.0.1:1")}}
	rt := transport(t, c, httppolicy.Policy{Allow: a.Origins, Auth: []credential.Credential{a}, Attempts: 2})
	for _, u := range []string{"http://127.0.0.1:1/?access_token=QUERYSECRET&issueKey=KAFKA-1",
		"http://127.0.0.1:1/hunter2/+", "http://127.0.0.1:1/?q=hunter2%2F%2B", "http://other/?sig=QUERYSECRET"} {
		_, _, err := ask(t.Context(), rt, "GET", u, "")
		if err == nil {
			t.Fatal("no error")
		}
		io.WriteString(&log, err.Error()+"\n")
	}
	for _, secret := range []string{"hunter2", "QUERYSECRET", "bWU6aHVudGVyMi8r"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s got out:\n%s", secret, log.String())
		}
	}
	for _, part := range []string{"127.0.0.1:1", "issueKey=KAFKA-1", "access_token=[redacted]"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("%s is missing:\n%s", part, log.String())
		}
	}
}
