// Cursors: the position in a list, and what it leaves for the next run.

package lists

import (
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
)

// Part is the data of a split: one stream, whole.
type Part struct {
	Stream string `json:"stream"`
	// Scope identifies what the snapshot is of: the flavour and the projects of the settings.
	Scope string `json:"scope"`
	// Before is the snapshot that the last run left, nil if there is none.
	Before []byte `json:"before,omitempty"`
	// From: records created before it are not requested. Epoch milliseconds; 0: all.
	From int64 `json:"from,omitempty"`
	// Overlap is how far the next run looks back, in milliseconds.
	Overlap int64 `json:"overlap,omitempty"`
	// Every: every stream is selected, so a stream that this account may not read is not missing.
	Every bool `json:"every,omitempty"`
}

// cursor is the position in a list.
type cursor struct {
	Level int `json:"level,omitempty"` // index of the row on the way to the stream
	// parents of that level: the values that each passes on, by the names of its row
	Parents [][]string `json:"parents,omitempty"`
	Next    int        `json:"next,omitempty"`  // index of the parent whose list is being read
	Found   [][]string `json:"found,omitempty"` // parents for the next level
	List    place      `json:"list,omitzero"`
	Refused int        `json:"refused,omitempty"` // parents whose list was refused
	Why     string     `json:"why,omitempty"`     // the first such refusal, or that of the stream
	// what the keys of records begin with that are of such a parent, where they do
	Hidden []string `json:"hidden,omitempty"`
	Cut    bool     `json:"cut,omitempty"` // the server returned only the beginning of a list

	Seen []byte `json:"seen,omitempty"` // the snapshot so far; at the end, the snapshot
	Over bool   `json:"over,omitempty"` // the list is too long for a snapshot

	// For a list that continues by created: the latest time, and the records within the overlap
	// before it.
	Top    int64            `json:"top,omitempty"`
	Recent map[string]int64 `json:"recent,omitempty"`

	Done bool `json:"done,omitempty"`
}

// place is the position within one list.
type place struct {
	Start   int    `json:"start,omitempty"`
	First   string `json:"first,omitempty"` // first key of the first page
	Total   int    `json:"total,omitempty"` // stated by the first page; -1: not stated
	Again   bool   `json:"again,omitempty"` // this is the second attempt
	Shifted bool   `json:"shifted,omitempty"`
}

func decodeCursor(raw []byte) (cursor, error) {
	var c cursor
	if len(raw) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, sdk.Permanent(fmt.Errorf("cursor: %w", err))
	}
	return c, nil
}

// Previous is the split that an earlier run finished for the stream: its data and its final cursor.
type Previous struct {
	Part   Part
	Cursor []byte
}

// Plan says how a stream is to be read. before is what an earlier run left, nil if none did.
func (s Site) Plan(stream string, before *Previous) (Part, error) {
	p := Part{Stream: stream, Scope: s.scope(), Overlap: s.Overlap.Milliseconds()}
	if before == nil || before.Part.Scope != p.Scope {
		return p, nil
	}
	left, err := decodeCursor(before.Cursor)
	if err != nil || !left.Done || left.Over {
		return p, err
	}
	p.Before = left.Seen
	if left.Top > 0 {
		p.From = left.Top - p.Overlap
	}
	return p, nil
}
