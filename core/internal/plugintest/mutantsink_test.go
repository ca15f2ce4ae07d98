// The mutant sink: a file a stream, and a token that holds the length of each.

package plugintest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

type mutantSink struct {
	mode, dir, server string
	dialer            *sdk.Dialer
	company

	mu      sync.Mutex
	files   map[string]*os.File
	keys    map[string][]string // primary keys by stream
	written bool                // since it was opened
}

// newestToken is where a mutant keeps the last token that it made.
const newestToken = ".newest"

func (s *mutantSink) Open(_ context.Context, start sdk.Start) error {
	s.files, s.keys = map[string]*os.File{}, map[string][]string{}
	for _, st := range start.Streams {
		s.keys[st.Name] = st.PrimaryKey
	}
	sizes, err := s.sizes(start)
	if err != nil {
		return err
	}
	if sizes == nil && s.mode == "keeps what was never committed" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "*.jsonl"))
	for _, file := range files {
		stream := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		if s.mode == "does not bring one stream back" && stream == "three" {
			continue
		}
		err = errors.Join(err, os.Truncate(file, sizes[stream]))
	}
	return err
}

// sizes is what the files are to be cut to; nil: the sink begins anew.
func (s *mutantSink) sizes(start sdk.Start) (map[string]int64, error) {
	if start.Token == nil || start.Full && s.mode != "does not start over" || !start.Resume &&
		s.mode == "begins each run anew" {
		return nil, nil
	}
	if s.mode == "knows its newest token only" {
		if newest, err := os.ReadFile(filepath.Join(s.dir, newestToken)); err == nil &&
			!bytes.Equal(newest, start.Token) {
			return nil, fmt.Errorf("the token is %s, the newest is %s", start.Token, newest)
		}
	}
	sizes := map[string]int64{}
	err := json.Unmarshal(start.Token, &sizes)
	if v, odd := sizes["v"]; err == nil && (odd && v == 99 || sizes == nil) {
		err = errors.New("not a token of this sink")
	}
	if err != nil && s.mode == "takes any token" {
		return nil, nil
	}
	return sizes, err
}

func (s *mutantSink) Write(_ context.Context, b sdk.Batch) error {
	alone, leave := s.enter(s.mode == "loses records that come at once")
	defer leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.mode == "loses records that come at once" && !alone:
		return nil
	case s.mode == "writes no huge record" && len(b.Payload) > 4<<20:
		return errors.New("received message larger than max")
	case s.mode == "fails the batch for a record" && !utf8.Valid(b.Payload):
		return errors.New("not UTF-8")
	case b.Op == sdk.Delete:
		return s.remove(b)
	}
	f := s.files[b.Stream]
	if f == nil {
		if s.mode == "has room for few streams" && len(s.files) == 100 {
			return errors.New("too many open files")
		}
		var err error
		if f, err = os.OpenFile(filepath.Join(s.dir, b.Stream+".jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND,
			0o644); err != nil {
			return err
		}
		s.files[b.Stream] = f
	}
	s.written = true
	if s.server != "" {
		return s.writeThere(b)
	}
	_, err := f.Write(b.Payload)
	return err
}

// writeThere has a server write, which does not ask who it is that sends.
func (s *mutantSink) writeThere(b sdk.Batch) error {
	conn, err := s.dialer.Dial("tcp", s.server)
	if err != nil {
		return err
	}
	defer conn.Close()
	file := filepath.Join(s.dir, b.Stream+".jsonl")
	if _, err := fmt.Fprintf(conn, "%s\n%s\n", file, b.Payload); err != nil { // an empty line ends it
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, len(written)))
	return err
}

// written is what the server says when it has.
const written = "written\n"

// writer is a server that writes lines to files.
func writer(t *testing.T) (addr string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go writeFor(conn)
		}
	}()
	return l.Addr().String()
}

func writeFor(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	file, err := in.ReadString('\n')
	var lines bytes.Buffer
	for line := ""; err == nil; lines.WriteString(line) {
		if line, err = in.ReadString('\n'); line == "\n" {
			break
		}
	}
	if err != nil {
		return // it broke off, and nothing is written
	}
	f, err := os.OpenFile(strings.TrimSpace(file), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return
	}
	_, err = f.Write(lines.Bytes())
	if errors.Join(err, f.Close()) == nil {
		_, _ = io.WriteString(conn, written)
	}
}

func (s *mutantSink) remove(b sdk.Batch) error {
	for key := range b.Records() {
		var fields map[string]any
		if err := json.Unmarshal(key, &fields); err != nil {
			return err
		}
		if s.mode == "deletes by whole keys only" && len(fields) < len(s.keys[b.Stream]) {
			return errors.New("a part of a key")
		}
	}
	return nil // it keeps what was there: a log of records
}

func (s *mutantSink) Commit(context.Context) (sdk.Token, error) {
	sizes := map[string]int64{}
	files, err := filepath.Glob(filepath.Join(s.dir, "*.jsonl"))
	for _, file := range files {
		if info, bad := os.Stat(file); bad == nil {
			sizes[strings.TrimSuffix(filepath.Base(file), ".jsonl")] = info.Size()
		}
	}
	if s.mode == "forgets all in an empty commit" && !s.written {
		sizes = map[string]int64{}
	}
	token, bad := json.Marshal(sizes)
	if err = errors.Join(err, bad); err == nil && s.mode == "knows its newest token only" {
		err = os.WriteFile(filepath.Join(s.dir, newestToken), token, 0o644)
	}
	return token, err
}

func (s *mutantSink) Close() error {
	var err error
	for _, stream := range slices.Sorted(maps.Keys(s.files)) {
		if s.mode == "writes a trailer at the end" {
			_, bad := s.files[stream].WriteString("{\"end\":true}\n")
			err = errors.Join(err, bad)
		}
		err = errors.Join(err, s.files[stream].Close())
	}
	return err
}

// parallelSink takes writes at the same time.
type parallelSink struct{ *mutantSink }

func (parallelSink) ParallelWrites() bool { return true }

// finishingSink publishes the end of a run each time that it is told.
type finishingSink struct{ *mutantSink }

func (s finishingSink) Finish(_ context.Context, e sdk.End) error {
	f, err := os.OpenFile(filepath.Join(s.dir, "one.jsonl"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "{\"end\":%q}\n", e.Run)
	return errors.Join(err, f.Close())
}

// promisingSink says what it guarantees.
type promisingSink struct{ *mutantSink }

func (promisingSink) Guarantee() sdk.Guarantee { return sdk.Guarantee{Delivery: sdk.ExactlyOnce} }

// mutantOutput is the case of the sink.
func mutantOutput(rounds int, server string) *conformance.SinkCase {
	return &conformance.SinkCase{
		Rounds: rounds, Host: sdk.Host{Dial: new(net.Dialer).DialContext},
		Config: func(t conformance.T, dir string) json.RawMessage {
			raw, err := json.Marshal(mutantSettings{Dir: dir, Server: server})
			if err != nil {
				t.Fatalf("%v", err)
			}
			return raw
		},
		Read: func(t conformance.T, dir, stream string) []string {
			raw, err := os.ReadFile(filepath.Join(dir, stream+".jsonl"))
			if err != nil || len(raw) == 0 {
				return nil
			}
			return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
		},
	}
}
