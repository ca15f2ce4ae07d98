// Paired makes sure that a reply is the one to its request. A host that sends a reply too many
// leaves it in the buffer of a connection that is kept open, where net/http takes it for the reply
// to the next request, be it that of another plugin. Its mark is that it was read from the network
// before that request was written. (One that is read later still is a reply to that request for all
// that HTTP/1.1 can tell. A plugin whose replies say what they are should look.)

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

// Paired makes sure that a reply is the one to its request. It stands right before the transport,
// below [Timed].
func Paired() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			var over atomic.Pointer[countedConn] // the connection, if it gave a reply that is not ours
			var mine atomic.Pointer[countedConn]
			told := hooksOf(req.Context()) // of this attempt: net/http may tell late
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
			_ = c.Close() // what comes next on it is no better
			if err == nil {
				resp.Body.Close() // of somebody else's reply
			}
			return nil, &fault.Error{Outcome: fault.Of("garbage"),
				Err: errors.New("the host sent a reply that nobody asked for")}
		})
	}
}

// countedConn knows whether something was read since the last request was written.
type countedConn struct {
	net.Conn
	mu      sync.Mutex
	asked   bool // a request is expected, and has not begun to be written
	waiting bool // it has, and nothing was read since
}

// Counted makes the connections of dial counted ones.
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

// countedOf returns the counted connection under c, or nil: HTTP/2 keeps its replies apart by
// itself.
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

// expect says that a request comes next.
func (c *countedConn) expect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.waiting = true, true
}

// answered reports whether something was read since the request was written.
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
