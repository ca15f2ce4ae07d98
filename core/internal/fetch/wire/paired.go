// Paired ensures that a reply belongs to its request. If a host sends an extra reply, it stays in
// the buffer of a kept-alive connection, and net/http takes it for the reply to the next request,
// perhaps of another plugin. Such a reply is recognised because it was read from the network before
// that request was written. (If it is read later, HTTP/1.1 cannot distinguish it. A plugin whose
// replies identify themselves should check.)

package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
)

// Paired ensures that a reply belongs to its request. It is next to the transport, below [Timed].
func Paired() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			var over atomic.Pointer[countedConn] // the connection, if its reply was not ours
			var mine atomic.Pointer[countedConn]
			told := hooksOf(req.Context()) // of this attempt: net/http may call them late
			trace := &httptrace.ClientTrace{
				GotConn: func(i httptrace.GotConnInfo) {
					told.gotConn(i.Reused)
					c := countedOf(i.Conn)
					mine.Store(c)
					if c != nil {
						c.expect()
					}
				},
				WroteHeaders: told.wrote,
				WroteRequest: func(httptrace.WroteRequestInfo) { told.sent() },
				GotFirstResponseByte: func() {
					if c := mine.Load(); c != nil && !c.answered() {
						over.Store(c)
					}
				},
			}
			resp, err := next.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
			c := over.Load()
			if c == nil {
				return resp, err
			}
			_ = c.Close() // later replies on it are wrong too
			if err == nil {
				resp.Body.Close() // of another request's reply
			}
			return nil, &fault.Error{Outcome: fault.Of("garbage"),
				Err: errors.New("the host sent a reply that nobody asked for")}
		})
	}
}

// countedConn knows whether data was read since the last request was written.
type countedConn struct {
	net.Conn
	mu      sync.Mutex
	asked   bool // a request is expected but not started
	waiting bool // it was written, and nothing was read since
}

// Counted wraps the connections of dial.
func Counted(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(ctx context.Context, network,
	addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: c}, nil
	}
}

// countedOf returns the counted connection below c; nil for HTTP/2, which separates replies itself.
func countedOf(c net.Conn) *countedConn {
	for { // an https proxy has two layers
		t, ok := c.(*tls.Conn)
		if !ok {
			counted, _ := c.(*countedConn)
			return counted
		}
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			return nil
		}
		c = t.NetConn()
	}
}

// expect announces a request.
func (c *countedConn) expect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.waiting = true, true
}

// answered reports whether data was read since the request was written.
func (c *countedConn) answered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.asked && !c.waiting
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.asked = false
	c.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.mu.Lock()
		if !c.asked {
			c.waiting = false
		}
		c.mu.Unlock()
	}
	return n, err
}
