// Connections of an instance. They break when the instance is killed, as those of a process do, and
// its last writes may still be in flight.

package conformance

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// conns are the connections of one instance.
type conns struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	all    []*conn
	writes int           // writes so far, on all connections
	holdAt int           // writes from this one on are held back; 0: none
	held   chan struct{} // closed at write holdAt
	cut    bool
}

// conn is one connection.
type conn struct {
	net.Conn
	of   *conns
	late [][]byte // writes that are held back
}

// connsOf returns a host whose connections belong to one instance.
func connsOf(h sdk.Host) (sdk.Host, *conns) {
	c := &conns{dial: h.Dial}
	if h.Dial != nil {
		h.Dial = c.open
	}
	return h, c
}

func (c *conns) open(ctx context.Context, network, address string) (net.Conn, error) {
	inner, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil, errors.Join(errCut, inner.Close())
	}
	one := &conn{Conn: inner, of: c}
	c.all = append(c.all, one)
	return one, nil
}

var errCut = errors.New("the instance was killed")

// any reports whether there was a connection.
func (c *conns) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all) > 0
}

// written is the number of writes.
func (c *conns) written() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// hold holds writes back from the n-th one on, counted from now. The channel is closed at that
// write.
func (c *conns) hold(n int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holdAt, c.held = c.writes+n, make(chan struct{})
	return c.held
}

// hangUp breaks all connections, because the instance was killed. A connection with writes in
// flight breaks only for the instance.
func (c *conns) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for _, one := range c.all {
		if one.late == nil {
			_ = one.Conn.Close() // it may be closed already
		} else {
			_ = one.Conn.SetReadDeadline(time.Now()) // wakes blocked readers
		}
	}
}

// arrive delivers the writes in flight, and then ends the connections. It returns when the remote
// end has closed them, or has had time to.
func (c *conns) arrive() {
	c.mu.Lock()
	late := c.all
	c.mu.Unlock()
	var wg sync.WaitGroup
	for _, one := range late {
		wg.Go(one.arrive)
	}
	wg.Wait()
}

func (c *conn) arrive() {
	c.of.mu.Lock()
	late := c.late
	c.late = nil
	c.of.mu.Unlock()
	if late == nil {
		return
	}
	_ = c.Conn.SetDeadline(time.Now().Add(2 * time.Second)) // the remote end may fail in any way
	for _, p := range late {
		if _, err := c.Conn.Write(p); err != nil {
			break
		}
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	var b [4096]byte
	for {
		if _, err := c.Conn.Read(b[:]); err != nil {
			break
		}
	}
	_ = c.Conn.Close()
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.of.mu.Lock()
	if c.of.cut {
		c.of.mu.Unlock()
		return 0, errCut
	}
	c.of.writes++
	if at := c.of.holdAt; at > 0 && c.of.writes >= at {
		if c.of.writes == at {
			close(c.of.held)
		}
		c.late = append(c.late, append([]byte(nil), p...))
		c.of.mu.Unlock()
		return len(p), nil
	}
	c.of.mu.Unlock()
	return c.Conn.Write(p)
}

// pending reports whether writes are in flight.
func (c *conn) pending() bool {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	return c.late != nil
}

// Close implements net.Conn. Writes in flight are still delivered.
func (c *conn) Close() error {
	if c.pending() {
		return c.Conn.SetReadDeadline(time.Now())
	}
	return c.Conn.Close()
}

// CloseWrite and SetLinger are the methods that a connection over the wire has beyond net.Conn.

func (c *conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || c.pending() {
		return nil
	}
	return half.CloseWrite()
}

func (c *conn) SetLinger(sec int) error {
	l, ok := c.Conn.(interface{ SetLinger(sec int) error })
	if !ok || c.pending() {
		return nil
	}
	return l.SetLinger(sec)
}
