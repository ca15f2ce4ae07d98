// A query whose total is held against the next one's.

package jira

// stretch is the query that is balanced against the one behind it.
type stretch struct {
	Base  int64 `json:"base"`          // where it begins
	Total int   `json:"total"`         // what it counts
	Met   int   `json:"met,omitempty"` // how many were met of it before the anchor of the cursor

	from   int64 // Met are before it; the marks of those behind it are there
	doubts int   // how often the balance was wrong
}

// begin has the stretch begin anew.
func (s *stretch) begin(base int64, total int) { s.Base, s.Total, s.Met, s.from = base, total, 0, base }
