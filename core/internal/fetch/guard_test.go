package fetch

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/address/addresstest"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// resolving returns the HTTP of a plugin that may ask s by the name rebind.example, and the URL.
func resolving(t *testing.T, s *httptest.Server, inside bool, r *net.Resolver) (http.RoundTripper, string) {
	t.Helper()
	wire := newWire()
	wire.DisableKeepAlives = true // each request resolves anew
	wire.DialContext = guardedDial(r, inside)
	c := newClient(Options{}, wire)
	t.Cleanup(c.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	name := "http://rebind.example:" + u.Port()
	return transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, name)}, Attempts: 3}), name
}

// TestRebinding: a name that was fine a moment ago leads to the metadata service.
func TestRebinding(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	rt, name := resolving(t, s, true, addresstest.Resolver(t, "127.0.0.1", "169.254.169.254"))
	if resp, _, err := ask(t.Context(), rt, "GET", name, ""); err != nil || resp.StatusCode != 404 {
		t.Fatalf("while it leads to the server: %v", err)
	}
	_, _, err := ask(t.Context(), rt, "GET", name, "")
	if err == nil || !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "rebind.example, which is 169.254.169.254, is a special address "+
			"that is never connected to") {
		t.Errorf("rebound: %v", err)
	}
}

func TestPrivateNamesAreAllowedByHand(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	rt, name := resolving(t, s, false, addresstest.Resolver(t, "127.0.0.1"))
	_, _, err := ask(t.Context(), rt, "GET", name, "")
	if err == nil || !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "rebind.example resolves to the private address 127.0.0.1: if you mean that "+
			"host, write http { allow_private = true }") {
		t.Error(err)
	}
}

// TestLoopbackInTheFile: an address or localhost that stands in the file itself is meant.
func TestLoopbackInTheFile(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	for _, base := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1)} {
		c := New(Options{})
		defer c.Close()
		rt := transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, base)}})
		if resp, _, err := ask(t.Context(), rt, "GET", base, ""); err != nil || resp.StatusCode != 404 {
			t.Errorf("%s: %v", base, err)
		}
	}
}

// TestProxyAndMetadata: a proxy would answer for the metadata service; it is not even asked.
func TestProxyAndMetadata(t *testing.T) {
	t.Parallel()
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter,
		r *http.Request) {
		asked = append(asked, r.URL.Host)
	}))
	defer proxy.Close()
	c := New(Options{})
	defer c.Close()
	const metadata = "http://169.254.169.254"
	rt := transport(t, c, httppolicy.Policy{Proxy: proxy.URL,
		Allow: []origin.Origin{mustOrigin(t, metadata), mustOrigin(t, "http://public.example")}})
	if _, _, err := ask(t.Context(), rt, "GET", metadata+"/latest", ""); !sdk.IsPermanent(err) {
		t.Errorf("metadata: %v", err)
	}
	if _, _, err := ask(t.Context(), rt, "GET", "http://public.example/", ""); err != nil {
		t.Errorf("by way of the proxy: %v", err)
	}
	if len(asked) != 1 || asked[0] != "public.example" {
		t.Errorf("the proxy was asked for %q", asked)
	}
}
