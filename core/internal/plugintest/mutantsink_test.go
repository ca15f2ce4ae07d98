// The mutant sink: a file a stream, and a token that holds the length of each.

package plugintest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

type mutantSink struct {
	mode, dir string
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
	if start.Token == nil || start.Full && s.mode != "does not start over" || !start.Resume && s.mode == "begins each run anew" {
		return nil, nil
	}
	if s.mode == "knows its newest token only" {
		if newest, err := os.ReadFile(filepath.Join(s.dir, newestToken)); err == nil && !bytes.Equal(newest, start.Token) {
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
		if f, err = os.OpenFile(filepath.Join(s.dir, b.Stream+".jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
			return err
		}
		s.files[b.Stream] = f
	}
	s.written = true
	_, err := f.Write(b.Payload)
	return err
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

// promisingSink says what it guarantees.
type promisingSink struct{ *mutantSink }

func (promisingSink) Guarantee() sdk.Guarantee { return sdk.Guarantee{Delivery: sdk.ExactlyOnce} }

// mutantOutput is the case of the sink.
func mutantOutput(rounds int) *conformance.SinkCase {
	return &conformance.SinkCase{
		Rounds: rounds,
		Config: func(t conformance.T, dir string) json.RawMessage {
			raw, err := json.Marshal(mutantSettings{Dir: dir})
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
