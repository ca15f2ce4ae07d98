// Dial, the host's end: opens connections for the plugin and transports their bytes.

package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/chunk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/neterr"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

const (
	// maxPart bounds a received message with bytes of a connection: 1 MiB plus its fields.
	maxPart = 1<<20 + 1<<10
	// smallRead is the size of the buffer of a connection with little data.
	smallRead = 16 << 10
	// maxRefusals bounds the refusals that wait to be sent to the plugin.
	maxRefusals = 1024
)

// dial starts a connection. It does not block.
func (d *pluginServer) dial(id uint64, ask *pb.Dial) error {
	ctx, cancel := context.WithCancel(d.ctx)
	t, err := d.conn.tunnels.add(id, cancel)
	if errors.Is(err, neterr.ErrTooMany) {
		cancel()
		if d.refusals.Add(1) > maxRefusals {
			return errors.New("the plugin asks for ever more connections and does not hear that it has too many")
		}
		d.work.Go(func() {
			defer d.refusals.Add(-1)
			d.refuseDial(id, err)
		})
		return nil
	}
	if err != nil {
		cancel()
		return err
	}
	d.work.Go(func() {
		defer d.conn.tunnels.remove(id)
		defer t.end()
		if err := d.tunnel(ctx, id, t, ask); err != nil && ctx.Err() == nil {
			d.refuseDial(id, err)
		}
	})
	return nil
}

// tunnel connects, and transports bytes until the connection has ended. The error says that it
// could not connect.
func (d *pluginServer) tunnel(ctx context.Context, id uint64, t *tunnel, ask *pb.Dial) error {
	if d.host.Dial == nil {
		return sdk.Permanent(errors.New("this host opens no connections"))
	}
	far, err := d.host.Dial(ctx, ask.GetNetwork(), ask.GetAddress())
	if err != nil {
		return err
	}
	stream, err := d.conn.plugin.Dial(ctx, grpc.MaxCallRecvMsgSize(maxPart))
	if err == nil {
		err = stream.Send(&pb.DialRequest{Message: &pb.DialRequest_Connected_{Connected: &pb.DialRequest_Connected{
			Id: id, Local: text.Valid(addrText(far.LocalAddr())), Remote: text.Valid(addrText(far.RemoteAddr())),
		}}})
	}
	if err != nil {
		reset(far)
		return fromStatus(ctx, err)
	}
	t.opened()
	(&carrier{ctx: ctx, stream: stream, far: far}).carry()
	return nil
}

func (d *pluginServer) refuseDial(id uint64, err error) {
	// If sending fails, the stream is broken and the plugin knows it.
	_ = d.send(&pb.FromHost{Id: id, Message: &pb.FromHost_DialError{DialError: neterr.To(err)}})
}

func addrText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// reset closes a connection abruptly: unreceived bytes are dropped, and the remote end sees an
// error.
func reset(far net.Conn) {
	if l, ok := far.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // otherwise it is closed normally
	}
	_ = far.Close()
}

// carrier transports the bytes of one connection.
type carrier struct {
	ctx    context.Context
	stream grpc.BidiStreamingClient[pb.DialRequest, pb.DialResponse]
	far    net.Conn

	mu    sync.Mutex // guards the rest, and Send of the stream
	lost  error      // of a write
	ended bool       // the far end has sent all, or the plugin was told that it is broken
}

// carry returns when the plugin has closed the connection and all is written, or when it is broken
// off.
func (c *carrier) carry() {
	unhook := context.AfterFunc(c.ctx, func() { reset(c.far) })
	defer unhook()
	var coming sync.WaitGroup
	coming.Go(c.down)
	if c.up() {
		_ = c.far.Close() // what the system still has of it, it sends
	} else {
		reset(c.far)
	}
	coming.Wait()
}

// up carries what the plugin sends, and reports whether it came to a regular end.
func (c *carrier) up() bool {
	broken := false
	for {
		m, err := c.stream.Recv()
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		if broken {
			continue // the plugin is told, and will end it
		}
		switch what := m.GetMessage().(type) {
		case *pb.DialResponse_Data:
			_, err = c.far.Write(what.Data)
		case *pb.DialResponse_CloseWrite:
			if half, ok := c.far.(interface{ CloseWrite() error }); ok {
				err = half.CloseWrite()
			}
		}
		if err != nil {
			broken = true
			c.fail(err)
		}
	}
}

// fail sees to it that the plugin is told of a write that failed: at once if nothing comes any
// more, otherwise when what has come was carried.
func (c *carrier) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = err
	if c.ended {
		_ = c.stream.Send(brokenBy(err)) // if not, the stream is, and the plugin knows it
		return
	}
	_ = c.far.SetReadDeadline(time.Now().Add(lingerTime)) // a closed one is at its end already
}

// down carries what comes from the far end.
func (c *carrier) down() {
	size := smallRead
	var buf []byte
	for {
		if buf == nil {
			buf = *chunk.Buffers.Get(size)
		}
		n, err := c.far.Read(buf)
		if n > 0 {
			data := buf[:n]
			if n < smallRead/2 {
				data = bytes.Clone(data) // or a short message would hold a long buffer
			} else {
				buf = nil
			}
			if n == size {
				size = chunk.Size
			} else if n < smallRead {
				size = smallRead
			}
			if !c.send(&pb.DialRequest{Message: &pb.DialRequest_Data{Data: data}}) {
				return
			}
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

// send reports false when the stream is at its end, which up hears of too.
func (c *carrier) send(m *pb.DialRequest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stream.Send(m) == nil
}

// end tells the plugin that nothing comes any more, and why.
func (c *carrier) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	m := &pb.DialRequest{Message: &pb.DialRequest_CloseWrite{CloseWrite: &pb.CloseWrite{}}}
	switch {
	case errors.Is(err, net.ErrClosed):
		return // by us: there is nobody to be told
	case c.lost != nil:
		m = brokenBy(c.lost)
	case !errors.Is(err, io.EOF):
		m = brokenBy(err)
	}
	_ = c.stream.Send(m) // if not, the stream is at its end, which up hears of too
}

func brokenBy(err error) *pb.DialRequest {
	return &pb.DialRequest{Message: &pb.DialRequest_Broken{Broken: neterr.To(err)}}
}
