// Connections in memory, with a buffer as the system has, that can be reset.

package faulttest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// buffered is how many bytes a writer may be ahead of the reader.
const buffered = 64 << 10

// pipe returns the two ends of a connection. All that blocks in it blocks on a sync.Cond, so that
// it works in virtual time.
func pipe() (near, far *conn) {
	a, b := newFlow(), newFlow()
	return &conn{in: a, out: b}, &conn{in: b, out: a}
}

// flow is one direction of a connection.
type flow struct {
	mu       sync.Mutex
	change   *sync.Cond
	bytes    []byte
	ended    bool  // the writer has closed
	left     bool  // the reader has closed
	broken   error // for both
	deadline [2]time.Time
}

const (
	reading = iota
	writing
)

func newFlow() *flow {
	f := &flow{}
	f.change = sync.NewCond(&f.mu)
	return f
}

func (f *flow) late(side int) bool {
	d := f.deadline[side]
	return !d.IsZero() && !time.Now().Before(d)
}

func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.left:
			return 0, net.ErrClosed
		case f.broken != nil:
			return 0, f.broken
		case f.late(reading):
			return 0, os.ErrDeadlineExceeded
		case len(f.bytes) > 0:
			n := copy(p, f.bytes)
			f.bytes = f.bytes[n:]
			f.change.Broadcast()
			return n, nil
		case f.ended:
			return 0, io.EOF
		}
		f.change.Wait()
	}
}

func (f *flow) write(p []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n < len(p) {
		switch {
		case f.ended:
			return n, net.ErrClosed
		case f.broken != nil:
			return n, f.broken
		case f.left:
			return n, syscall.EPIPE
		case f.late(writing):
			return n, os.ErrDeadlineExceeded
		case len(f.bytes) < buffered:
			m := min(len(p)-n, buffered-len(f.bytes))
			f.bytes = append(f.bytes, p[n:n+m]...)
			n += m
			f.change.Broadcast()
			continue
		}
		f.change.Wait()
	}
	return n, nil
}

func (f *flow) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.change.Broadcast()
}

func (f *flow) until(side int, t time.Time) {
	f.set(func() { f.deadline[side] = t })
	if !t.IsZero() {
		time.AfterFunc(time.Until(t), func() { f.set(func() {}) })
	}
}

// conn is one end.
type conn struct{ in, out *flow }

func (c *conn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *conn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close lets the other end read what was written.
func (c *conn) Close() error {
	c.out.set(func() { c.out.ended = true })
	c.in.set(func() { c.in.left = true })
	return nil
}

// reset breaks both directions at once; what was not read is lost.
func (c *conn) reset() {
	for _, f := range []*flow{c.in, c.out} {
		f.set(func() { f.broken, f.bytes = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, nil })
	}
}

func (c *conn) LocalAddr() net.Addr  { return addr{} }
func (c *conn) RemoteAddr() net.Addr { return addr{} }

func (c *conn) SetDeadline(t time.Time) error {
	c.in.until(reading, t)
	c.out.until(writing, t)
	return nil
}
func (c *conn) SetReadDeadline(t time.Time) error  { c.in.until(reading, t); return nil }
func (c *conn) SetWriteDeadline(t time.Time) error { c.out.until(writing, t); return nil }

type addr struct{}

func (addr) Network() string { return "memory" }
func (addr) String() string  { return "memory" }
