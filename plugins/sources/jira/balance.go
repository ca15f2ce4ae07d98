// The balance: what a query of Data Center counts is what was met of it, and what the next one
// counts.
//
// A server that leaves issues out in the middle of its list, a node of a cluster with half an
// index, shows pages that join and that are full. It is its totals that tell: the query from the
// anchor on counts what the query before it counted, less what was met before the anchor. Where it
// counts less, the issues were deleted meanwhile, or they were not shown: a roll call of what lies
// before the anchor says which. Until then the walk is back where that query began, and so is its
// cursor, so that nothing is behind it that was not shown. Edits and new issues only make the later
// total larger.

package jira

import "github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"

// balance compares the totals of two queries where q begins the second one. ok is false where it
// has the walk go back and prove what lies between.
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
	w.call(here)
	return false, nil
}

// held is the stretch for a cursor at the anchor; nil where there is none.
func (w *walk) held() *stretch {
	s := w.stretch
	if s.Total == 0 {
		return nil
	}
	s.Met += w.seen.between(s.from, w.anchor)
	return &s
}

// between is how many marks have a time from one on and before another.
func (s marks) between(from, to int64) (n int) {
	for m := range s {
		if m.at >= from && m.at < to {
			n++
		}
	}
	return n
}
