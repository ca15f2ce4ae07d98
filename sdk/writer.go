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

// A Writer takes what one Read emits. It is not safe for concurrent use: a source that fetches in
// parallel emits in one goroutine. An error that a method returns is to be returned from Read as it is.
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

// EmitJSON emits a record that is JSON already: kept byte for byte, but put on one line. What is no JSON
// is rejected, with the reason, and costs only itself.
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

// Delete says that the record of this key is gone, or all whose key begins so. key marshals to an object
// that holds the fields of the stream's primary key, or the first of them, as [Delete] has it. A key without
// a field is a permanent error.
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

// Batch passes on a batch that is made already.
func (w *Writer) Batch(b Batch) error {
	if err := w.Flush(); err != nil {
		return err
	}
	return w.out.Batch(b)
}

// Cursor says that reading may go on from here: everything emitted before is delivered as one group. A
// []byte or json.RawMessage goes as it is, anything else is marshalled. A cursor after every page, or
// every few hundred records, is about right; a group should stay well under 16 MiB. A cursor longer than
// [MaxCursor] is a permanent error.
//
// The host tells by cursors and records whether a split gets any further. A try that brings neither a new cursor nor a new
// record is one in vain, whatever else it emits. A read that comes back to earlier cursors, or brings the same keyed records
// again under others, for 100 cursors ends with an error, and so does one of 10,000 cursors without a new record, or
// with changed ones of the keys that came before alone (on_error.max_idle). So a source that goes over the same places
// twice on purpose says in its cursors which time it is.
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

// Split adds a split to the run. It is stored together with the next cursor; one whose id the run knows
// already is dropped, and one without an id is a permanent error, as [Split.Validate] has it.
func (w *Writer) Split(s Split) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return w.out.Split(s)
}

// Reject gives up one record: it becomes a dead letter, with the reason.
func (w *Writer) Reject(stream string, raw []byte, why string) error {
	return w.out.Reject(Reject{Stream: stream, Record: bytes.Clone(raw), Reason: why})
}

// Flush hands over what is packed so far. The host's side calls it at the end of Read; a source need not.
func (w *Writer) Flush() error { return w.send(w.builder.Flush()) }

func (w *Writer) line(stream string, op Op, raw []byte) error {
	if len(raw) >= MaxRecord {
		const shown = 64 << 10
		return w.Reject(stream, raw[:shown], fmt.Sprintf("record too long: %d bytes, the limit is %d", len(raw), MaxRecord))
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
