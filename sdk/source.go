// Sources: what reads a remote system.

package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// A Source reads records from one remote system. The host calls Streams and Plan one at a time. It
// calls Read for several splits at once: Read must be safe for concurrent calls with different
// splits.
type Source interface {
	// Streams returns the streams of the source, in the order in which they are shown.
	Streams(ctx context.Context) ([]Stream, error)
	// Plan divides the work of one run into splits. It is called once in a run, and not again when
	// the run goes on after an interruption. No splits mean that there is nothing to do.
	Plan(ctx context.Context, p Plan) ([]Split, error)
	// Read emits the records of a split from s.Cursor on (nil: from its beginning) and returns nil
	// at its end. Records after the last cursor are delivered if Read returns nil, and thrown away
	// if it returns an error. When ctx ends, Read returns soon with the error of ctx. An error is
	// temporary (the split is read again from its last cursor) unless it is marked by [Permanent].
	// An error that is marked by [Skip] ends the split, and nothing counts as missing.
	Read(ctx context.Context, s Split, w *Writer) error
}

// A Stream is a named kind of record.
type Stream struct {
	Name   string          `json:"name"`
	Doc    string          `json:"doc,omitempty"`    // one sentence for people
	Schema json.RawMessage `json:"schema,omitempty"` // JSON Schema of a record; nil: not known
	// names of the fields that identify a record, the widest first (see [Delete]); nil: append only
	PrimaryKey []string `json:"primary_key,omitempty"`
	// the field that incremental runs go by; "": full runs only
	Cursor string `json:"cursor,omitempty"`
	// read only where the pipeline file selects it, by name or by "*"
	Optional bool `json:"optional,omitempty"`
}

// A Plan is what [Source].Plan gets.
type Plan struct {
	// Streams are the names of the selected streams, never empty.
	Streams []string
	// Previous holds every split that earlier runs finished, each id once, with its last cursor. An
	// incremental plan goes on from there. It is empty in the first run and in a full run.
	Previous []Split
}

// A Split is a part of the work that can be read alone, by any process that has the same settings.
type Split struct {
	// unique and stable within the pipeline: a split of a known id is not planned twice in a run;
	// no control characters, 1 KiB at the most
	ID       string
	Stream   string          // for people: the stream that it feeds, or the main one
	Data     json.RawMessage // the source's own description of the part
	Cursor   []byte          // where to go on; set by the host, nil at the beginning
	Estimate int64           // records expected, for the progress display; 0: not known
}

// maxName is how long the id and the stream of a split may be, in bytes: people read both, and they
// are kept.
const maxName = 1 << 10

// Validate returns a permanent error if a source may not plan or add this split.
func (s Split) Validate() error {
	switch {
	case s.ID == "":
		return Permanent(fmt.Errorf("a split of stream %q has no id: give it one that is the same in every run, "+
			"because the host recognises the split by it", s.Stream))
	case len(s.ID) > maxName || len(s.Stream) > maxName:
		return Permanent(fmt.Errorf("the split %.40q… of stream %.40q has an id of %d bytes and a stream of %d, the "+
			"limit is %d: "+
			"what is to be read goes into its data",
			s.ID, s.Stream, len(s.ID), len(s.Stream), maxName))
	case strings.ContainsFunc(s.ID, breaks) || strings.ContainsFunc(s.Stream, breaks):
		return Permanent(fmt.Errorf("the split %.100q of stream %.100q has a control character in its id or its "+
			"stream: escape it, because people read both", s.ID, s.Stream))
	case len(s.Data) > MaxCursor:
		return Permanent(fmt.Errorf("split %q: its data is %d bytes long, the limit is %d: let it name what to "+
			"read, not contain it", s.ID, len(s.Data), MaxCursor))
	}
	if err := checkCursor(s.Cursor); err != nil {
		return fmt.Errorf("split %q: %w", s.ID, err)
	}
	return nil
}

// breaks reports whether a character breaks the line in which it is shown, or commands a terminal.
func breaks(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }

func checkCursor(cursor []byte) error {
	if len(cursor) > MaxCursor {
		return Permanent(fmt.Errorf("cursor of %d bytes, the limit is %d: let it say where to go on, not contain "+
			"what was read", len(cursor), MaxCursor))
	}
	return nil
}

// Checker is implemented by a plugin that can cheaply try its settings on the real system: log in,
// open the output. The host calls it before a run and for `scrapekit validate --check`.
type Checker interface {
	Check(ctx context.Context) error
}
