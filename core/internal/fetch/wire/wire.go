// Package wire has the host's connections: net/http's transports, shared by plugins with equal
// settings, the check of addresses, and the time limits of an attempt.
package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// wiring are the settings of a transport.
type wiring struct {
	tls    httppolicy.TLS
	proxy  string
	inside bool
}

// Pool makes each transport once. Make one with [NewPool].
type Pool struct {
	make func(wiring) (http.RoundTripper, error)

	mu sync.Mutex
	m  map[wiring]http.RoundTripper
}

// NewPool returns an empty pool.
func NewPool() *Pool { return &Pool{make: open} }

// Only returns a pool with only the transport t, for tests.
func Only(t http.RoundTripper) *Pool {
	return &Pool{make: func(wiring) (http.RoundTripper, error) { return t, nil }}
}

func (w *Pool) get(how wiring) (http.RoundTripper, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.m[how]; t != nil {
		return t, nil
	}
	t, err := w.make(how)
	if err != nil {
		return nil, err
	}
	if w.m == nil {
		w.m = map[wiring]http.RoundTripper{}
	}
	w.m[how] = t
	return t, nil
}

// CloseIdle closes idle connections.
func (w *Pool) CloseIdle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.m {
		if t, ok := t.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
	}
}

// For returns the transport for p. The client certificate is used only for its origins.
func (w *Pool) For(p httppolicy.Policy) (http.RoundTripper, error) {
	how := wiring{tls: p.TLS, proxy: p.Proxy, inside: p.AllowPrivate}
	certified, err := w.get(how)
	if err != nil || p.TLS.Cert == "" {
		return certified, err
	}
	how.tls.Cert, how.tls.Key = "", ""
	plain, err := w.get(how)
	if err != nil {
		return nil, err
	}
	return trip.Func(func(req *http.Request) (*http.Response, error) {
		if origin.Covered(p.Certified, trip.FactsOf(req).Origin) {
			return certified.RoundTrip(req)
		}
		return plain.RoundTrip(req)
	}), nil
}

func open(how wiring) (http.RoundTripper, error) {
	t := New()
	g := &Guard{Dialer: net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}, Inside: how.inside}
	t.DialContext = Counted(g.Dial)
	var err error
	if t.TLSClientConfig, err = tlsConfig(how.tls); err != nil {
		return nil, err
	}
	t.Proxy, g.proxies, err = proxyOf(how.proxy)
	t.OnProxyConnectResponse = proxied
	return t, err
}

// New returns the transport. The decorators above limit concurrency and times; the times here only
// end abandoned dials.
func New() *http.Transport {
	return &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    30 * time.Second,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		DisableCompression:     true, // Whole decodes and counts
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: trip.MaxHeader,
		ReadBufferSize:         16 << 10,
		WriteBufferSize:        16 << 10,
	}
}

// tlsConfig returns the settings for crypto/tls.
func tlsConfig(t httppolicy.TLS) (*tls.Config, error) {
	c := &tls.Config{MinVersion: max(t.Min, tls.VersionTLS12), InsecureSkipVerify: t.Insecure}
	if t.CA != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // no system pool: trust only the given certificates
		}
		if !pool.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, errors.New("tls: the file of trusted certificates holds none in PEM")
		}
		c.RootCAs = pool
	}
	if t.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key))
		if err != nil {
			return nil, fmt.Errorf("tls: the client's certificate and key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// proxyOf parses a proxy setting: none, env or a URL. None is the default, because a proxy sees the
// target of every request, and addresses behind it cannot be checked: only the list of allowed
// hosts protects then.
func proxyOf(setting string) (proxy func(*http.Request) (*url.URL, error), addresses map[string]bool, err error) {
	addresses = map[string]bool{}
	add := func(raw string) {
		if !strings.Contains(raw, "://") {
			raw = "http://" + raw // as in the environment
		}
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			addresses[canonicalAddress(u)] = true
		}
	}
	switch setting {
	case "", "none":
		return nil, nil, nil
	case "env":
		env := httpproxy.FromEnvironment()
		add(env.HTTPProxy)
		add(env.HTTPSProxy)
		choose := env.ProxyFunc()
		return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }, addresses, nil
	}
	u, err := url.Parse(setting)
	if err != nil || u.Hostname() == "" || defaultProxyPort[u.Scheme] == "" {
		return nil, nil, errors.New("the proxy is not a URL; want http://, https://, socks5:// or socks5h:// " +
			"and a host")
	}
	add(setting)
	return http.ProxyURL(u), addresses, nil
}

// proxied checks a proxy's reply to a CONNECT.
func proxied(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	s := resp.StatusCode
	if s == http.StatusOK {
		return nil
	}
	err := fmt.Errorf("the proxy %s makes no connection: %s", proxy.Host, fault.StatusText(s))
	if s == http.StatusProxyAuthRequired {
		err = fmt.Errorf("%w; give user and password in http.proxy: http://USER:PASSWORD@%s", err, proxy.Host)
	}
	class := "proxy"
	if s >= 500 || s == http.StatusTooManyRequests {
		class = "connect" // it does not reach the host now
	}
	return &fault.Error{Outcome: fault.Of(class), Unsent: true, Err: err}
}

// canonicalAddress returns the address that net/http dials for a proxy.
func canonicalAddress(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = defaultProxyPort[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

var defaultProxyPort = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}
