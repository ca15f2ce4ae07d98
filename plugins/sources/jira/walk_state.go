// The state of a walk.

package jira

import "time"

// walk is one walk under way.
type walk struct {
	reader *walkReader
	where  string   // condition without the bounds
	fields []string // for a walk over ids: fields requested beside the id
	left   []string // projects that are left out: the server does not know them any more
	field  string   // created or updated: the order, and the field of the anchor
	to     int64    // upper bound of the field; 0: none
	// movable: only times before it move the anchor.
	movable int64
	known   marks // versions that earlier runs delivered

	anchor int64
	base   int64 // the anchor of the current query
	seen   marks // met at the anchor or after it
	recent marks // versions for the next run's overlap

	ahead  ahead
	size   int // issues of the last page
	behind int // number of issues after it, as the server states
	depth  depth
	proof  proof
	// stretch is the query whose total the next one must match.
	stretch stretch
	warned  bool      // about an index that names deleted issues
	asked   time.Time // this machine's time when the current page was requested
	// blank: the last page was empty.
	blank bool
}

// mostIDs is the number of bare ids, without any field beside the key, that Cloud returns at once.
// Data Center applies its own limit.
const mostIDs = 5000
