// Cursors: the position of a walk, and what it leaves for the next run.

package jira

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// cursor is the position of a walk. It stays small: marks are kept only for one minute of the walk
// and for the overlap.
type cursor struct {
	Anchor int64  `json:"anchor,omitempty"` // start of the next query, a whole minute; 0: the beginning
	Seen   []mark `json:"seen,omitempty"`   // met at or after the anchor
	Recent []mark `json:"recent,omitempty"` // versions that the next run will meet again in its overlap
	Done   bool   `json:"done,omitempty"`
	// Stretch is the Data Center query that the next one is balanced against.
	Stretch *stretch `json:"stretch,omitempty"`
	// Left are projects that the server does not know any more, and that were not read to the end.
	Left []string `json:"left,omitempty"`
	// Met are the delivered issues by project, which a census must find again.
	Met map[string]idSet `json:"met,omitempty"`
	// Vanished are those of them that became invisible before they were read completely.
	Vanished idSet `json:"vanished,omitempty"`
	// Lacking are those of them with a part that could not be read: the next run requests them
	// again.
	Lacking lackSet `json:"lacking,omitempty"`
	// Next is the number of requested issues of an again part.
	Next int `json:"next,omitempty"`
}

// mark is an issue with a time: its "created" in a full walk, otherwise its "updated".
type mark struct {
	ID  string
	At  int64
	Sum uint32 // checksum of the content, if it may change within the same time; 0: it cannot
}

// MarshalJSON writes a mark as an array, to be short, because there may be a thousand.
func (m mark) MarshalJSON() ([]byte, error) {
	if m.Sum == 0 {
		return json.Marshal([]any{m.ID, m.At})
	}
	return json.Marshal([]any{m.ID, m.At, m.Sum})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *mark) UnmarshalJSON(raw []byte) error {
	parts := []any{&m.ID, &m.At, &m.Sum}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return fmt.Errorf("mark: %w", err)
	}
	return nil
}

// marks is a set of marks. One time may have several contents: an issue that moves within a second
// is met in both projects.
type marks map[moment][]uint32

type moment struct {
	id string
	at int64
}

func setOf(lists ...[]mark) marks {
	set := marks{}
	for _, list := range lists {
		set.join(list)
	}
	return set
}

// join adds marks of other walks to the set.
func (s marks) join(list []mark) {
	for _, m := range list {
		if at := (moment{m.ID, m.At}); !slices.Contains(s[at], m.Sum) {
			s[at] = append(s[at], m.Sum)
		}
	}
}

// put adds what this walk met, and replaces its earlier mark.
func (s marks) put(m mark) { s[moment{m.ID, m.At}] = []uint32{m.Sum} }

// met reports whether the issue was met at this time.
func (s marks) met(m mark) bool {
	_, ok := s[moment{m.ID, m.At}]
	return ok
}

// has reports whether this exact version was met: same issue, same time and, if needed, same
// content.
func (s marks) has(m mark, sum func() uint32) bool {
	sums, ok := s[moment{m.ID, m.At}]
	return ok && (slices.Contains(sums, 0) || slices.Contains(sums, sum()))
}

// since drops the marks before a time and returns the rest in a stable order. Marks without a time
// stay.
func (s marks) since(at int64) []mark {
	var kept []mark
	for m, sums := range s {
		if m.at != 0 && m.at < at {
			delete(s, m)
			continue
		}
		for _, sum := range sums {
			kept = append(kept, mark{m.id, m.at, sum})
		}
	}
	sortMarks(kept)
	return kept
}

func sortMarks(list []mark) {
	slices.SortFunc(list, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Sum, b.Sum))
	})
}
