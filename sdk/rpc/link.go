// The reverse stream, the plugin's end: sends requests and dispatches replies.

package rpc

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/neterr"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

var errNoHost = errors.New("the host's services are out of reach: the stream to the host is not open")

type hostStream = grpc.BidiStreamingServer[pb.FromHost, pb.FromPlugin]

// link is the plugin's access to the host's services. It outlives the stream: without one, requests
// fail with errNoHost.
type link struct {
	turn   chan struct{} // holds one token; its owner may send or change the stream
	stream hostStream    // nil: not open
	conns  *conns

	mu     sync.Mutex // guards the rest
	open   bool
	lastID uint64
	asking map[uint64]asker
}

// asker waits for a reply of the host. Its methods do not block.
type asker interface {
	take(m *pb.FromHost)
	fail(err error) // no reply can come any more
}

func newLink() *link {
	return &link{turn: make(chan struct{}, 1), asking: map[uint64]asker{}, conns: newConns()}
}

func (l *link) attach(stream hostStream) error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if l.stream != nil {
		return sdk.Permanent(errors.New("the reverse stream is open already"))
	}
	l.stream = stream
	l.mu.Lock()
	l.open = true
	l.mu.Unlock()
	return nil
}

// detach fails pending requests and stops all sending.
func (l *link) detach() {
	l.mu.Lock()
	l.open = false
	for _, a := range l.asking {
		a.fail(errNoHost)
	}
	l.mu.Unlock()
	l.conns.failAll(errNoHost)
	l.turn <- struct{}{}
	l.stream = nil
	<-l.turn
}

// send sends m in turn, unless ctx is done before.
func (l *link) send(ctx context.Context, m *pb.FromPlugin) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-l.turn }()
	if l.stream == nil {
		return errNoHost
	}
	if err := l.stream.Send(m); err != nil {
		return errNoHost
	}
	return nil
}

// enrol returns an id for replies to a.
func (l *link) enrol(a asker) (id uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		return 0, errNoHost
	}
	l.lastID++
	l.asking[l.lastID] = a
	return l.lastID, nil
}

func (l *link) forget(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.asking, id)
}

// deliver dispatches a message. It never blocks: the receiver stores it, and the host sends no more
// than a fetch's window.
func (l *link) deliver(m *pb.FromHost) {
	if e := m.GetDialError(); e != nil {
		l.conns.answer(m.GetId(), dialed{err: neterr.From(e)})
		return
	}
	l.mu.Lock()
	a := l.asking[m.GetId()]
	l.mu.Unlock()
	if a != nil {
		a.take(m)
	}
}

// cancelOf cancels the request with an id.
func cancelOf(id uint64) *pb.FromPlugin {
	return &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_Cancel{Cancel: &pb.Cancel{}}}
}

// count counts outside of a call. Without a host, counts are dropped.
func (l *link) count(name string, n int64) {
	counter := &pb.Counter{Name: text.Valid(name), N: n}
	_ = l.send(context.Background(), &pb.FromPlugin{Message: &pb.FromPlugin_Counter{Counter: counter}})
}

// log sends an entry. It does not use the context of a call, so that an entry about a cancelled
// call arrives.
func (l *link) log(line *pb.Log) error {
	return l.send(context.Background(), &pb.FromPlugin{Message: &pb.FromPlugin_Log{Log: line}})
}
