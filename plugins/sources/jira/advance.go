// Advancing: where a walk goes behind a page, and when it is at its end. What a reply says of its own end is not enough.

package jira

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// depth is how far into the anchor's query the walk is, where one minute holds more than a page. One way through that
// query is a pass.
type depth struct {
	startAt   int             // Data Center
	last      moment          // the issue that the page at startAt begins with unless something before it went away
	token     string          // Cloud
	used      map[string]bool // tokens of this pass, to notice one that comes back
	unchecked bool            // this pass went on without a last
	fresh     bool            // this pass met an issue that no pass before it had met
	hollow    int             // empty pages of this pass that had a token to go on
}

// shift is where a deep page did not begin as it should.
type shift struct {
	startAt  int
	from, to moment
	times    int // in a row, with nothing else between
}

const (
	// mostShifts is how often the same shift may come: an issue that goes away shifts the list once.
	mostShifts = 3
	// mostHollow is how many pages of a pass may come empty with a token to go on.
	mostHollow = 20
)

// advance moves on: to a new query where the page got beyond the anchor's minute, even if the server calls it the last
// one, else deeper into the same. Deeper, too, if the page that follows was asked for already: it must join. It reports
// whether there is anything to move on to.
func (w *walk) advance(ctx context.Context, q search, p page, anchor int64, first, last moment) (more bool, err error) {
	if w.shifted(first) {
		return true, w.restart(first)
	}
	joined := first == w.depth.last && p.count > 0
	more = p.more(w.reader.at, q, joined) && !w.depth.used[p.token]
	switch d := w.depth; {
	case d.unchecked && d.fresh && (!more || anchor > w.anchor):
		w.rewind() // another pass
		return true, nil
	case anchor > w.anchor && more && w.ahead.has(q.startAt+p.count-1):
		w.anchor = anchor
		w.depth = depth{startAt: q.startAt + p.count - 1, last: last}
		return true, nil
	case anchor > w.anchor || !more && w.base != w.anchor:
		w.anchor = max(w.anchor, anchor)
		w.rewind()
		return true, nil
	case !more:
		return false, w.doubt(ctx, q, p)
	}
	return true, w.deeper(p, last)
}

// rewind goes to the beginning of the query from the anchor on.
func (w *walk) rewind() { w.base, w.depth = w.anchor, depth{} }

// shifted reports whether a deep page that begins with first is not where the one before it ended. What is newer than
// movable is met by the next run anyway, and may be on the move all the time.
func (w *walk) shifted(first moment) bool {
	return w.depth.last != moment{} && w.depth.last != first && w.depth.last.at < w.movable
}

// restart begins another pass because of a shift, unless this very shift came again and again.
func (w *walk) restart(first moment) error {
	now := shift{startAt: w.depth.startAt, from: w.depth.last, to: first, times: 1}
	if w.shift.startAt == now.startAt && w.shift.from == now.from && w.shift.to == now.to {
		now.times += w.shift.times
	}
	w.shift = now
	w.rewind()
	if now.times > mostShifts {
		return fmt.Errorf("pages of one query do not join: at startAt %d comes issue %q each time where %q was before: the server ignores startAt, or its index names issues that are gone",
			now.startAt, now.to.id, now.from.id)
	}
	return nil
}

// deeper goes to the next page of the same query. On Data Center it begins with the last issue of this page, which shows
// whether the list has shifted. Where that cannot be, the pass is repeated until one meets nothing new.
func (w *walk) deeper(p page, last moment) error {
	d := &w.depth
	switch {
	case p.token != "":
		if p.count == 0 {
			d.hollow++
		}
		if d.used == nil {
			d.used = map[string]bool{}
		}
		d.used[p.token] = true
		d.token, d.unchecked = p.token, true
	case p.count > 1:
		d.startAt += p.count - 1
		d.last = last
	default:
		d.startAt++
		d.last, d.unchecked = moment{}, true
	}
	if d.hollow > mostHollow {
		return errors.New("one page after the other comes empty, with a token to go on: try again later")
	}
	return nil
}

// doubt returns an error if the walk ends before its time by the server's own count. Data Center counts in each reply;
// Cloud is asked only where its last page did not say that it is the last one, or an empty page was among them.
func (w *walk) doubt(ctx context.Context, q search, p page) error {
	matching, met := p.total, p.count
	if w.reader.at.Flavour == rest.Cloud {
		if p.last && p.token == "" && w.depth.hollow == 0 {
			return nil
		}
		var err error
		matching, err = w.reader.client.count(ctx, w.reader.at, w.condition())
		if err != nil {
			return err
		}
		met = w.met()
	} else if q.startAt > 0 || p.count > 0 {
		return nil
	}
	if matching > met {
		return fmt.Errorf("the server ends its list after %d of %d issues with %q from %s on: try again later",
			met, matching, w.field, time.UnixMilli(w.anchor).UTC().Format(time.RFC3339))
	}
	return nil
}

// met is how many issues of the anchor's query the walk has met.
func (w *walk) met() int {
	ids := map[string]bool{}
	for m := range w.seen {
		if m.at == 0 || m.at >= w.anchor {
			ids[m.id] = true
		}
	}
	return len(ids)
}
