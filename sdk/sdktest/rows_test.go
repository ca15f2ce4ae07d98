// A sink of a database, and a database: rows with the number of their commit, behind a connection.

package sdktest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk"
)

// rowsRequest is a line to the database.
type rowsRequest struct {
	Op     string // "open", "add", "lock", "unlock", "publish" or "list"
	Place  string
	Stream string
	Record string
	Gen    int
	Epoch  int64 // 0: whoever it is
	Last   bool  // of its batch
	Whole  bool  // open: take back whole batches alone
}

type rowsReply struct {
	Records []string
	Err     string
}

// rowsServer is the database.
type rowsServer struct {
	mu     sync.Mutex
	free   *sync.Cond // locks may be free
	places map[string]*rowsPlace
}

type rowsPlace struct {
	rows  []rowsRequest
	epoch int64
	owner net.Conn // of the lock; nil: it is free
}

// newRowsServer starts a database, which ends with the test.
func newRowsServer(t *testing.T) (addr string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &rowsServer{places: map[string]*rowsPlace{}}
	s.free = sync.NewCond(&s.mu)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return l.Addr().String()
}

func (s *rowsServer) serve(c net.Conn) {
	defer c.Close()
	in, out := json.NewDecoder(bufio.NewReader(c)), json.NewEncoder(c)
	for {
		var r rowsRequest
		if in.Decode(&r) != nil {
			break
		}
		if out.Encode(s.do(c, r)) != nil {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.places {
		if p.owner == c {
			p.owner = nil
		}
	}
	s.free.Broadcast()
}

func (s *rowsServer) do(c net.Conn, r rowsRequest) (out rowsReply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.places[r.Place]
	if p == nil {
		p = &rowsPlace{}
		s.places[r.Place] = p
	}
	if r.Epoch > 0 && r.Epoch < p.epoch {
		return rowsReply{Err: "another has come since"}
	}
	switch r.Op {
	case "open":
		p.epoch = max(p.epoch, r.Epoch)
		p.rows = slices.DeleteFunc(p.rows, func(row rowsRequest) bool {
			whole := slices.ContainsFunc(p.rows, func(o rowsRequest) bool { return o.Gen == row.Gen && o.Last })
			return row.Gen > r.Gen && (whole || !r.Whole)
		})
	case "add", "publish":
		p.rows = append(p.rows, r)
	case "lock":
		for p.owner != nil && p.owner != c {
			s.free.Wait()
		}
		p.owner = c
	case "unlock":
		p.owner = nil
		s.free.Broadcast()
	case "list":
		for _, row := range p.rows {
			if row.Stream == r.Stream {
				out.Records = append(out.Records, row.Record)
			}
		}
	}
	return out
}

// rowsSink is right, but for its fields.
type rowsSink struct {
	unfenced  bool // it does not say which instance it is
	whole     bool // it takes back whole batches alone
	locks     bool // it holds a lock from the first write to the commit
	forgets   bool // the lock is one that a killed instance does not let go
	publishes bool // at each end of a run it adds a record
	announced bool // it knows the streams that were announced, and no others

	addr, place string
	dialer      *sdk.Dialer
	conn        net.Conn
	in          *json.Decoder
	epoch       int64
	gen         int
	locked      bool
	streams     map[string]bool
}

var forgotten sync.Map // locks of rowsSinks that forget them, by place

func (s *rowsSink) ask(r rowsRequest) ([]string, error) {
	r.Place = s.place
	if !s.unfenced {
		r.Epoch = s.epoch
	}
	if err := json.NewEncoder(s.conn).Encode(r); err != nil {
		return nil, err
	}
	var out rowsReply
	if err := s.in.Decode(&out); err != nil {
		return nil, err
	}
	if out.Err != "" {
		return nil, sdk.Permanent(errors.New(out.Err))
	}
	return out.Records, nil
}

func (s *rowsSink) connect(ctx context.Context) (err error) {
	s.conn, err = s.dialer.DialContext(ctx, "tcp", s.addr)
	if err == nil {
		s.in = json.NewDecoder(s.conn)
	}
	return err
}

func (s *rowsSink) Open(ctx context.Context, start sdk.Start) error {
	at := struct{ Gen int }{}
	if start.Token != nil && !start.Full {
		if err := json.Unmarshal(start.Token, &at); err != nil || at.Gen < 1 {
			return sdk.Permanent(errors.New("a token of somebody else's"))
		}
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	s.epoch, s.gen, s.streams = start.Epoch, at.Gen+1, map[string]bool{}
	for _, st := range start.Streams {
		s.streams[st.Name] = true
	}
	_, err := s.ask(rowsRequest{Op: "open", Gen: at.Gen, Whole: s.whole})
	return err
}

func (s *rowsSink) Write(_ context.Context, b sdk.Batch) error {
	if s.announced && !s.streams[b.Stream] {
		return sdk.Permanent(fmt.Errorf("there is no table of %s", b.Stream))
	}
	if s.forgets && !s.locked {
		lock, _ := forgotten.LoadOrStore(s.place, new(sync.Mutex))
		lock.(*sync.Mutex).Lock()
		s.locked = true
	}
	if s.locks && !s.locked {
		if _, err := s.ask(rowsRequest{Op: "lock"}); err != nil {
			return err
		}
		s.locked = true
	}
	n := 0
	var rejects sdk.Rejects
	for record := range b.Records() {
		n++
		if !utf8.Valid(record) {
			rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: record, Reason: "it is not UTF-8"})
			continue
		}
		text := string(record)
		if b.Op == sdk.Delete {
			text = `{"_op":"delete",` + text[1:]
		}
		if _, err := s.ask(rowsRequest{Op: "add", Stream: b.Stream, Record: text, Gen: s.gen,
			Last: n == b.Count}); err != nil {
			return err
		}
	}
	return rejects.Err()
}

func (s *rowsSink) Commit(context.Context) (sdk.Token, error) {
	if s.forgets && s.locked {
		lock, _ := forgotten.Load(s.place)
		lock.(*sync.Mutex).Unlock()
	}
	if s.locks && s.locked {
		if _, err := s.ask(rowsRequest{Op: "unlock"}); err != nil {
			return nil, err
		}
	}
	s.locked = false
	s.gen++
	return json.Marshal(struct{ Gen int }{s.gen - 1})
}

// Finish implements [sdk.Finisher].
func (s *rowsSink) Finish(_ context.Context, e sdk.End) error {
	if !s.publishes {
		return nil
	}
	_, err := s.ask(rowsRequest{Op: "publish", Stream: "one", Record: `{"id":0,"end":"` + e.Run + `"}`})
	return err
}

func (s *rowsSink) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}

