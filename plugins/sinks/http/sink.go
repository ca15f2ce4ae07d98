// The sink: what is written goes into batches, batches into the outbox, and out of it.

package httpsink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/outbox"
)

// Sink sends batches to an endpoint.
type Sink struct {
	Config
	keys map[string][]string // the primary keys of the streams
	box  *outbox.Box
	open []*batch // one for each stream
}

// batch is some records of one stream with one operation. What its request holds follows from it
// alone, so it is the same at each attempt, whatever the settings are by then.
type batch struct {
	Stream  string `json:"stream"`
	Op      sdk.Op `json:"op,omitempty"`
	Form    form   `json:"form"`
	records [][]byte
	size    int
}

// Open implements [sdk.Opener]. It delivers what was committed and not confirmed.
func (s *Sink) Open(ctx context.Context, start sdk.Start) (err error) {
	if s.box, err = outbox.Open(start); err != nil {
		return err
	}
	for _, stream := range start.Streams {
		s.keys[stream.Name] = stream.PrimaryKey
	}
	return s.box.Deliver(ctx, s.send)
}

// Write implements [sdk.Sink]. It delivers the last commit first, so the outbox never holds more
// than what comes between two commits.
func (s *Sink) Write(ctx context.Context, b sdk.Batch) error {
	s.box.Kept()
	if err := s.box.Deliver(ctx, s.send); err != nil {
		return err
	}
	if b.Op == sdk.Delete && (s.Deletes == "skip" || s.Format == webhook) {
		sdk.Count(ctx, "dropped/deletions", int64(b.Count))
		return nil
	}
	lines, rejects := b.JSONLines()
	for line := range (sdk.Batch{Payload: lines}).Records() {
		if why := s.unfit(b, line); why != "" {
			rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: recordOf(b, line), Reason: why})
			continue
		}
		if err := s.add(b, line); err != nil {
			return err
		}
	}
	return rejects.Err()
}

// longest is the longest record in bytes that is sent. What is around it has to go into a request
// too, which the host bounds with 64 MiB.
const longest = 63 << 20

// unfit says why a record cannot be sent, or nothing.
func (s *Sink) unfit(b sdk.Batch, line []byte) string {
	if len(line) > longest {
		return fmt.Sprintf("too long for a request: %d bytes, and %d are the most", len(line), longest)
	}
	if s.Format != asBulk || len(s.keys[b.Stream]) == 0 {
		return ""
	}
	_, err := documentID(line, s.keys[b.Stream])
	if err != nil {
		return err.Error()
	}
	return ""
}

// recordOf is a line as it was written: a deletion is its key.
func recordOf(b sdk.Batch, line []byte) []byte {
	if b.Op == sdk.Delete {
		line = append([]byte("{"), bytes.TrimPrefix(line, []byte(`{"_op":"delete",`))...)
	}
	return bytes.Clone(line)
}

// add puts a record into the open batch of its stream. A full one is sealed.
func (s *Sink) add(b sdk.Batch, line []byte) error {
	o := s.openOf(b.Stream)
	if len(o.records) > 0 && (o.Op != b.Op || len(o.records) >= s.MaxRecords || o.size+len(line) > s.MaxBytes) {
		if err := s.seal(o); err != nil {
			return err
		}
	}
	o.Op = b.Op
	o.records, o.size = append(o.records, bytes.Clone(line)), o.size+len(line)+1
	return nil
}

func (s *Sink) openOf(stream string) *batch {
	for _, o := range s.open {
		if o.Stream == stream {
			return o
		}
	}
	o := &batch{Stream: stream, Form: form{Format: s.Format, Keys: s.keys[stream],
		Index: expand(s.Index, stream, "", plain), Text: s.Text, TextField: s.TextField}}
	s.open = append(s.open, o)
	return o
}

// seal puts a batch into the outbox, and empties it.
func (s *Sink) seal(o *batch) error {
	if len(o.records) == 0 {
		return nil
	}
	head, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := s.box.Seal(append(append(head, '\n'), bytes.Join(o.records, []byte("\n"))...)); err != nil {
		return err
	}
	o.records, o.size = nil, 0
	return nil
}

// batchOf reads a sealed batch.
func batchOf(sealed []byte) (*batch, error) {
	head, records, _ := bytes.Cut(sealed, []byte("\n"))
	b := &batch{records: bytes.Split(records, []byte("\n"))}
	if err := json.Unmarshal(head, b); err != nil {
		return nil, sdk.Permanent(fmt.Errorf("a batch of the outbox: %w", err))
	}
	return b, nil
}

// Commit implements [sdk.Sink]. What comes of it is delivered when the host has kept the token.
func (s *Sink) Commit(ctx context.Context) (sdk.Token, error) {
	s.box.Kept()
	if err := s.box.Deliver(ctx, s.send); err != nil {
		return nil, err
	}
	for _, o := range s.open {
		if err := s.seal(o); err != nil {
			return nil, err
		}
	}
	s.open = nil
	return s.box.Commit()
}

// Finish implements [sdk.Finisher].
func (s *Sink) Finish(ctx context.Context, _ sdk.End) error {
	s.box.Kept()
	if err := s.box.Deliver(ctx, s.send); err != nil {
		return err
	}
	return s.box.Told()
}

// rejected makes dead letters of records for one reason.
func (b *batch) rejected(reason string, records ...[]byte) sdk.Rejects {
	var out sdk.Rejects
	for _, r := range records {
		out = append(out, sdk.Reject{Stream: b.Stream, Record: r, Reason: reason})
	}
	return out
}

var errNotSent = errors.New("the batch waits in the outbox: the next run sends it again")
