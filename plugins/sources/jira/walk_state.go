// The state of a walk.

package jira

import "time"

// walk is one walk under way.
type walk struct {
	reader *walkReader
	where  string   // condition without the bounds
	fields []string // of a walk over ids: what is asked for beside the id
	left   []string // projects that are left out: the server does not know them any more
	field  string   // created or updated: the order, and what the anchor is a value of
	to     int64    // upper bound of the field; 0: none
	// movable: only times before it move the anchor.
	movable int64
	known   marks // versions that earlier runs delivered

	anchor int64
	base   int64 // the anchor of the query that is paged through
	seen   marks // met at the anchor or after it
	recent marks // versions for the next run's overlap

	ahead  ahead
	size   int // issues of the last page
	behind int // issues behind it, as it says
	depth  depth
	proof  proof
	// stretch is what the totals are held against.
	stretch stretch
	warned  bool      // of an index that names what is gone
	asked   time.Time // this machine's time when the page that is read was asked for
	// blank: the last page had nothing in it.
	blank bool
}

// mostIDs is how many bare ids Cloud gives at once: without any field beside the key. Data Center
// gives what it likes.
const mostIDs = 5000
