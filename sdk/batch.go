// Batches: the unit that travels between processes.

package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
)

const (
	// MaxRecord is the longest record in bytes that may travel. A [Writer] rejects longer ones.
	MaxRecord = 64 << 20
	// MaxCursor is the maximum length in bytes of a cursor and of the Data of a split. Both travel
	// and are kept with each commit; some hundred bytes are usual.
	MaxCursor = 16 << 20
	// BatchTarget is the payload size in bytes at which a [Writer] or [Builder] closes a batch.
	BatchTarget = 256 << 10
)

// Op says what a batch does with its records.
type Op int

// The operations. The zero value is Upsert.
const (
	// Upsert adds records or replaces those of the same primary key.
	Upsert Op = iota
	// Delete removes the records with these keys. Each line of the payload is a JSON object with
	// the fields of the stream's primary key, and nothing else. It may have only the first of them,
	// at least one: then it removes every record whose key begins with them ("all comments of issue
	// 10042"). It is not an error if there is none.
	Delete
)

func (o Op) String() string {
	if o == Delete {
		return "delete"
	}
	return "upsert"
}

// A Batch is some records of one stream with one operation. The payload is newline-delimited JSON:
// one record a line, each line ended by '\n', no line empty. The host passes it on as it is, and
// rejects lines that are not JSON, records with a top-level field "_op", and keys that are not an
// object with a field. Nobody changes a batch after it was handed over.
type Batch struct {
	Stream  string
	Op      Op
	Count   int // records in Payload
	Payload []byte
}

// Records yields the batch's records one by one, without their newline. The slices are parts of
// Payload.
func (b Batch) Records() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rest := b.Payload
		for len(rest) > 0 {
			line := rest
			if i := bytes.IndexByte(rest, '\n'); i >= 0 {
				line, rest = rest[:i], rest[i+1:]
			} else {
				rest = nil
			}
			if !yield(line) {
				return
			}
		}
	}
}

// A Builder packs records into batches, by stream and operation, in the order in which they came.
// The zero value is ready. It is not safe for concurrent use.
type Builder struct {
	open []Batch
	done []Batch
}

// Add marshals v and adds it to stream.
func (b *Builder) Add(stream string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: record: %w", stream, err)
	}
	b.AddLine(stream, Upsert, raw)
	return nil
}

// AddLine adds one record that is valid JSON without a newline in it. The bytes are copied.
func (b *Builder) AddLine(stream string, op Op, line []byte) {
	o := b.batch(stream, op)
	o.Payload = append(append(o.Payload, line...), '\n')
	o.Count++
	if len(o.Payload) >= BatchTarget {
		b.done = append(b.done, *o)
		// A stream that filled one batch fills the next: room for it at once spares the copies of
		// growing.
		*o = Batch{Stream: stream, Op: op, Payload: make([]byte, 0, BatchTarget+BatchTarget/16)}
	}
}

// batch finds the open batch of a stream. A change of operation closes the batch before it, so that
// an upsert and a delete of one key keep their order.
func (b *Builder) batch(stream string, op Op) *Batch {
	for i := range b.open {
		o := &b.open[i]
		if o.Stream != stream {
			continue
		}
		if o.Op != op {
			if o.Count > 0 {
				b.done = append(b.done, *o)
			}
			*o = Batch{Stream: stream, Op: op}
		}
		return o
	}
	b.open = append(b.open, Batch{Stream: stream, Op: op})
	return &b.open[len(b.open)-1]
}

// Full returns the batches that have reached their target size since the last call.
func (b *Builder) Full() []Batch {
	out := b.done
	b.done = nil
	return out
}

// Flush returns all batches, full or not, and leaves the builder empty.
func (b *Builder) Flush() []Batch {
	out := b.Full()
	for i, o := range b.open {
		if o.Count > 0 {
			out = append(out, o)
			b.open[i] = Batch{Stream: o.Stream, Op: o.Op}
		}
	}
	return out
}
