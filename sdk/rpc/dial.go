// Connections, the plugin's end: it asks for one on the reverse stream, and the host comes with it.

package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"

	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

var errNoDial = errors.New("this host opens no connections for plugins: a newer scrapekit does")

type dialStream = grpc.BidiStreamingServer[pb.DialRequest, pb.DialResponse]

// conns are the connections of a plugin.
type conns struct {
	mu      sync.Mutex // guards the rest
	offered bool       // by this host
	asked   map[uint64]chan dialed
	open    map[*netConn]struct{}
	ended   sync.Cond // one of open has
}

// dialed is what came of a dial: a connection, or why there is none.
type dialed struct {
	conn *netConn
	err  error
}

func newConns() *conns {
	c := &conns{asked: map[uint64]chan dialed{}, open: map[*netConn]struct{}{}}
	c.ended.L = &c.mu
	return c
}

// offer notes whether the host opens connections.
func (c *conns) offer(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offered = yes
}

// dial is an sdk.Host's Dial.
func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.tryDial(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: textAddr{network, address}, Err: err}
	}
	return conn, nil
}

func (l *link) tryDial(ctx context.Context, network, address string) (net.Conn, error) {
	id, answer, err := l.ask()
	if err != nil {
		return nil, err
	}
	ask := &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_Dial{Dial: &pb.Dial{Network: validText(network), Address: validText(address)}}}
	if err := l.send(ctx, ask); err != nil {
		l.conns.forget(id)
		return nil, contextError(err)
	}
	select {
	case d := <-answer:
		if d.err != nil {
			return nil, d.err
		}
		return d.conn, nil
	case <-ctx.Done():
	}
	if l.conns.forget(id) {
		l.hangUp(id)
		return nil, contextError(context.Cause(ctx))
	}
	if d := <-answer; d.conn != nil { // it came at the same moment
		_ = d.conn.Close()
	}
	return nil, contextError(context.Cause(ctx))
}

// ask makes room for an answer.
func (l *link) ask() (id uint64, answer chan dialed, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns.mu.Lock()
	defer l.conns.mu.Unlock()
	switch {
	case !l.open:
		return 0, nil, errNoHost
	case !l.conns.offered:
		return 0, nil, sdk.Permanent(errNoDial)
	}
	l.lastID++
	answer = make(chan dialed, 1)
	l.conns.asked[l.lastID] = answer
	return l.lastID, answer, nil
}

// forget reports whether the dial had no answer yet. It will get none.
func (c *conns) forget(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waits := c.asked[id]
	delete(c.asked, id)
	return waits
}

// answer hands over what came of a dial, and reports whether somebody waits for it.
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

// failAll answers all dials that wait.
func (c *conns) failAll(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, to := range c.asked {
		delete(c.asked, id)
		to <- dialed{err: err}
	}
}

func (c *conns) remove(conn *netConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
	c.ended.Broadcast()
}

// close closes every connection, and waits until what was written to them has gone to the host, unless ctx ends before.
func (c *conns) close(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended.Broadcast()
	})()
	c.mu.Lock()
	all := make([]*netConn, 0, len(c.open))
	for conn := range c.open {
		all = append(all, conn)
	}
	c.mu.Unlock()
	for _, conn := range all {
		_ = conn.Close() // it may be closed already
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.open) > 0 && ctx.Err() == nil {
		c.ended.Wait()
	}
}

// hangUp tells the host that a connection is not wanted any more. Without a stream there is no host that would keep it.
func (l *link) hangUp(id uint64) {
	_ = l.send(context.Background(), &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_DialCancel{DialCancel: &pb.DialCancel{}}})
}

// Dial serves one connection until it is closed and all is sent, or it breaks.
func (s *server) Dial(stream dialStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	is := first.GetConnected()
	conn := newNetConn(addrOf(is.GetLocal()), addrOf(is.GetRemote()), func() { s.link.hangUp(is.GetId()) })
	if is == nil || !s.link.conns.answer(is.GetId(), dialed{conn: conn}) {
		return nil // nobody waits for it any more
	}
	defer s.link.conns.remove(conn)
	go conn.receive(stream) // ends when the stream does, at the latest after this returns
	return conn.send(stream)
}

// receive takes what comes.
func (c *netConn) receive(stream dialStream) {
	for {
		m, err := stream.Recv()
		if err != nil {
			c.broken(errLostConn)
			return
		}
		switch what := m.GetMessage().(type) {
		case *pb.DialRequest_Data:
			if !c.in.put(what.Data) {
				return
			}
		case *pb.DialRequest_CloseWrite:
			c.in.end(io.EOF)
		case *pb.DialRequest_Broken:
			c.broken(dialErrorFrom(what.Broken))
		}
	}
}

var errLostConn = fmt.Errorf("the host has ended the connection: %w", io.ErrUnexpectedEOF)

// send sends what goes.
func (c *netConn) send(stream dialStream) error {
	for {
		part, ended, more := c.out.next()
		m := &pb.DialResponse{Message: &pb.DialResponse_Data{Data: part}}
		switch {
		case !more:
			return nil
		case ended:
			m.Message = &pb.DialResponse_CloseWrite{CloseWrite: &pb.CloseWrite{}}
		}
		if err := stream.Send(m); err != nil {
			c.broken(errLostConn)
			return err
		}
	}
}

// addrOf makes an address of its text.
func addrOf(text string) net.Addr {
	if a, err := netip.ParseAddrPort(text); err == nil {
		return net.TCPAddrFromAddrPort(a)
	}
	return textAddr{"tcp", text}
}

// textAddr is an address that is no number: a name, or the one of a test's host.
type textAddr struct{ network, address string }

func (a textAddr) Network() string { return a.network }
func (a textAddr) String() string  { return a.address }
