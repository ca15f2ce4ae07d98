// HTTP, the plugin's end: a RoundTripper that sends requests to the host.

package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

const (
	// maxRequestBody bounds the body of a request, in bytes.
	maxRequestBody = 64 << 20
	// window is how much of a reply's body the host sends ahead of its reader.
	window = 1 << 20
)

// transport makes requests within one call, and ends them with the call.
type transport struct {
	link *link
	call context.Context
}

// RoundTrip implements http.RoundTripper. Errors of the host keep their class through http.Client.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := requestBody(req)
	if err != nil {
		return nil, err
	}
	f, err := t.start(req.Context())
	if err != nil {
		return nil, err
	}
	ask := f.ask(req, body)
	ask.GetFetch().Split = text.Valid(hint.Split(t.call))
	if err := t.link.send(f.ctx, ask); err != nil {
		f.close()
		return nil, err
	}
	head, err := f.head()
	if err != nil {
		f.close()
		return nil, err
	}
	return f.response(req, head), nil
}

// requestBody reads the body and always closes it, as a RoundTripper must.
func requestBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	body, err := io.ReadAll(io.LimitReader(req.Body, maxRequestBody+1))
	if err != nil {
		return nil, fmt.Errorf("body of the request: %w", err)
	}
	if len(body) > maxRequestBody {
		return nil, sdk.Permanent(fmt.Errorf("body of the request: longer than %d bytes, which is the limit",
			maxRequestBody))
	}
	return body, nil
}

// fetch is one request in progress with the body of its reply.
type fetch struct {
	id     uint64
	link   *link
	ctx    context.Context // done with the request's and the call's context
	end    func()          // releases ctx
	closed sync.Once
	ready  chan struct{} // holds a token after a change by take or fail

	mu       sync.Mutex // guards the rest
	answer   *pb.FetchHead
	chunks   [][]byte
	err      error // io.EOF: the body is complete
	answered bool  // no more data comes
	taken    int64 // read, not granted again yet
}

func (t *transport) start(req context.Context) (*fetch, error) {
	ctx, cancel := context.WithCancelCause(req)
	f := &fetch{link: t.link, ctx: ctx, ready: make(chan struct{}, 1)}
	unhook := context.AfterFunc(t.call, func() { cancel(t.call.Err()) })
	f.end = func() {
		unhook()
		cancel(errBodyClosed)
	}
	var err error
	if f.id, err = t.link.enrol(f); err != nil {
		f.end()
		return nil, err
	}
	context.AfterFunc(ctx, f.close)
	return f, nil
}

var errBodyClosed = errors.New("the body of the reply was closed")

func (f *fetch) ask(req *http.Request, body []byte) *pb.FromPlugin {
	ask := &pb.Fetch{
		Method: req.Method, Url: req.URL.String(), Headers: convert.HeadersTo(req.Header), Body: body,
		Idempotent: hint.Idempotent(req), Classes: convert.ClassesTo(hint.Classes(req)),
		BodyInHead: true,
	}
	return &pb.FromPlugin{Id: f.id, Message: &pb.FromPlugin_Fetch{Fetch: ask}}
}

// head waits for the head of the reply.
func (f *fetch) head() (*pb.FetchHead, error) {
	for {
		f.mu.Lock()
		head, err := f.answer, f.err
		f.mu.Unlock()
		if head != nil {
			return head, nil
		}
		if err != nil {
			return nil, err
		}
		if err := f.wait(); err != nil {
			return nil, err
		}
	}
}

func (f *fetch) wait() error {
	select {
	case <-f.ready:
		return nil
	case <-f.ctx.Done():
		return context.Cause(f.ctx)
	}
}

// take stores a message of the host for the reader.
func (f *fetch) take(m *pb.FromHost) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch m := m.GetMessage().(type) {
	case *pb.FromHost_FetchHead:
		f.answer = m.FetchHead
		f.takeBody(m.FetchHead.GetBody(), m.FetchHead.GetLast())
	case *pb.FromHost_FetchChunk:
		f.takeBody(m.FetchChunk.GetData(), m.FetchChunk.GetLast())
	case *pb.FromHost_RequestError:
		f.err, f.answered = convert.RequestErrorFrom(m.RequestError), true
	}
	f.signal()
}

// takeBody stores a part of the body. The caller holds f.mu.
func (f *fetch) takeBody(part []byte, last bool) {
	if len(part) > 0 {
		f.chunks = append(f.chunks, part)
	}
	if last {
		f.err, f.answered = io.EOF, true
	}
}

// fail ends the fetch if no reply can come.
func (f *fetch) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.answered {
		f.err, f.answered = err, true
	}
	f.signal()
}

func (f *fetch) signal() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// close releases the fetch and, if the reply is still in progress, cancels it at the host, once.
func (f *fetch) close() {
	f.closed.Do(func() {
		f.end()
		f.link.forget(f.id)
		f.mu.Lock()
		answered := f.answered
		f.chunks = nil
		f.mu.Unlock()
		if !answered {
			// Without a stream, no host works on it.
			_ = f.link.send(context.Background(), cancelOf(f.id))
		}
	})
}

func (f *fetch) response(req *http.Request, head *pb.FetchHead) *http.Response {
	major, minor, ok := http.ParseHTTPVersion(head.GetProto())
	proto := head.GetProto()
	if !ok {
		proto, major, minor = "HTTP/1.1", 1, 1
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", head.GetStatus(), http.StatusText(int(head.GetStatus()))),
		StatusCode:    int(head.GetStatus()),
		Proto:         proto,
		ProtoMajor:    major,
		ProtoMinor:    minor,
		Header:        convert.HeadersFrom(head.GetHeaders()),
		Body:          body{f},
		ContentLength: head.GetContentLength(),
		Request:       req,
	}
}

// body reads the reply's body and grants the host more window.
type body struct{ f *fetch }

func (b body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, grant, err := b.f.read(p)
		if grant > 0 {
			_ = b.f.link.send(b.f.ctx, &pb.FromPlugin{Id: b.f.id,
				Message: &pb.FromPlugin_FetchWindow{FetchWindow: &pb.FetchWindow{Bytes: grant}}})
		}
		if n > 0 {
			return n, nil
		}
		if err != nil {
			b.f.close() // authors may forget to close a body
			return 0, err
		}
		if err := b.f.wait(); err != nil {
			return 0, err
		}
	}
}

func (b body) Close() error {
	b.f.close()
	return nil
}

// read returns available bytes, and how much window to grant for them.
func (f *fetch) read(p []byte) (n int, grant int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.chunks) == 0 {
		return 0, 0, f.err
	}
	n = copy(p, f.chunks[0])
	if f.chunks[0] = f.chunks[0][n:]; len(f.chunks[0]) == 0 {
		f.chunks = f.chunks[1:]
	}
	f.taken += int64(n)
	if f.taken >= window/4 && !f.answered {
		grant, f.taken = f.taken, 0
	}
	return n, grant, nil
}
