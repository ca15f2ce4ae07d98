// Dial, the plugin's end: serves a connection that the host opened.

package rpc

import (
	"fmt"
	"io"
	"net"
	"net/netip"

	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk/rpc/internal/conn"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/neterr"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

type dialStream = grpc.BidiStreamingServer[pb.DialRequest, pb.DialResponse]

// Dial serves one connection until it is closed and everything is sent, or it breaks.
func (s *server) Dial(stream dialStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	is := first.GetConnected()
	own := conn.New(addrOf(is.GetLocal()), addrOf(is.GetRemote()), func() { s.link.hangUp(is.GetId()) })
	if is == nil || !s.link.conns.answer(is.GetId(), dialed{conn: own}) {
		return nil // the plugin does not wait for it any more
	}
	defer s.link.conns.remove(own)
	go receive(own, stream) // ends with the stream, at the latest after this returns
	return send(own, stream)
}

// receive reads the bytes of the stream.
func receive(c *conn.Conn, stream dialStream) {
	for {
		m, err := stream.Recv()
		if err != nil {
			c.Broken(errLostConn)
			return
		}
		switch what := m.GetMessage().(type) {
		case *pb.DialRequest_Data:
			if !c.Put(what.Data) {
				return
			}
		case *pb.DialRequest_CloseWrite:
			c.End()
		case *pb.DialRequest_Broken:
			c.Broken(neterr.From(what.Broken))
		}
	}
}

var errLostConn = fmt.Errorf("the host has ended the connection: %w", io.ErrUnexpectedEOF)

// send writes bytes to the stream.
func send(c *conn.Conn, stream dialStream) error {
	for {
		part, ended, more := c.Next()
		m := &pb.DialResponse{Message: &pb.DialResponse_Data{Data: part}}
		switch {
		case !more:
			return nil
		case ended:
			m.Message = &pb.DialResponse_CloseWrite{CloseWrite: &pb.CloseWrite{}}
		}
		if err := stream.Send(m); err != nil {
			c.Broken(errLostConn)
			return err
		}
	}
}

// addrOf parses an address.
func addrOf(text string) net.Addr {
	if a, err := netip.ParseAddrPort(text); err == nil {
		return net.TCPAddrFromAddrPort(a)
	}
	return textAddr{"tcp", text}
}
