// In process: host and plugin over an in-memory connection, for tests.

package rpc

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/scrapekit/scrapekit/sdk"
)

// InProcess serves p in this process and connects to it, as between two processes. close closes the
// connection and waits for the plugin's calls. It also ends when ctx is done.
func InProcess(ctx context.Context, p sdk.Plugin) (c *Conn, close func(), err error) {
	pipe := bufconn.Listen(1 << 20)
	return serveOn(ctx, p, pipe, func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) })
}

func serveOn(ctx context.Context, p sdk.Plugin, l net.Listener,
	dial func(context.Context, string) (net.Conn, error)) (*Conn, func(), error) {
	g := grpc.NewServer(append(serverOptions(), grpc.WaitForHandlers(true))...)
	if err := newServer(p).register(g); err != nil {
		return nil, nil, err
	}
	cc, err := grpc.NewClient("passthrough:///plugin", append(DialOptions(),
		grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		return nil, nil, err
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = g.Serve(l) // returns when Stop closes the listener
	}()
	end := sync.OnceFunc(func() {
		_ = cc.Close() // best effort
		g.Stop()
		<-served
	})
	unhook := context.AfterFunc(ctx, end)
	return newConn(cc), func() { unhook(); end() }, nil
}
