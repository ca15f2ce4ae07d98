// A query whose total is compared with that of the next one.

package jira

// stretch is the query that is balanced against the next one.
type stretch struct {
	Base  int64 `json:"base"`          // its start
	Total int   `json:"total"`         // its total
	Met   int   `json:"met,omitempty"` // number of its issues met before the anchor of the cursor

	from   int64 // start of the range whose marks are kept; Met counts those before it
	doubts int   // number of times that the balance was wrong
}

// begin starts a new stretch.
func (s *stretch) begin(base int64, total int) { s.Base, s.Total, s.Met, s.from = base, total, 0, base }
