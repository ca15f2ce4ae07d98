// The reverse stream, the host's end: serves the plugin's requests.

package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/printable"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/chunk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/line"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/logline"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

const (
	// maxClasses bounds the classes of replies in a fetch, because each is searched for in the
	// body.
	maxClasses = 64
)

// OpenHost opens the stream over which the plugin uses the services of h. Call it before Configure.
// It is served until ctx is done or the connection ends. wait blocks until then and until all
// requests of the plugin have ended; it returns nil after ctx, a *[LostError] otherwise.
func (c *Conn) OpenHost(ctx context.Context, h sdk.Host) (wait func() error, err error) {
	inner, cancel := context.WithCancel(ctx)
	stream, err := c.plugin.Host(inner)
	if err == nil {
		err = opened(stream)
	}
	if err != nil {
		cancel()
		return nil, fromStatus(ctx, err)
	}
	d := newPluginServer(inner, c, h, stream)
	done := make(chan struct{})
	var ended error
	go func() {
		defer close(done)
		ended = d.serve()
		cancel()
		d.end()
	}()
	return func() error {
		<-done
		select {
		case <-ctx.Done():
			return nil // the host itself has ended it
		default:
			return ended
		}
	}, nil
}

// opened waits until the plugin has accepted the stream.
func opened(stream grpc.BidiStreamingClient[pb.FromHost, pb.FromPlugin]) error {
	md, err := stream.Header()
	if err != nil || md != nil {
		return err
	}
	// No header and no error: the stream has ended, and receiving returns why.
	_, err = stream.Recv()
	return err
}

// pluginServer serves one plugin.
type pluginServer struct {
	ctx      context.Context
	conn     *Conn
	host     sdk.Host
	stream   grpc.BidiStreamingClient[pb.FromHost, pb.FromPlugin]
	work     sync.WaitGroup
	sends    sync.Mutex // serialises sending
	line     *line.Line
	refusals atomic.Int64 // open and pending connections
}

func newPluginServer(ctx context.Context, c *Conn, h sdk.Host,
	stream grpc.BidiStreamingClient[pb.FromHost, pb.FromPlugin]) *pluginServer {
	return &pluginServer{ctx: ctx, conn: c, host: h, stream: stream, line: line.New()}
}

// end waits until all work has ended, after d.ctx is done and serve has returned.
func (d *pluginServer) end() {
	d.line.Close()
	d.work.Wait()
}

// serve reads the plugin's messages. It never waits for a fetch or a connection, so that
// cancellations and windows are processed.
func (d *pluginServer) serve() error {
	for {
		m, err := d.stream.Recv()
		if errors.Is(err, io.EOF) {
			return &LostError{Reason: "the plugin ended the reverse stream"}
		}
		if err != nil {
			return fromStatus(d.ctx, err)
		}
		switch what := m.GetMessage().(type) {
		case *pb.FromPlugin_Fetch:
			err = d.take(d.fetchOrder(m.GetId(), what.Fetch))
		case *pb.FromPlugin_Keep:
			err = d.take(d.keepOrder(m.GetId(), what.Keep))
		case *pb.FromPlugin_Cancel:
			d.line.Cancel(m.GetId())
		case *pb.FromPlugin_FetchWindow:
			if o := d.line.Find(m.GetId()); o != nil {
				o.Grow(what.FetchWindow.GetBytes())
			}
		case *pb.FromPlugin_Dial:
			err = d.dial(m.GetId(), what.Dial)
		case *pb.FromPlugin_DialCancel:
			d.conn.tunnels.hangUp(m.GetId())
		case *pb.FromPlugin_Log:
			logline.Write(d.ctx, d.host.Logger, what.Log)
		case *pb.FromPlugin_Counter:
			if d.host.Count != nil {
				d.host.Count(printable.Line(what.Counter.GetName()), what.Counter.GetN())
			}
		default:
			if m.GetId() != 0 { // of a plugin newer than this host, which waits for an answer
				err = d.send(requestError(m.GetId(),
					sdk.Permanent(errors.New(
						"this host does not know what the plugin asks for: a newer scrapekit may"))))
			}
		}
		if err != nil {
			return err
		}
	}
}

// take enqueues an order, and ensures that a goroutine serves the queue.
func (d *pluginServer) take(o *line.Order) error {
	switch d.line.Join(o) {
	case line.Twice:
		return fmt.Errorf("the plugin used the id %d for two requests at once", o.ID)
	case line.Full:
		d.work.Go(func() { d.refuse(o, errors.New("too many requests at once; wait for some to end")) })
	case line.Alone:
		d.work.Go(func() {
			for o := d.line.Next(d.ctx); o != nil; o = d.line.Next(d.ctx) {
				d.run(o)
			}
		})
	}
	return nil
}

// run serves an order.
func (d *pluginServer) run(o *line.Order) {
	defer d.line.Drop(o)
	if err := o.Serve(o); err != nil && o.Context().Err() == nil {
		d.refuse(o, err)
	}
}

