// trail: whether the groups of a split bring it any further, or come back to where it was.

package pipeline

import (
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
)

const (
	// maxRepeats is how many groups in a row may come back to cursors or to records that were there
	// before.
	maxRepeats = 100
	// maxIdle is how many groups in a row may bring no new record at all, or only records whose
	// keys came before in that order, unless the pipeline file sets another limit. It is much
	// larger: a source may have to look through many places that hold nothing, and a record may
	// change often.
	maxIdle = 10_000
	// maxTrail is how many groups back a repetition is noticed at most. It bounds the memory of a
	// split's trail to some 15 MB.
	maxTrail = 1 << 18
)

// trail watches the groups of one split while it is read. A group brings the split further if its
// cursor is a new one, or if it delivers records that are new. A repetition is a page that comes
// again under another cursor, or a cursor that comes back after others, whatever the length of the
// loop. Records are told apart by a hash of their bytes.
//
// A page that is repeated under new cursors with other bytes each time, by the time of the request
// say, is told by the keys of its records. That takes longer: a feed of changes may well bring one
// record again and again, and is read to its end, as long as no more than maxIdle groups in a row
// bring keys that came before in that order, or nothing. So a loop is found out after as many,
// unless its pages are in another order each time, or its records have no key, or the source is
// part of scrapekit.
//
// The trail begins anew with each claim: what was not committed is read again then, rightly.
type trail struct {
	idle     int // the limit in place of maxIdle; negative: none
	last     uint64
	begun    bool
	cursors  recent
	contents recent
	keys     recent // of the records of a group, in their order

	repeats int // repetitions since the last group with a new cursor
	nothing int // groups in a row without a new record
}

// step takes in a group that is about to be delivered. It reports whether the group brings the
// split further, or returns an error if there were too many that did not; such a group must not be
// delivered, and is as if it had not come.
func (t *trail) step(before, cursor []byte, g *group) (further bool, err error) {
	if !t.begun {
		t.begun, t.last = true, hashOf(before)
		t.cursors.add(t.last)
	}
	at := hashOf(cursor)
	stands, newPlace := at == t.last, !t.cursors.has(at)
	newRecords := !g.empty() && !t.contents.has(g.hash)
	repeats, nothing := t.repeats+1, t.nothing+1
	if newRecords && !(g.keyed() && t.keys.has(g.keys)) {
		nothing = 0
	}
	switch {
	case newPlace && (newRecords || g.empty() || g.keyless): // without a key, different records may be equal
		repeats = 0
	case stands && (newRecords || g.empty()):
		repeats = t.repeats
	}
	if repeats >= maxRepeats {
		return false, &standstillError{cursor: cursor, repeats: repeats}
	}
	if limit := t.limit(); limit >= 0 && nothing >= limit {
		return false, &standstillError{cursor: cursor, nothing: nothing}
	}
	t.repeats, t.nothing, t.last = repeats, nothing, at
	t.cursors.add(at)
	if !g.empty() {
		t.contents.add(g.hash)
	}
	if g.keyed() {
		t.keys.add(g.keys)
	}
	return newPlace || newRecords, nil
}

func (t *trail) limit() int {
	if t.idle == 0 {
		return maxIdle
	}
	return t.idle
}

// recent holds the newest hashes: at least maxTrail/2 of them, at most maxTrail.
type recent struct {
	now, before map[uint64]struct{}
}

func (r *recent) has(h uint64) bool {
	_, now := r.now[h]
	_, before := r.before[h]
	return now || before
}

func (r *recent) add(h uint64) {
	if r.has(h) {
		return
	}
	if r.now == nil || len(r.now) >= maxTrail/2 {
		r.now, r.before = map[uint64]struct{}{}, r.now
	}
	r.now[h] = struct{}{}
}

// standstillError ends a try that gets no further though it emits.
type standstillError struct {
	cursor           []byte
	repeats, nothing int
}

func (e *standstillError) Error() string {
	if e.repeats > 0 {
		return fmt.Sprintf("it goes round in circles: %d cursors in a row came back to a place or to records that "+
			"were there before, the last is %s: does the server ignore which page is asked for, name the same next "+
			"page again, or repeat its last page?", e.repeats, shownCursor(e.cursor))
	}
	return fmt.Sprintf("it finds no end: %d cursors in a row brought no new record, or only changed ones of keys that had come "+
		"before, the last is %s: does the server say where its list ends, or repeat a page? If so much is empty, or changes so "+
		"often, raise on_error.max_idle", e.nothing, shownCursor(e.cursor))
}

// shownCursor is the beginning of a cursor. What the host keeps of it hides secrets.
func shownCursor(c []byte) string {
	const shown = 120
	if len(c) > shown {
		return fmt.Sprintf("%q…", c[:shown])
	}
	return fmt.Sprintf("%q", c)
}

// keysOf returns the fields of the primary key of each stream, in their quotes; none for a stream
// without a key.
func keysOf(all []sdk.Stream) map[string][]string {
	out := map[string][]string{}
	for _, s := range all {
		for _, name := range s.PrimaryKey {
			out[s.Name] = append(out[s.Name], `"`+name+`"`)
		}
	}
	return out
}
