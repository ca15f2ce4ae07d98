// trail: detects a split whose groups make no progress or go in a loop.

package pipeline

import (
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
)

const (
	// maxRepeats bounds the groups in a row that return to earlier cursors or records.
	maxRepeats = 100
	// maxIdle bounds the groups in a row without a new record, or with only records whose keys came
	// before in that order, unless the pipeline file sets another limit. It is much larger than
	// maxRepeats: a source may have to look through many empty places, and a record may change
	// often.
	maxIdle = 10_000
	// maxTrail bounds how many groups back a repetition is detected. It limits the memory of a
	// split's trail to about 15 MB.
	maxTrail = 1 << 18
)

// trail watches the groups of one split while it is read. A group brings the split further if its
// cursor is new, or if it delivers new records. A repetition is a page that comes again under
// another cursor, or a cursor that comes again after others, for any length of the loop. Records
// are identified by a hash of their bytes.
//
// A page may come again under new cursors with different bytes, for example if it contains the time
// of the request. It is recognised by the keys of its records. That takes longer, because a feed of
// changes may rightly return one record many times: the split fails after more than maxIdle groups
// in a row whose keys came before in that order, or that are empty. This does not detect pages
// whose order changes each time, records without a key, and plugins that are part of scrapekit.
//
// The trail starts empty at each claim, because uncommitted groups are then rightly read again.
type trail struct {
	idle     int // limit instead of maxIdle; negative: none
	last     uint64
	begun    bool
	cursors  recent
	contents recent
	keys     recent // of the records of a group, in their order

	repeats int // repetitions since the last group with a new cursor
	nothing int // groups in a row without a new record
}

// step checks a group before it is delivered. It reports whether the group brings the split
// further. The error says that too many groups did not; such a group must not be delivered, and
// leaves the trail unchanged.
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
	case newPlace && (newRecords || g.empty() || g.keyless): // without keys, different records may be equal
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

// recent holds the newest hashes: at least maxTrail/2, at most maxTrail.
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

// standstillError ends a try that emits groups but makes no progress.
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
	return fmt.Sprintf("it finds no end: %d cursors in a row brought no new record, or only changed ones of keys "+
		"that had come "+
		"before, the last is %s: does the server say where its list ends, or repeat a page? If so much is empty, or "+
		"changes so "+
		"often, raise on_error.max_idle", e.nothing, shownCursor(e.cursor))
}

// shownCursor returns the beginning of a cursor for a message. The host removes secrets from kept
// messages.
func shownCursor(c []byte) string {
	const shown = 120
	if len(c) > shown {
		return fmt.Sprintf("%q…", c[:shown])
	}
	return fmt.Sprintf("%q", c)
}

// keysOf returns the fields of each stream's primary key, quoted; none for a stream without a key.
func keysOf(all []sdk.Stream) map[string][]string {
	out := map[string][]string{}
	for _, s := range all {
		for _, name := range s.PrimaryKey {
			out[s.Name] = append(out[s.Name], `"`+name+`"`)
		}
	}
	return out
}