// rowsVar tells a process that is killed where the database is.
const rowsVar = "SDKTEST_ROWS"

// rowsCase is a sink of a database and its case.
func rowsCase(t *testing.T, like rowsSink) (sdk.Plugin, SinkCase) {
	t.Helper()
	addr := os.Getenv(rowsVar)
	if addr == "" {
		addr = newRowsServer(t)
	}
	type settings struct {
		Place string `json:"place"`
	}
	info := sdk.Info{Name: "rows", Version: "1", Doc: "Keeps rows."}
	p := sdk.SinkPlugin(info, func(ctx context.Context, c settings) (sdk.Sink, error) {
		s := like
		s.addr, s.place, s.dialer = addr, c.Place, sdk.DialerOf(ctx)
		return &s, nil
	})
	place := func(dir string) string { return filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir) }
	return p, SinkCase{
		Config: func(_ *testing.T, dir string) any { return settings{place(dir)} },
		Read: func(t *testing.T, dir, stream string) []string {
			look := &rowsSink{addr: addr, place: place(dir), dialer: sdk.DialerOf(direct.In(t.Context()))}
			if err := look.connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer look.Close()
			all, err := look.ask(rowsRequest{Op: "list", Stream: stream})
			if err != nil {
				t.Fatal(err)
			}
			return all
		},
		Host: direct, Rounds: 12,
	}
}

// direct is a host that connects.
var direct = sdk.Host{Dial: new(net.Dialer).DialContext}

// hurry is a patience for what hangs, so that it hangs for a short time.
const hurry = 200 * time.Millisecond

func testRows(like rowsSink) func(t *testing.T) {
	return func(t *testing.T) {
		p, c := rowsCase(t, like)
		if like.forgets {
			c.Patience = hurry
		}
		TestSink(t, p, c)
	}
}

func crashRows(like rowsSink) func(t *testing.T) {
	return func(t *testing.T) {
		if os.Getenv(rowsVar) == "" {
			if err := os.Setenv(rowsVar, newRowsServer(t)); err != nil {
				t.Fatal(err)
			}
		}
		p, c := rowsCase(t, like)
		CrashSink(t, p, c)
	}
}

// TestSinkOfADatabase: right ones, of which one holds a lock that its connection keeps, and one
// knows its streams from the start.
func TestSinkOfADatabase(t *testing.T) {
	t.Parallel()
	for name, like := range map[string]rowsSink{"plain": {}, "locks": {locks: true}, "announced": {announced: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := rowsCase(t, like)
			TestSink(t, p, c)
		})
	}
}

// TestHangsAreBounded: a suite whose every second call hangs ends, says so, and tells where.
func TestHangsAreBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	out, err := wrongPlugin(t, "sink waits for what a killed instance holds")
	if err == nil || !strings.Contains(out, "the call hangs: Write was still at it after 200ms") {
		t.Errorf("%v:\n%s", err, out)
	}
}
