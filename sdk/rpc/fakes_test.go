// Fakes: plugins made of functions, and an output that keeps what it gets.

package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// pluginOf serves v as it is.
func pluginOf(kind sdk.Kind, v any) sdk.Plugin {
	return sdk.Plugin{
		Info: sdk.Info{Name: "fake", Version: "1.2.3", Kind: kind, Config: json.RawMessage(`{"type":"object"}`)},
		New:  func(context.Context, json.RawMessage) (any, error) { return v, nil },
	}
}

type readFunc func(ctx context.Context, s sdk.Split, w *sdk.Writer) error

func sourceOf(read readFunc) sdk.Plugin { return pluginOf(sdk.KindSource, &fakeSource{read: read}) }

type fakeSource struct{ read readFunc }

func (f *fakeSource) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{
		{Name: "issues", Doc: "all issues", Schema: json.RawMessage(`{"type":"object"}`), PrimaryKey: []string{"id"},
			Cursor: "updated"},
		{Name: "logs"},
	}, nil
}

// Plan gives back what it got, so that both directions are seen.
func (f *fakeSource) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) {
	splits := p.Previous
	for _, name := range p.Streams {
		splits = append(splits, sdk.Split{ID: "new " + name, Stream: name})
	}
	return splits, nil
}

func (f *fakeSource) Read(ctx context.Context, s sdk.Split, w *sdk.Writer) error {
	return f.read(ctx, s, w)
}

func sinkOf(s sdk.Sink) sdk.Plugin { return pluginOf(sdk.KindSink, s) }

// memorySink counts what it gets; its token is the count.
type memorySink struct {
	mu      sync.Mutex
	records int
	bytes   int
}

func (m *memorySink) Write(_ context.Context, b sdk.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records += b.Count
	m.bytes += len(b.Payload)
	return nil
}

func (m *memorySink) Commit(context.Context) (sdk.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Appendf(nil, "%d", m.records), nil
}

// recorder is an sdk.Output that writes down what comes, in order.
type recorder struct {
	events  []string
	records int
	note    func(event string) // called before an event is kept; may be nil
	fail    error              // returned by Batch
}

func (r *recorder) keep(format string, args ...any) error {
	e := fmt.Sprintf(format, args...)
	if r.note != nil {
		r.note(e)
	}
	r.events = append(r.events, e)
	return nil
}

func (r *recorder) Batch(b sdk.Batch) error {
	r.records += b.Count
	if r.fail != nil {
		return r.fail
	}
	if len(b.Payload) > 1<<10 {
		return nil // too long to write down
	}
	return r.keep("batch %s %v %d %s", b.Stream, b.Op, b.Count, b.Payload)
}

func (r *recorder) Cursor(c []byte) error { return r.keep("cursor %s", c) }

func (r *recorder) Split(s sdk.Split) error {
	return r.keep("split %s %s %s %s %d", s.ID, s.Stream, s.Data, s.Cursor, s.Estimate)
}

func (r *recorder) Reject(j sdk.Reject) error {
	return r.keep("reject %s %s: %s", j.Stream, j.Record, j.Reason)
}

// batchOf makes a batch of about size bytes with records of the given length.
func batchOf(size, record int) sdk.Batch {
	line := append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), record-12)...)
	line = append(line, "\"}\n"...)
	return sdk.Batch{Stream: "issues", Count: size / len(line), Payload: bytes.Repeat(line, size/len(line))}
}

// tally is a Host.Count that adds up.
type tally struct {
	mu   sync.Mutex
	sums map[string]int64
}

func (t *tally) count(name string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sums == nil {
		t.sums = map[string]int64{}
	}
	t.sums[name] += n
}

func (t *tally) get(name string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sums[name]
}

// connect serves p in this process, opens the host's services and configures it.
func connect(tb testing.TB, p sdk.Plugin, h sdk.Host) *Conn {
	tb.Helper()
	c, end, err := InProcess(context.Background(), p)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	wait, err := c.OpenHost(ctx, h)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cancel()
		if err := wait(); err != nil {
			tb.Errorf("reverse stream: %v", err)
		}
		end()
	})
	if _, err := c.Configure(tb.Context(), nil); err != nil {
		tb.Fatal(err)
	}
	return c
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// counter counts the bytes that it takes.
type counter struct{ n atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}
