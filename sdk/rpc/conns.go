// Connections of a plugin, the plugin's end: pending dials and open connections.

package rpc

import (
	"context"
	"sync"

	"github.com/scrapekit/scrapekit/sdk/rpc/internal/conn"
)

// conns are the connections of a plugin.
type conns struct {
	mu      sync.Mutex // guards the rest
	offered bool       // the host supports dial
	asked   map[uint64]chan dialed
	open    map[*conn.Conn]struct{}
	ended   sync.Cond // an open one has
}

// dialed is the result of a dial: a connection or an error.
type dialed struct {
	conn *conn.Conn
	err  error
}

func newConns() *conns {
	c := &conns{asked: map[uint64]chan dialed{}, open: map[*conn.Conn]struct{}{}}
	c.ended.L = &c.mu
	return c
}

// offer records whether the host supports dial.
func (c *conns) offer(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offered = yes
}

// forget removes a pending dial, and reports whether it was pending.
func (c *conns) forget(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waits := c.asked[id]
	delete(c.asked, id)
	return waits
}

// answer completes a dial, and reports whether it was pending.
func (c *conns) answer(id uint64, d dialed) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	to, waits := c.asked[id]
	if !waits {
		return false
	}
	delete(c.asked, id)
	if d.conn != nil {
		c.open[d.conn] = struct{}{}
	}
	to <- d
	return true
}

// failAll fails all pending dials.
func (c *conns) failAll(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, to := range c.asked {
		delete(c.asked, id)
		to <- dialed{err: err}
	}
}

func (c *conns) remove(one *conn.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, one)
	c.ended.Broadcast()
}

// close closes every connection, and waits until written bytes have been sent to the host, or ctx
// is done.
func (c *conns) close(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended.Broadcast()
	})()
	c.mu.Lock()
	all := make([]*conn.Conn, 0, len(c.open))
	for one := range c.open {
		all = append(all, one)
	}
	c.mu.Unlock()
	for _, one := range all {
		_ = one.Close() // it may be closed already
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.open) > 0 && ctx.Err() == nil {
		c.ended.Wait()
	}
}
