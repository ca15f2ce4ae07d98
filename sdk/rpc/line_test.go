// The host's end of the reverse stream, message by message: what waits and costs little, and
// plugins of older kits.

package rpc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/chunk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/line"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// asking is the plugin's end of a reverse stream, without gRPC: what it says comes from one
// channel, what it hears goes to another.
type asking struct {
	grpc.BidiStreamingClient[pb.FromHost, pb.FromPlugin]
	says  chan *pb.FromPlugin
	hears chan *pb.FromHost
}

func (a *asking) Recv() (*pb.FromPlugin, error) {
	m, ok := <-a.says
	if !ok {
		return nil, io.EOF
	}
	return m, nil
}

func (a *asking) Send(m *pb.FromHost) error {
	a.hears <- m
	return nil
}

// desked serves such a plugin until the test ends.
func desked(t *testing.T, h http.RoundTripper) *asking {
	t.Helper()
	a := &asking{says: make(chan *pb.FromPlugin), hears: make(chan *pb.FromHost, line.MaxWaiting)}
	ctx, cancel := context.WithCancel(context.Background())
	d := newPluginServer(ctx, &Conn{}, sdk.Host{Transport: h}, a)
	var served sync.WaitGroup
	served.Go(func() { _ = d.serve() }) // ends with the channel
	t.Cleanup(func() {
		close(a.says)
		served.Wait()
		cancel()
		d.end()
	})
	return a
}

func fetchOf(id uint64, f *pb.Fetch) *pb.FromPlugin {
	f.Method, f.Url = "GET", fmt.Sprintf("https://jira.test/rest/api/2/search?startAt=%d", id)
	return &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_Fetch{Fetch: f}}
}

// TestFetchesThatWaitCostLittle has 10,000 fetches of one plugin at a host that answers nobody yet.
// It does not run beside others: it reads the memory of the process.
func TestFetchesThatWaitCostLittle(t *testing.T) { //nolint:paralleltest // see above
	const fetches, most = 10_000, 2 << 10
	free := make(chan struct{})
	a := desked(t, roundTrip(func(*http.Request) (*http.Response, error) {
		<-free
		return saying(""), nil
	}))
	before := inUse()
	for id := range uint64(fetches) {
		f := &pb.Fetch{Headers: []*pb.Header{{Name: "Accept", Value: "application/json"}}}
		raw, err := proto.Marshal(fetchOf(id, f))
		if err != nil {
			t.Fatal(err)
		}
		m := &pb.FromPlugin{}
		if err := proto.Unmarshal(raw, m); err != nil { // as the wire makes it
			t.Fatal(err)
		}
		a.says <- m
	}
	each := (inUse() - before) / fetches
	t.Logf("%d bytes for each of %d fetches", each, fetches)
	if each > most {
		t.Errorf("a fetch that waits costs %d bytes, want at most %d", each, most)
	}
	close(free)
	for range fetches {
		for m := <-a.hears; !m.GetFetchChunk().GetLast(); m = <-a.hears { // head, chunk
		}
	}
}

// inUse is what the heap and the stacks take after a collection.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// TestFetchCancelledInLine: what was given up before its turn is not asked for, and what came after
// it is.
func TestFetchCancelledInLine(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	free, begun := make(chan struct{}), make(chan struct{}, line.MaxRunning+2)
	a := desked(t, roundTrip(func(*http.Request) (*http.Response, error) {
		asked.Add(1)
		begun <- struct{}{}
		<-free
		return saying("x"), nil
	}))
	for id := range uint64(line.MaxRunning + 2) {
		a.says <- fetchOf(id, &pb.Fetch{BodyInHead: true})
	}
	for range line.MaxRunning {
		<-begun
	}
	a.says <- &pb.FromPlugin{Id: line.MaxRunning, Message: &pb.FromPlugin_Cancel{Cancel: &pb.Cancel{}}}
	a.says <- fetchOf(line.MaxRunning, &pb.Fetch{BodyInHead: true}) // its id is free again: it is out of the line
	a.says <- &pb.FromPlugin{Id: line.MaxRunning, Message: &pb.FromPlugin_Cancel{Cancel: &pb.Cancel{}}}
	// so that the cancel was read
	a.says <- &pb.FromPlugin{Message: &pb.FromPlugin_FetchWindow{FetchWindow: &pb.FetchWindow{}}}
	close(free)
	for range line.MaxRunning + 1 {
		if m := <-a.hears; m.GetId() == line.MaxRunning || string(m.GetFetchHead().GetBody()) != "x" {
			t.Errorf("got %v", m)
		}
	}
	if n := asked.Load(); n != line.MaxRunning+1 {
		t.Errorf("%d requests, want %d", n, line.MaxRunning+1)
	}
}

