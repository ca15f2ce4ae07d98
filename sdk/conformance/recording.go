// recording: what one Read emitted, in a comparable form.

package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// recording is an [sdk.Output] that keeps everything it receives.
type recording struct {
	items   []item
	added   []sdk.Split
	problem error             // the first breach of the contract
	onEvent func(n int) error // called at each event, with its number from 1; may be nil
	events  int
	alive   atomic.Int64 // events, for another goroutine to read
	limit   int          // of items; 0: none
	missing atomic.Bool
}

// count records what the source reports as missing.
func (r *recording) count(name string, _ int64) {
	if strings.HasPrefix(name, hint.Missing+"/") {
		r.missing.Store(true)
	}
}

// skipped records that the rest of the split is skipped: what came after the last cursor does not
// count.
func (r *recording) skipped() {
	r.items, _ = upToCursor(r.items, false)
	added := 0
	for _, it := range r.items {
		if it.kind == "split" {
			added++
		}
	}
	r.added = r.added[:added]
	r.items = append(r.items, item{kind: "skip"})
}

// item is a record, a reject, a split, a cursor, or the skip at the end.
type item struct {
	kind   string // "upsert", "delete", "reject", "split", "cursor" or "skip"
	stream string
	text   string
}

func (r *recording) event() error {
	r.events++
	r.alive.Add(1)
	if r.limit > 0 && len(r.items) > r.limit {
		return errTooMuch
	}
	if r.onEvent == nil {
		return nil
	}
	return r.onEvent(r.events)
}

func (r *recording) breach(format string, args ...any) {
	if r.problem == nil {
		r.problem = fmt.Errorf(format, args...)
	}
}

func (r *recording) Batch(b sdk.Batch) error {
	n := 0
	for line := range b.Records() {
		n++
		if !json.Valid(line) {
			r.breach("stream %s: a record is not JSON: %.200q", b.Stream, line)
		}
		r.items = append(r.items, item{b.Op.String(), b.Stream, string(line)})
	}
	if n != b.Count || n == 0 {
		r.breach("stream %s: a batch of %d records has %d lines", b.Stream, b.Count, n)
	}
	if !bytes.HasSuffix(b.Payload, []byte("\n")) {
		r.breach("stream %s: a batch does not end its last line", b.Stream)
	}
	return r.event()
}

func (r *recording) Cursor(cursor []byte) error {
	r.items = append(r.items, item{"cursor", "", string(cursor)})
	return r.event()
}

func (r *recording) Split(s sdk.Split) error {
	if s.Cursor != nil {
		r.breach("split %s: a new split has a cursor; that is the host's to set", s.ID)
	}
	r.added = append(r.added, s)
	r.items = append(r.items, item{"split", s.Stream, s.ID + " " + string(s.Data)})
	return r.event()
}

func (r *recording) Reject(j sdk.Reject) error {
	if j.Reason == "" {
		r.breach("stream %s: a reject without a reason", j.Stream)
	}
	r.items = append(r.items, item{"reject", j.Stream, j.Reason + ": " + string(j.Record)})
	return r.event()
}

// cursors returns the positions of the cursors.
func (r *recording) cursors() []int {
	var out []int
	for i, it := range r.items {
		if it.kind == "cursor" {
			out = append(out, i)
		}
	}
	return out
}

// flow is what was emitted, by stream, because a Writer keeps the order only within a stream. It
// leaves out cursors: their positions may depend on where a Read began.
type flow map[string][]string

func flowOf(items []item) flow {
	out := flow{}
	for _, it := range items {
		key := it.stream
		switch it.kind {
		case "cursor":
			continue
		case "split", "reject", "skip":
			key = "(" + it.kind + "s)"
		}
		out[key] = append(out[key], it.kind+" "+it.text)
	}
	return out
}

// differs describes how got differs from want, or returns "".
func (want flow) differs(got flow) error {
	for key := range want {
		if err := firstDifference(key, got[key], want[key]); err != nil {
			return err
		}
	}
	for key := range got {
		if want[key] == nil {
			return fmt.Errorf("%s: %d items that should not be there, the first: %.200s", key, len(got[key]),
				got[key][0])
		}
	}
	return nil
}

func firstDifference(key string, got, want []string) error {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Errorf("%s: item %d is\n %.300s\nand should be\n %.300s", key, i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%s: %d items, want %d", key, len(got), len(want))
	}
	return nil
}

var (
	errOutput  = errors.New("the output takes no more")
	errTooMuch = errors.New("there is too much to read")
)

// upToCursor returns what counts as delivered by an interrupted Read, and its last cursor.
func upToCursor(items []item, ended bool) ([]item, []byte) {
	if ended {
		return items, nil
	}
	for i := len(items) - 1; i >= 0; i-- {
		if items[i].kind == "cursor" {
			return slices.Clone(items[:i+1]), []byte(items[i].text)
		}
	}
	return nil, nil
}
