package sqltest

import (
	"bytes"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands between a sink and its server, and cuts connections at a COMMIT: in turn before the
// server gets it, and when the server has replied.
type Proxy struct {
	Addr   string
	server string
	commit []byte

	mu            sync.Mutex
	seen          int // commits
	before, after int // cuts
}

// PostgresCommit is a COMMIT as a client of PostgreSQL sends it.
var PostgresCommit = []byte("Q\x00\x00\x00\x0bcommit\x00")

// MySQLCommit is one as a client of MySQL sends it.
var MySQLCommit = []byte("\x07\x00\x00\x00\x03COMMIT")

// NewProxy starts one, which ends with the test. commit is how a client's message ends that
// commits.
func NewProxy(t testing.TB, server string, commit []byte) *Proxy {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), server: server, commit: commit}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // it is closed
			}
			all.Go(func() { p.serve(ctx, c) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		all.Wait()
	})
	return p
}

// Cuts are how many connections it has cut before the server had the COMMIT, and after it replied.
func (p *Proxy) Cuts() (before, after int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.before, p.after
}

// serve connects a client with the server until one of both ends, or the test.
func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }() // that it is closed is what counts, here and below
	server, err := new(net.Dialer).DialContext(ctx, "tcp", p.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	stop := context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })
	defer stop()
	var lost atomic.Bool // the next reply
	var back sync.WaitGroup
	defer func() {
		_ = server.Close()
		back.Wait()
	}()
	back.Go(func() {
		defer func() { _ = client.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil || lost.Load() {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		switch p.fate(buffer[:n]) {
		case lostBefore:
			return
		case lostAfter:
			lost.Store(true)
			if _, err := server.Write(buffer[:n]); err == nil {
				back.Wait()
			}
			return
		case passes:
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}

// every is at which of the COMMITs it cuts.
const every = 9

// outcome is what becomes of a message.
type outcome int

const (
	passes outcome = iota
	lostBefore
	lostAfter
)

func (p *Proxy) fate(message []byte) outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !bytes.HasSuffix(message, p.commit) {
		return passes
	}
	p.seen++
	switch p.seen % (2 * every) {
	case 0:
		p.before++
		return lostBefore
	case every:
		p.after++
		return lostAfter
	}
	return passes
}
