// Package generate is a source of made-up records: for benchmarks, and to try a pipeline without a
// remote system. The same settings give the same records, however the run was interrupted.
package generate

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/scrapekit/scrapekit/sdk"
)

// Config is the source's settings.
type Config struct {
	Records     int64  `json:"records" default:"1000000" min:"0" doc:"How many records there are in all."`
	Splits      int64  `json:"splits" default:"8" min:"1" max:"1000000" doc:"Into how many splits they are divided."`
	Size        int    `json:"size" default:"400" min:"200" max:"1000000" doc:"About how many bytes each record has."`
	Seed        uint64 `json:"seed" default:"1" doc:"Another seed gives other records."`
	CursorEvery int64  `json:"cursor_every" default:"1000" min:"1" doc:"How many records come between two cursors."`
}

const doc = `Makes records up: invented issues, all of one size, and with the same content each time.

It needs no remote system. Use it to measure a pipeline, or to see how a sink or a transform works. A second run
finds nothing new unless ` + "`records`" + ` was raised; ` + "`--full`" + ` makes all of them again.`

// stream is the one stream.
const stream = "records"

// Plugin returns the source as a plugin.
func Plugin() sdk.Plugin {
	return sdk.SourcePlugin(sdk.Info{Name: "generate", Version: "0.1.0", Doc: doc, Streams: streams()},
		func(_ context.Context, c Config) (sdk.Source, error) { return &source{c}, nil })
}

const schema = `{
	"type": "object",
	"required": ["id", "key", "created", "status", "votes", "score", "open", "author", "labels", "text"],
	"properties": {
		"id": {"type": "integer", "minimum": 0},
		"key": {"type": "string"},
		"created": {"type": "string", "format": "date-time"},
		"status": {"enum": ["open", "in progress", "resolved", "closed"]},
		"votes": {"type": "integer", "minimum": 0},
		"score": {"type": "number"},
		"open": {"type": "boolean"},
		"author": {"type": "object", "required": ["name", "email"],
			"properties": {"name": {"type": "string"}, "email": {"type": "string"}}},
		"labels": {"type": "array", "items": {"type": "string"}},
		"text": {"type": "string"}
	}
}`

func streams() []sdk.Stream {
	return []sdk.Stream{{
		Name: stream, Doc: "Invented issues.", Schema: json.RawMessage(schema), PrimaryKey: []string{"id"},
		Cursor: "id",
	}}
}

type source struct{ Config }

// Streams implements [sdk.Source].
func (s *source) Streams(context.Context) ([]sdk.Stream, error) { return streams(), nil }

// Plan implements [sdk.Source]. Split i of n holds the records i, i+n, i+2n, …: so each split only
// grows when there are more records, and an incremental run goes on at its end. Another number of
// splits divides them anew.
func (s *source) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) {
	before := make(map[string][]byte, len(p.Previous)) // cursors
	for _, q := range p.Previous {
		before[q.ID] = q.Cursor
	}
	out := make([]sdk.Split, 0, s.Splits)
	for i := range s.Splits {
		part := part{First: i, Step: s.Splits}
		split := sdk.Split{ID: fmt.Sprintf("%d of %d", i+1, s.Splits), Stream: stream}
		if cursor, ok := before[split.ID]; ok {
			done, err := position(cursor)
			if err != nil {
				return nil, err
			}
			part.From = done
		}
		data, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		split.Data, split.Estimate = data, max(0, s.count(part)-part.From)
		out = append(out, split)
	}
	return out, nil
}

// part is what a split holds.
type part struct {
	First int64 `json:"first"`
	Step  int64 `json:"step"`
	From  int64 `json:"from,omitempty"` // how many of them earlier runs gave
}

// count is how many records a part has.
func (s *source) count(p part) int64 {
	if p.First >= s.Records {
		return 0
	}
	return (s.Records - p.First + p.Step - 1) / p.Step
}

// Read implements [sdk.Source]. A cursor is how many records of the split came before.
func (s *source) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	var p part
	if err := json.Unmarshal(split.Data, &p); err != nil {
		return sdk.Permanent(fmt.Errorf("split %s: %q is not a split of this source: %w", split.ID, split.Data, err))
	}
	if p.Step < 1 || p.First < 0 {
		return sdk.Permanent(fmt.Errorf("split %s: %q is not a split of this source", split.ID, split.Data))
	}
	from, err := position(split.Cursor)
	if err != nil {
		return err
	}
	n, end := max(from, p.From), s.count(p)
	r := newRecorder(s.Seed, s.Size)
	var b sdk.Builder
	if n >= end {
		// Nothing new: the next run still has to know how far this one was.
		return w.Cursor(strconv.AppendInt(nil, n, 10))
	}
	for n < end {
		if err := ctx.Err(); err != nil {
			return err
		}
		for stop := min(n+s.CursorEvery, end); n < stop; n++ {
			b.AddLine(stream, sdk.Upsert, r.record(p.First+n*p.Step))
			if err := send(w, b.Full()); err != nil {
				return err
			}
		}
		if err := send(w, b.Flush()); err != nil {
			return err
		}
		if err := w.Cursor(strconv.AppendInt(nil, n, 10)); err != nil {
			return err
		}
	}
	return nil
}

func send(w *sdk.Writer, batches []sdk.Batch) error {
	for _, b := range batches {
		if err := w.Batch(b); err != nil {
			return err
		}
	}
	return nil
}

func position(cursor []byte) (int64, error) {
	if len(cursor) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(cursor), 10, 64)
	if err != nil || n < 0 {
		return 0, sdk.Permanent(fmt.Errorf("cursor %q: it is not a cursor of this source", cursor))
	}
	return n, nil
}
