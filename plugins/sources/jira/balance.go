// The balance: the total of a Data Center query must equal what was met of it plus the total of the
// next query.
//
// A server that omits issues in the middle of its list, such as a cluster node with half an index,
// shows full pages that join. Only its totals reveal it: the query from the anchor counts what the
// previous query counted, minus what was met before the anchor. If it counts less, issues were
// deleted meanwhile or were not shown. A verification of what precedes the anchor decides. Until
// then the walk, and its cursor, stay at the start of the previous query, so nothing unseen is
// skipped. Edits and new issues only increase the later total.

package jira

import "github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"

// balance compares the totals of two queries when q begins the second one. ok is false if the walk
// must go back and prove what is in between.
func (w *walk) balance(q search, p page) (ok bool, err error) {
	if w.reader.at.Flavour != rest.DataCenter || w.proof.calling || q.startAt != 0 || !p.says {
		return true, nil
	}
	s, here := &w.stretch, w.anchor
	if s.Total == 0 || s.Base >= here {
		s.begin(here, p.total)
		return true, nil
	}
	met := s.Met + w.seen.between(s.from, here)
	if s.Total <= met+p.total {
		*s = stretch{}
		s.begin(here, p.total)
		return true, nil
	}
	if s.doubts++; s.doubts > mostTries {
		w.anchor = s.Base
		return false, w.short(met+p.total, s.Total)
	}
	w.anchor, s.from, s.Met = s.Base, s.Base, 0
	w.verify(here)
	return false, nil
}

// held returns the stretch for a cursor at the anchor, or nil.
func (w *walk) held() *stretch {
	s := w.stretch
	if s.Total == 0 {
		return nil
	}
	s.Met += w.seen.between(s.from, w.anchor)
	return &s
}

// between returns the number of marks with a time in [from, to).
func (s marks) between(from, to int64) (n int) {
	for m := range s {
		if m.at >= from && m.at < to {
			n++
		}
	}
	return n
}
