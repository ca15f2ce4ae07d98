// Attach: connects a host to a plugin that somebody else has started, for example in a debugger.

package rpc

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/scrapekit/scrapekit/sdk"
)

// ServeAttached serves p to every host that connects to l, until l is closed. Each connection has
// its own instance, like a process.
func ServeAttached(p sdk.Plugin, l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		g := grpc.NewServer(serverOptions()...)
		if err := newServer(p).register(g); err != nil {
			return err
		}
		go func() { _ = g.Serve(&oneConn{Listener: l, conn: conn}) }() // it ends with the connection
	}
}

// oneConn is a listener with one connection.
type oneConn struct {
	net.Listener
	mu   sync.Mutex
	conn net.Conn
}

// Accept returns the connection once and then blocks, because a server closes its connections when
// its listener is gone.
func (o *oneConn) Accept() (net.Conn, error) {
	o.mu.Lock()
	conn := o.conn
	o.conn = nil
	o.mu.Unlock()
	if conn == nil {
		select {}
	}
	return conn, nil
}

// Close does not close the connection's origin.
func (o *oneConn) Close() error { return nil }

// Dial connects to a plugin that listens on a unix socket. close closes the connection.
func Dial(ctx context.Context, socket string) (c *Conn, close func(), err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, err
	}
	first := make(chan net.Conn, 1)
	first <- conn
	dial := func(context.Context, string) (net.Conn, error) {
		select {
		case c := <-first:
			return c, nil
		default: // the configured instance is gone with its connection
			return nil, net.ErrClosed
		}
	}
	cc, err := grpc.NewClient("passthrough:///attached", append(DialOptions(),
		grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		return nil, nil, err
	}
	return newConn(cc), func() { _ = cc.Close() }, nil // best effort
}