func (d *pluginServer) fetchOrder(id uint64, f *pb.Fetch) *line.Order {
	return line.NewOrder(id, f.GetSplit(), len(f.GetBody()), window, func(o *line.Order) error { return d.fetch(o, f) })
}

// fetch makes the request and sends the reply.
func (d *pluginServer) fetch(o *line.Order, f *pb.Fetch) error {
	req, err := request(o, f.GetMethod(), f.GetBody(), f)
	if err != nil {
		return sdk.Permanent(err)
	}
	if f.GetIdempotent() {
		req = req.WithContext(sdk.Idempotent(req.Context()))
	}
	if d.host.Transport == nil {
		return sdk.Permanent(errors.New("this host makes no HTTP requests"))
	}
	resp, err := d.host.Transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	head := &pb.FetchHead{
		Status: int32(resp.StatusCode), Proto: resp.Proto, Headers: convert.HeadersTo(resp.Header),
		ContentLength: resp.ContentLength,
	}
	var broken error
	if n := resp.ContentLength; f.GetBodyInHead() && 0 <= n && n < chunk.Size {
		head.Body, head.Last, broken = short(resp)
		o.Grow(-int64(len(head.GetBody())))
	}
	err = d.send(&pb.FromHost{Id: o.ID, Message: &pb.FromHost_FetchHead{FetchHead: head}})
	if err != nil || head.GetLast() {
		return err
	}
	if broken != nil {
		return bodyError(broken)
	}
	return d.sendBody(o, resp)
}

// short reads a body that should fit into one message, and reports whether it is complete. It saves
// a message for most replies.
func short(resp *http.Response) (body []byte, last bool, err error) {
	b := bytes.NewBuffer(make([]byte, 0, resp.ContentLength+bytes.MinRead)) // so that it need not grow
	_, err = b.ReadFrom(io.LimitReader(resp.Body, chunk.Size))
	return b.Bytes(), err == nil && b.Len() < chunk.Size, err
}

func bodyError(err error) error { return fmt.Errorf("body of the reply: %w", err) }

// wanted is the common part of a Fetch and a Keep.
type wanted interface {
	GetSplit() string
	GetUrl() string
	GetHeaders() []*pb.Header
	GetClasses() []*pb.ReplyClass
}

// request converts the plugin's request.
func request(o *line.Order, method string, body []byte, w wanted) (*http.Request, error) {
	ctx := o.Context()
	if split := w.GetSplit(); split != "" {
		ctx = hint.WithSplit(ctx, split)
	}
	if n := len(w.GetClasses()); n > maxClasses {
		return nil, fmt.Errorf("%d classes of replies for one request, %d are the most", n, maxClasses)
	}
	ctx = hint.WithClasses(ctx, convert.ClassesFrom(w.GetClasses())...)
	var content io.Reader
	if len(body) > 0 {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, w.GetUrl(), content)
	if err != nil {
		return nil, err
	}
	req.Header = convert.HeadersFrom(w.GetHeaders())
	return req, nil
}

// sendBody sends the body as the plugin grants window.
func (d *pluginServer) sendBody(o *line.Order, resp *http.Response) error {
	left := resp.ContentLength
	for {
		room, err := o.Wait()
		if err != nil {
			return err
		}
		// A new message each time: gRPC may keep it after Send and releases the buffer later.
		part := *chunk.Buffers.Get(int(min(room, chunkSize(left))))
		n, err := resp.Body.Read(part)
		if err != nil && !errors.Is(err, io.EOF) {
			return bodyError(err)
		}
		last := err != nil
		left -= int64(n)
		o.Grow(-int64(n))
		if n == 0 && !last {
			continue
		}
		m := &pb.FromHost{Id: o.ID, Message: &pb.FromHost_FetchChunk{FetchChunk: &pb.FetchChunk{Data: part[:n],
			Last: last}}}
		if err := d.send(m); err != nil || last {
			return err
		}
	}
}

// chunkSize returns how much to read next if left bytes are expected; negative: unknown.
func chunkSize(left int64) int64 {
	const unknown = 32 << 10
	if left < 0 {
		return unknown
	}
	return min(left+1, chunk.Size) // one byte more than expected, so that a short body ends in one read
}

// refuse answers with an error.
func (d *pluginServer) refuse(o *line.Order, err error) {
	// If sending fails, the stream is broken and the plugin knows it.
	_ = d.send(requestError(o.ID, err))
}

func requestError(id uint64, err error) *pb.FromHost {
	return &pb.FromHost{Id: id, Message: &pb.FromHost_RequestError{RequestError: convert.RequestErrorTo(err)}}
}

func (d *pluginServer) send(m *pb.FromHost) error {
	d.sends.Lock()
	defer d.sends.Unlock()
	return d.stream.Send(m)
}
