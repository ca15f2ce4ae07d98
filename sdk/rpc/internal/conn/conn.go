// Package conn is a plugin's connection: a net.Conn whose bytes travel in messages. It is
// independent of gRPC: received bytes are put in, bytes to send are taken out.
package conn

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/scrapekit/scrapekit/sdk/rpc/internal/chunk"
)

// maxUnread bounds the received, unread bytes. Beyond it, nothing is taken from the stream, whose
// window then fills up.
const maxUnread = 256 << 10

// Conn is one connection.
type Conn struct {
	local, remote net.Addr
	in            inbound
	out           outbound
	once          sync.Once
	gone          func() // tells the host that it was closed
}

// New returns a connection between two addresses. It calls gone when the plugin has closed it.
func New(local, remote net.Addr, gone func()) *Conn {
	c := &Conn{local: local, remote: remote, gone: gone}
	c.in.change.L, c.out.change.L = &c.in.mu, &c.out.mu
	return c
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.failed("read", err)
}

// Write implements net.Conn. It returns when its bytes are in the buffer.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.failed("write", err)
}

// CloseWrite closes the sending side, so that the remote end reads EOF.
func (c *Conn) CloseWrite() error { return c.failed("close", c.out.shut()) }

// Close closes the connection. Bytes written before are still sent.
func (c *Conn) Close() error {
	closed := false
	c.once.Do(func() {
		closed = true
		c.in.close()
		c.out.close()
		c.gone()
	})
	if !closed {
		return c.failed("close", net.ErrClosed)
	}
	return nil
}

// Broken ends both directions with the remote end's error. Received bytes can still be read.
func (c *Conn) Broken(err error) {
	c.in.end(err)
	c.out.fail(err)
}

// Put adds received bytes, whose ownership passes to the connection, when there is room. It returns
// false if nobody reads any more.
func (c *Conn) Put(b []byte) bool { return c.in.put(b) }

// End says that no more bytes will be received.
func (c *Conn) End() { c.in.end(io.EOF) }

// Next waits for bytes to send, whose ownership passes to the caller, or for the end. more is false
// when the connection is closed and everything was taken, or it is broken.
func (c *Conn) Next() (part []byte, ended, more bool) { return c.out.next() }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.failed("set", c.in.setDeadline(t))
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.failed("set", c.out.setDeadline(t))
}

// failed converts an error to that of a connection of package net.
func (c *Conn) failed(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: c.remote.Network(), Source: c.local, Addr: c.remote, Err: err}
}

// half is one direction of a connection.
type half struct {
	mu     sync.Mutex // guards the rest, and what embeds it
	change sync.Cond  // signals any change
	closed bool
	late   bool // the deadline has passed
	timer  *time.Timer
}

// stopped returns why this direction cannot be used. The caller holds mu.
func (h *half) stopped() error {
	switch {
	case h.closed:
		return net.ErrClosed
	case h.late:
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (h *half) setDeadline(t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return net.ErrClosed
	}
	if h.timer != nil {
		h.timer.Stop()
	}
	h.timer, h.late = nil, false
	if left := time.Until(t); left > 0 {
		var timer *time.Timer
		timer = time.AfterFunc(left, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.timer == timer { // or a newer timer has replaced it
				h.late = true
				h.change.Broadcast()
			}
		})
		h.timer = timer
	} else {
		h.late = !t.IsZero()
	}
	h.change.Broadcast()
	return nil
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
	h.change.Broadcast()
}

// inbound is the receiving direction.
type inbound struct {
	half
	chunks [][]byte
	unread int
	err    error // error after all bytes are read: io.EOF, or why the connection broke
}

// put is [Conn.Put].
func (i *inbound) put(b []byte) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.unread >= maxUnread && !i.closed {
		i.change.Wait()
	}
	if i.closed || i.err != nil {
		return false
	}
	if len(b) > 0 {
		i.chunks = append(i.chunks, b)
		i.unread += len(b)
		i.change.Broadcast()
	}
	return true
}

// end ends the direction. The first reason counts.
func (i *inbound) end(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		i.err = err
	}
	i.change.Broadcast()
}

func (i *inbound) read(p []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for {
		if err := i.stopped(); err != nil {
			return 0, err
		}
		switch {
		case len(p) == 0:
			return 0, nil
		case len(i.chunks) > 0:
			return i.take(p), nil
		case i.err != nil:
			return 0, i.err
		}
		i.change.Wait()
	}
}

// take copies available bytes. The caller holds mu.
func (i *inbound) take(p []byte) int {
	n := 0
	for n < len(p) && len(i.chunks) > 0 {
		part := copy(p[n:], i.chunks[0])
		n += part
		if i.chunks[0] = i.chunks[0][part:]; len(i.chunks[0]) == 0 {
			i.chunks[0] = nil
			i.chunks = i.chunks[1:]
		}
	}
	if i.unread >= maxUnread && i.unread-n < maxUnread {
		i.change.Broadcast()
	}
	i.unread -= n
	return n
}

// outbound is the sending direction. While one part is being sent, the next is collected.
type outbound struct {
	half
	part    []byte // at most chunk.Size bytes
	writing bool   // one Write is active; others wait, so that their bytes do not mix
	ended   bool   // by CloseWrite
	told    bool   // that it has ended
	err     error  // the connection broke
}

func (o *outbound) write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.writing && o.usable() == nil {
		o.change.Wait()
	}
	if err := o.usable(); err != nil {
		return 0, err
	}
	o.writing = true
	defer func() {
		o.writing = false
		o.change.Broadcast()
	}()
	n := 0
	for n < len(p) {
		if err := o.usable(); err != nil {
			return n, err
		}
		if o.part == nil {
			o.part = (*chunk.Buffers.Get(min(len(p)-n, chunk.Size)))[:0]
		}
		fits := min(len(p)-n, chunk.Size-len(o.part))
		if fits == 0 {
			o.change.Wait()
			continue
		}
		o.part = append(o.part, p[n:n+fits]...)
		n += fits
		o.change.Broadcast()
	}
	return n, nil
}

// usable returns why nothing can be written. The caller holds mu.
func (o *outbound) usable() error {
	switch err := o.stopped(); {
	case err != nil:
		return err
	case o.err != nil:
		return o.err
	case o.ended:
		return syscall.EPIPE
	}
	return nil
}

func (o *outbound) shut() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return net.ErrClosed
	}
	o.ended = true
	o.change.Broadcast()
	return nil
}

func (o *outbound) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	o.change.Broadcast()
}

// next is [Conn.Next].
func (o *outbound) next() (part []byte, ended, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		switch {
		case o.err != nil:
			return nil, false, false
		case len(o.part) > 0:
			part, o.part = o.part, nil
			o.change.Broadcast()
			return part, false, true
		case o.closed:
			return nil, false, false
		case o.ended && !o.told:
			o.told = true
			return nil, true, true
		}
		o.change.Wait()
	}
}