// TestSplitsTakeTurnsInLine: the fetch of one split does not wait for all those of another that
// came before it.
func TestSplitsTakeTurnsInLine(t *testing.T) {
	t.Parallel()
	free, begun := make(chan struct{}), make(chan string)
	a := desked(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		begun <- hint.Split(r.Context())
		<-free
		return saying("x"), nil
	}))
	for id := range uint64(2 * line.MaxRunning) {
		a.says <- fetchOf(id, &pb.Fetch{BodyInHead: true, Split: "greedy"})
	}
	for range line.MaxRunning {
		<-begun
	}
	a.says <- fetchOf(2*line.MaxRunning, &pb.Fetch{BodyInHead: true, Split: "modest"})
	// so that it is in line
	a.says <- &pb.FromPlugin{Message: &pb.FromPlugin_FetchWindow{FetchWindow: &pb.FetchWindow{}}}
	turn := 0
	for i := range line.MaxRunning + 1 {
		free <- struct{}{}
		if <-begun == "modest" {
			turn = i + 1
		}
	}
	if turn < 1 || turn > 2 {
		t.Errorf("the other split's turn was number %d", turn)
	}
	close(free)
	for range 2*line.MaxRunning + 1 {
		<-a.hears
	}
}

// TestBodyInHead: short bodies come with the head for those who ask for it, and for nobody else.
func TestBodyInHead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asks   bool
		reply  func() *http.Response
		heads  string // what comes with the head
		chunks string // and after it
	}{
		"short":        {true, func() *http.Response { return saying("short") }, "short", ""},
		"empty":        {true, func() *http.Response { return saying("") }, "", ""},
		"older plugin": {false, func() *http.Response { return saying("short") }, "", "short"},
		"unknown length": {true, func() *http.Response { return replyOf(200, strings.NewReader("short"), -1) }, "",
			"short"},
		"shorter than it says": {true, func() *http.Response { return replyOf(200, strings.NewReader("short"), 100) },
			"short", ""},
		"longer than it says": {true, func() *http.Response { return replyOf(200, strings.NewReader("longer"), 1) },
			"longer", ""},
		"long": {true, func() *http.Response {
			return replyOf(200, strings.NewReader(strings.Repeat("x", chunk.Size)), chunk.Size)
		},
			"", strings.Repeat("x", chunk.Size)},
		"long, though it says short": {true,
			func() *http.Response { return replyOf(200, strings.NewReader(strings.Repeat("x", chunk.Size+1)), 1) },
			strings.Repeat("x", chunk.Size), "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := desked(t, roundTrip(func(*http.Request) (*http.Response, error) { return c.reply(), nil }))
			a.says <- fetchOf(1, &pb.Fetch{BodyInHead: c.asks})
			head := (<-a.hears).GetFetchHead()
			if string(head.GetBody()) != c.heads {
				t.Errorf("%d bytes with the head, want %d", len(head.GetBody()), len(c.heads))
			}
			var rest bytes.Buffer
			for last := head.GetLast(); !last; {
				chunk := (<-a.hears).GetFetchChunk()
				rest.Write(chunk.GetData())
				last = chunk.GetLast()
			}
			if rest.String() != c.chunks {
				t.Errorf("%d bytes after it, want %d", rest.Len(), len(c.chunks))
			}
		})
	}
}
