// What other HTTP clients were seen to get wrong, each with a test of its own. Where to find what:
//
//	X-Api-Key, PRIVATE-TOKEN go along when a request is redirected to another host
//		TestApiKeyStaysAtItsHost
//	Referer tells the next host the query, and the key in it
//		TestRefererStaysAtItsHost
//	an error tells the query; a password in a URL
//		TestSecretsStayInside, core.TestPlantedSecrets
//	req.Host asks one host in the name of another; CR and LF in it
//		TestHostOverride
//	CR and LF in names and values of headers
//		TestLineBreaksInRequests, TestRefusedRequests
//	a gzip bomb: 261 kB that become 268 MB (1028:1), no length stated
//		TestGzipBomb; zstd, br, nested, short: TestBombs
//	a proxy defeats the guard of addresses
//		TestProxyAndMetadata
//	a list of allowed hosts that is not asked about redirects
//		TestRedirectsAreChecked
//	29 special addresses, of which the standard library knows some
//		TestAddresses
//	a name that leads to another address once it was looked at
//		TestRebinding
//
// and what follows from it:
//
//	a hop is a request of its own, at most ten
//		TestRedirectsAreChecked, TestEveryFault (redirect loop)
//	scheme, host and port: lower case, punycode, no dot at the end
//		origin.TestParse, TestAllowList, FuzzAllowList
//	credentials by origin, in https only unless the file names http
//		TestCredentialsGoWhereTheyBelong, TestNoCredentialsInTheClear
//	a plugin's Authorization, Cookie, Proxy-*, Host, Connection, TE and so on are dropped
//		TestRequestIsTheHostsOwn
//	private addresses by allow_private alone, link-local and metadata never
//		TestAddresses, TestPrivateNamesAreAllowedByHand
//	the environment's proxy is not used unless the file says so
//		TestProxyIsByHand
//	body 256 MiB after decoding, ratio 200:1 from 1 MiB on
//		TestMaxBody, TestBombs, TestRatioIsMeasured
//	headers 1 MiB, URL 16 KiB
//		TestLargeReplyHeaders, TestRefusedRequests
//	concurrency and rate, times for each phase
//		TestStrictestHolds, TestTimeLimits, TestConnectTimeLimit
//	TLS 1.2 or newer, ca_file, client certificate, no check only by hand
//		TestTLS
//	no Set-Cookie and no Authorization to the plugin, a jar in the host
//		TestCookiesStayInTheHost, TestRequestIsTheHostsOwn
//	secrets in any spelling (base64, escaped) hidden wherever a byte is written
//		core.TestPlantedSecrets, core/internal/redact
//	robots.txt, by default for a source that asks for it
//		TestRobots, config.TestRobotsOfTheSource

package fetch

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// TestApiKeyStaysAtItsHost: net/http takes Authorization off a request that is redirected to
// another host, and leaves X-Api-Key on.
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
	for _, v := range []credential.Value{
		credential.Header{Name: "X-Api-Key", Value: "sesame-4711"}, credential.Query{Name: "key", Value: "sesame-4711"},
		credential.Cookie{Name: "id", Value: "sesame-4711"},
	} {
		p.Auth = append(p.Auth, credential.Credential{Value: v, Origins: p.Allow[:1:1]})
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
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "more than 200 times its encoded size") ||
		requests != 1 {
		t.Errorf("%v after %d requests", err, requests)
	}
}

// TestRedirectsAreChecked: the hop after a redirect passes the list as the first did, whoever
// follows it.
func TestRedirectsAreChecked(t *testing.T) {
	t.Parallel()
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	c, s, p := serve(t, func(w http.ResponseWriter,
		r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusFound)
	})
	_, err := (&http.Client{Transport: transport(t, c, p)}).Get(s.URL)
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "may not ask "+other.URL) || asked {
		t.Errorf("asked %v, %v", asked, err)
	}
}

// TestLargeReplyHeaders: a reply of headers without end is no reply, and is not held.
func TestLargeReplyHeaders(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 64 {
			w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 64<<10))
		}
	})
	resp, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, "")
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "the headers of the reply are larger than 1024 KiB") ||
		only(t, c).Requests != 1 {
		t.Errorf("%v %v, want one attempt", resp, err)
	}
}

// TestProxyIsByHand: a proxy in the environment sees nothing unless the pipeline file says so.
func TestProxyIsByHand(t *testing.T) {
	proxied := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied++ }))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	for setting, want := range map[string]int{"": 0, "none": 0, "env": 1, proxy.URL: 1} {
		proxied = 0
		c := New(Options{})
		defer c.Close()
		const nowhere = "http://host.invalid" // no environment names a proxy for one's own machine
		rt := transport(t, c, httppolicy.Policy{Proxy: setting, Attempts: 1, ConnectTimeout: time.Second,
			Allow: []origin.Origin{mustOrigin(t, nowhere)}})
		_, _, err := ask(t.Context(), rt, "GET", nowhere, "")
		if proxied != want || (err == nil) != (want == 1) {
			t.Errorf("proxy %q: it was asked %d times, %v", setting, proxied, err)
		}
	}
}

// TestProxyThatRefuses: what is wrong with a proxy is not said of the host, and a login that it
// wants is not asked for again and again.
func TestProxyThatRefuses(t *testing.T) {
	t.Parallel()
	status, asked := 0, 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		asked++
		w.WriteHeader(status)
	}))
	address := strings.TrimPrefix(proxy.URL, "http://")
	defer proxy.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	const target = "https://host.invalid"
	for _, c := range []struct {
		proxy     string
		status    int
		permanent bool
		attempts  int
		says      string
	}{
		{proxy.URL, http.StatusProxyAuthRequired, true, 1,
			"the proxy " + address + " makes no connection: 407 Proxy Authentication Required; " +
				"give user and password in http.proxy"},
		{proxy.URL, http.StatusForbidden, true, 1, "the proxy " + address + " makes no connection: 403 Forbidden"},
		{proxy.URL, http.StatusBadGateway, false, 2, "the proxy " + address + " makes no connection: 502 Bad Gateway"},
		{closed.URL, 0, false, 0, "connection refused by the proxy " + strings.TrimPrefix(closed.URL, "http://")},
		{"http://proxy.invalid:3128", 0, false, 0, "no host has the name proxy.invalid, the proxy's"},
	} {
		status, asked = c.status, 0
		client := New(Options{})
		defer client.Close()
		p := httppolicy.Policy{Proxy: c.proxy, Attempts: 2, Allow: []origin.Origin{mustOrigin(t, target)}}
		_, _, err := ask(t.Context(), transport(t, client, p), "GET", target, "")
		if err == nil || !strings.Contains(err.Error(), c.says) || sdk.IsPermanent(err) != c.permanent ||
			asked != c.attempts {
			t.Errorf("%d attempts, permanent %t, %v; want %+v", asked, sdk.IsPermanent(err), err, c)
		}
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
