package fetch

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/address/addresstest"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ closed, open string }{ // by allow_private
		"93.184.216.34": {"", ""}, "2606:4700::1111": {"", ""},
		"127.0.0.1": {"private", ""}, "127.9.9.9": {"private", ""}, "10.1.2.3": {"private", ""}, "172.31.0.1": {"private", ""},
		"192.168.1.1": {"private", ""}, "100.64.0.1": {"private", ""}, "::1": {"private", ""}, "fd12::1": {"private", ""},
		"::ffff:10.0.0.1": {"private", ""},
		"169.254.169.254": {"never", "never"}, "::ffff:169.254.169.254": {"never", "never"}, "fe80::1": {"never", "never"},
		"100.100.100.200": {"never", "never"}, "fd00:ec2::254": {"never", "never"}, "fd20:ce::254": {"never", "never"},
		"0.0.0.0": {"never", "never"}, "::": {"never", "never"}, "192.0.0.192": {"never", "never"}, "198.18.0.1": {"never", "never"},
		"224.0.0.1": {"never", "never"}, "240.0.0.1": {"never", "never"}, "255.255.255.255": {"never", "never"},
		"::127.0.0.1": {"never", "never"}, "64:ff9b::a00:1": {"never", "never"}, "64:ff9b:1::a00:1": {"never", "never"},
		"2002:7f00:1::": {"never", "never"}, "2001::1": {"never", "never"}, "fec0::1": {"never", "never"}, "ff02::1": {"never", "never"},
	} {
		ip := netip.MustParseAddr(text)
		for inside, want := range map[bool]string{false: want.closed, true: want.open} {
			err := checkAddress("name.example", ip, inside)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, allow_private %v: %v, want %q", text, inside, err, want)
			}
		}
	}
}

// resolving returns the HTTP of a plugin that may ask s by the name rebind.example, and the URL.
func resolving(t *testing.T, s *httptest.Server, inside bool, r *net.Resolver) (http.RoundTripper, string) {
	t.Helper()
	wire := newWire()
	wire.DisableKeepAlives = true // each request resolves anew
	wire.DialContext = (&guard{dialer: net.Dialer{Resolver: r}, inside: inside}).dial
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
	if err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "rebind.example, which is 169.254.169.254, is a special address that is never connected to") {
		t.Errorf("rebound: %v", err)
	}
}

func TestPrivateNamesAreAllowedByHand(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	rt, name := resolving(t, s, false, addresstest.Resolver(t, "127.0.0.1"))
	_, _, err := ask(t.Context(), rt, "GET", name, "")
	if err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "rebind.example resolves to the private address 127.0.0.1: write http { allow_private = true }") {
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
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.Host) }))
	defer proxy.Close()
	c := New(Options{})
	defer c.Close()
	const metadata = "http://169.254.169.254"
	rt := transport(t, c, httppolicy.Policy{Proxy: proxy.URL, Allow: []origin.Origin{mustOrigin(t, metadata), mustOrigin(t, "http://public.example")}})
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
