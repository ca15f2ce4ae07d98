// What the tests share: a host made of a script for each connection, on a pipe, so that it works in
// virtual time.

package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/wire"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/observe"
)

// scripted is a host. Each request that it reads is answered by the next script, the last one again
// and again; a script may write what it likes and returns whether the connection is still good.
type scripted struct {
	scripts  []script
	requests atomic.Int64
	dials    atomic.Int64
	bodies   chan string // of the requests, if not nil
}

// netConn is short for the tests that write scripts.
type netConn = net.Conn

type script func(c net.Conn, req *http.Request) (keep bool)

// client returns a client whose every connection leads to s.
// newClient returns a client whose requests all end at rt.
func newClient(o Options, rt http.RoundTripper) *Client { return newWith(o, wire.Only(rt)) }

// guardedDial dials as a plugin's connections do, with names looked up by r.
func guardedDial(r *net.Resolver, inside bool) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&wire.Guard{Dialer: net.Dialer{Resolver: r}, Inside: inside}).Dial
}

// countedDial is [wire.Counted].
var countedDial = wire.Counted

func newWire() *http.Transport { return wire.New() }

func (s *scripted) client(t *testing.T, o Options) *Client {
	t.Helper()
	wire := newWire()
	wire.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		s.dials.Add(1)
		near, far := net.Pipe()
		go s.serve(far)
		return near, nil
	}
	c := newClient(o, wire)
	t.Cleanup(c.Close)
	return c
}

// theWire returns the one wire of a client that was made with it.
func theWire(t *testing.T, c *Client) *http.Transport {
	t.Helper()
	wire, err := c.wires.For(httppolicy.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	return wire.(*http.Transport)
}

func (s *scripted) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		if s.bodies != nil {
			s.bodies <- string(b)
		}
		i := min(int(s.requests.Add(1)), len(s.scripts)) - 1
		if !s.scripts[i](c, req) {
			return
		}
	}
}

// answer answers with a status, a body and headers given as "Name: value".
func answer(status int, body string, headers ...string) script {
	return func(c net.Conn, _ *http.Request) bool {
		extra := ""
		for _, h := range headers {
			extra += h + "\r\n"
		}
		_, err := fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n%s\r\n%s", status, http.StatusText(status),
			len(body), extra, body)
		return err == nil
	}
}

// raw writes text and closes the connection.
func raw(text string) script {
	return func(c net.Conn, _ *http.Request) bool {
		io.WriteString(c, text) // an error: the client has gone
		return false
	}
}

// stall writes text and then nothing for a long time.
func stall(text string) script {
	return func(c net.Conn, _ *http.Request) bool {
		io.WriteString(c, text) // as above
		io.Copy(io.Discard, c)  // until the client hangs up
		return false
	}
}

// transport returns the HTTP of a plugin that may ask http://host.example.
func transport(t *testing.T, c *Client, p httppolicy.Policy) http.RoundTripper {
	t.Helper()
	if p.Plugin == "" {
		p.Plugin = "test"
	}
	if p.Allow == nil {
		p.Allow = []origin.Origin{mustOrigin(t, "http://host.example")}
	}
	rt, err := c.For(p)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

// ask makes a request and reads the reply.
func ask(ctx context.Context, rt http.RoundTripper, method, url, body string, headers ...string) (*http.Response,
	string, error) {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, r)
	if err != nil {
		return nil, "", err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header[name] = append(req.Header[name], value)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), errors.Join(err, resp.Body.Close())
}

// onWait are listeners of which one is told of waits.
func onWait(f func(stats.Wait)) observe.Listeners {
	return observe.Listeners{func(e observe.Event) {
		if w, ok := e.(observe.Waited); ok {
			f(stats.Wait(w))
		}
	}}
}

func only(t *testing.T, c *Client) stats.Host {
	t.Helper()
	s := c.Stats()
	if len(s.Hosts) != 1 {
		t.Fatalf("hosts: %+v", s.Hosts)
	}
	return s.Hosts[0]
}

func within(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: %s, want %s to %s", what, got, low, high)
	}
}

// quiet is for servers that are to fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
