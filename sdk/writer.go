// Writer: what a source emits through.

package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Output receives what a [Writer] makes, in order: the wire, or a test.
type Output interface {
	Batch(b Batch) error
	Cursor(cursor []byte) error
	Split(s Split) error
	Reject(r Reject) error
}

// A Writer receives what one Read emits. It is not safe for concurrent use: a source that fetches
// in parallel emits in one goroutine. Read must return an error of a method as it is.
type Writer struct {
	out     Output
	builder Builder
}

// NewWriter returns a Writer that hands over to out.
func NewWriter(out Output) *Writer { return &Writer{out: out} }

// Emit marshals v as a record of stream.
func (w *Writer) Emit(stream string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return Permanent(fmt.Errorf("%s: record: %w", stream, err))
	}
	return w.line(stream, Upsert, raw)
}

// EmitJSON emits a record that is JSON already. Its bytes are kept, except that it is put on one
// line. A record that is not JSON is rejected, with the reason.
func (w *Writer) EmitJSON(stream string, raw []byte) error {
	if !json.Valid(raw) {
		return w.Reject(stream, raw, "not valid JSON")
	}
	if bytes.IndexByte(raw, '\n') >= 0 {
		var line bytes.Buffer
		if err := json.Compact(&line, raw); err != nil {
			return w.Reject(stream, raw, "not valid JSON: "+err.Error())
		}
		raw = line.Bytes()
	}
	return w.line(stream, Upsert, raw)
}

// Delete emits a deletion of the record with this key, or of all records whose key begins with it.
// key marshals to an object with the fields of the stream's primary key, or the first of them; see
// [Delete]. A key without a field is a permanent error.
func (w *Writer) Delete(stream string, key any) error {
	raw, err := json.Marshal(key)
	if err != nil {
		return Permanent(fmt.Errorf("%s: key: %w", stream, err))
	}
	if why := badKey(raw); why != "" {
		return Permanent(fmt.Errorf("%s: %s", stream, why))
	}
	return w.line(stream, Delete, raw)
}

// Batch emits a finished batch.
func (w *Writer) Batch(b Batch) error {
	if err := w.Flush(); err != nil {
		return err
	}
	return w.out.Batch(b)
}

// Cursor says that reading may resume here: everything emitted since the last cursor is delivered
// as one group. A []byte or json.RawMessage is kept as it is, anything else is marshalled. A cursor
// after every page, or every few hundred records, is about right; a group should stay well under 16
// MiB. A cursor longer than [MaxCursor] is a permanent error.
//
// Cursors and records show the host whether a split makes progress. An attempt without a new cursor
// and without a new record made none. A read ends with an error when it returns to earlier cursors,
// or brings the same keyed records again, for 100 cursors; or when 10,000 cursors
// (on_error.max_idle) bring no new record, or only changed records of known keys. So a source that
// visits the same places twice on purpose puts the number of the pass into its cursors.
func (w *Writer) Cursor(v any) error {
	var raw []byte
	switch v := v.(type) {
	case []byte:
		raw = v
	case json.RawMessage:
		raw = v
	default:
		var err error
		if raw, err = json.Marshal(v); err != nil {
			return Permanent(fmt.Errorf("cursor: %w", err))
		}
	}
	if err := checkCursor(raw); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return w.out.Cursor(raw)
}

// Split adds a split to the run. It is saved together with the next cursor. A split with a known id
// is dropped; an invalid one is a permanent error, see [Split.Validate].
func (w *Writer) Split(s Split) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return w.out.Split(s)
}

// Reject rejects one record: it becomes a dead letter, with the reason.
func (w *Writer) Reject(stream string, raw []byte, why string) error {
	return w.out.Reject(Reject{Stream: stream, Record: bytes.Clone(raw), Reason: why})
}

// Flush hands over the open batches. It is called after Read; a source need not call it.
func (w *Writer) Flush() error { return w.send(w.builder.Flush()) }

func (w *Writer) line(stream string, op Op, raw []byte) error {
	if len(raw) >= MaxRecord {
		const shown = 64 << 10
		return w.Reject(stream, raw[:shown],
			fmt.Sprintf("record too long: %d bytes, the limit is %d", len(raw), MaxRecord))
	}
	w.builder.AddLine(stream, op, raw)
	return w.send(w.builder.Full())
}

func (w *Writer) send(batches []Batch) error {
	for _, b := range batches {
		if err := w.out.Batch(b); err != nil {
			return err
		}
	}
	return nil
}
