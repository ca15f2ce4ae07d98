// Advancing: where a walk continues after a page, and when it ends. A reply's own statement about
// the end is not sufficient.

package jira

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// depth is the position within the anchor's query, if one minute has more issues than a page. One
// traversal of that query is a pass.
type depth struct {
	startAt int             // Data Center
	last    moment          // first issue that a page requested before the anchor moved must have
	token   string          // Cloud
	used    map[string]bool // tokens of this pass, to detect a repeated one
	met     map[string]bool // ids met in this pass, up to the last joining page

	loose  bool // the next page cannot overlap the previous one
	gapped bool // there was such a page, or one with holes: something may be hidden
	fresh  bool // this pass met an issue that no earlier pass had met
	hollow bool // an empty page had a token to continue

	far  int // largest startAt
	idle int // consecutive pages at the largest startAt without a new issue in this pass
	lost int // pages that did not join since the last new issue
	back int // how far the walk went back after the last of them
}

// mostIdle bounds the consecutive pages without a new issue, or without joining.
const mostIdle = 20

// note records that this pass met an issue. news: for the first time.
func (d *depth) note(id string) (isNew bool) {
	if d.met == nil {
		d.met = map[string]bool{}
	}
	isNew = !d.met[id]
	d.met[id] = true
	return isNew
}

// seen is what a page contained.
type seen struct {
	first, last moment
	news        int      // issues new to its pass
	top         int64    // latest time that may move the anchor
	timeless    []uint64 // ids new to this walk that came without a time
}

// owes reports whether everything that the query shows must be met. For an update walk, that is
// what is older than movable: the next run requests the rest again.
func (w *walk) owes() bool { return !w.reader.part.updates() || w.to != 0 }

// joins reports whether a page that begins with first leaves no gap after the pages before it:
// everything that the query shows before first was met. That is so if this pass has met first
// already, because the list has one order and an issue changes its place only by leaving the list.
// first need not be the last issue met: if the index names missing issues, a page begins earlier
// than requested.
func (w *walk) joins(first moment) bool {
	switch d := &w.depth; {
	case w.base != w.anchor:
		return first == d.last // what precedes the anchor is not known any more
	case d.startAt == 0 || d.loose || !w.owes() && !w.proof.calling:
		return true
	default:
		return d.met[first.id]
	}
}

// retreat goes back from a page that does not join: earlier issues are gone and the list has moved
// up. It goes back a quarter of a page, then twice as far each time.
func (w *walk) retreat(guessed bool) error {
	if guessed {
		w.ahead.miss()
	} else {
		w.ahead.drop()
	}
	if w.base != w.anchor {
		w.rewind() // the query from the anchor shows everything
		return nil
	}
	d := &w.depth
	if d.lost++; d.lost > mostIdle {
		return fmt.Errorf("pages of one query do not join: at startAt %d comes each time what does not belong there: "+
			"the server gives changing answers, or it ignores startAt: try again later", d.startAt)
	}
	d.back = max(2*d.back, w.size/4, 1)
	d.startAt = max(0, d.startAt-d.back)
	return nil
}

// advance moves on: to a new query if the page went beyond the anchor's minute (even if the server
// calls it the last page), otherwise deeper into the same query; also deeper if the next page was
// requested already, because it must join. It reports whether there is anything to move on to.
func (w *walk) advance(ctx context.Context, q search, p page, s *seen) (more bool, err error) {
	d := &w.depth
	d.gapped = d.gapped || p.holed(q) && !w.proof.calling
	more = p.more(w.reader.at, q, s.news) && !d.used[p.token]
	if err := d.progress(q, p, s.news); more && err != nil {
		return false, err
	}
	anchor := floorMinute(s.top)
	switch {
	case w.proof.calling && !more:
		return w.verified(ctx, q, p)
	case w.proof.calling:
		w.deeper(q, p, s.last)
	case anchor > w.anchor && d.gapped:
		w.verify(anchor)
	case anchor > w.anchor && more && w.ahead.has(q.startAt+p.count-1):
		w.anchor = anchor
		w.depth = depth{startAt: q.startAt + p.count - 1, last: s.last, met: map[string]bool{s.last.id: true}}
	case anchor > w.anchor || !more && w.base != w.anchor:
		w.moveTo(anchor)
	case more && w.reader.part.updates() && !w.owes() && w.anchor < w.movable:
		w.bind()
	case more:
		w.deeper(q, p, s.last)
	default:
		return w.end(ctx, q, p)
	}
	return true, nil
}

// progress returns an error if page after page has nothing new for a pass.
func (d *depth) progress(q search, p page, news int) error {
	switch {
	case news > 0:
		d.idle, d.lost = 0, 0
	case q.startAt >= d.far:
		d.idle++
	}
	d.back, d.far = 0, max(d.far, q.startAt)
	d.hollow = d.hollow || p.count == 0 && p.token != ""
	switch {
	case d.idle <= mostIdle:
		return nil
	case p.token != "":
		return errors.New("one page after the other comes empty, or with what came before, " +
			"and with a token to go on: try again later")
	}
	return fmt.Errorf("one page after the other brings nothing new, up to startAt %d: the server ignores startAt, "+
		"or its index names many issues that are gone: try again later", q.startAt)
}

// more reports whether issues may follow the page that q requested. news is the number of its
// issues that earlier pages did not have. The total counts only if it is consistent with what came,
// and not after a full page.
func (p page) more(at rest.Site, q search, news int) bool {
	if at.Flavour == rest.Cloud {
		return p.token != ""
	}
	behind := p.total - q.startAt - p.count
	switch {
	case p.count == 0, p.count == 1 && news == 0:
		return p.total > q.startAt+p.step(q)
	case behind > 0:
		return true
	}
	return behind < 0 || p.full(q)
}

func (p page) full(q search) bool {
	most := q.max
	if p.most > 0 {
		most = min(most, p.most)
	}
	return p.count >= most
}

// holed reports whether the page of Data Center has fewer issues than places: its index names
// missing ones, or some were left out.
func (p page) holed(q search) bool { return p.most > 0 && p.count < min(p.step(q), p.total-q.startAt) }

// step returns the number of places that the server looked at for this page, as far as it says.
func (p page) step(q search) int { return max(1, min(q.max, p.most)) }

// moveTo sets the start of the next query to the anchor, or its current place.
func (w *walk) moveTo(anchor int64) {
	w.anchor, w.proof = max(w.anchor, anchor), proof{}
	w.rewind()
}

// rewind goes to the beginning of the query from the anchor.
func (w *walk) rewind() { w.base, w.depth = w.anchor, depth{} }

// restart is rewind for a query unlike the previous one, so that its number of pages is unknown.
func (w *walk) restart() {
	w.size = 0
	w.rewind()
}

// deeper goes to the next page of the same query. On Data Center it begins with the last issue of
// this page, which shows whether the list has moved up. If that is impossible, a verification must
// show that nothing is hidden.
func (w *walk) deeper(q search, p page, last moment) {
	d := &w.depth
	d.loose = p.token != "" || p.count < 2
	d.gapped = d.gapped || d.loose
	switch {
	case p.token != "":
		if d.used == nil {
			d.used = map[string]bool{}
		}
		d.used[p.token] = true
		d.token = p.token
	case !d.loose:
		d.startAt, d.last = q.startAt+p.count-1, last
	case w.base != w.anchor:
		w.rewind()
	default:
		d.startAt += p.step(q)
	}
}

// end ends a pass, and the walk too if everything is proven.
func (w *walk) end(ctx context.Context, q search, p page) (more bool, err error) {
	switch {
	case !w.depth.gapped && w.ends(q, p):
		return w.over(), nil
	case w.owes():
		w.verify(w.to)
		return true, nil
	case w.anchor < w.movable:
		w.bind()
		return true, nil
	}
	// What is after movable is not owed. If the server itself says that it holds something back,
	// request it once more.
	held, met, err := w.counted(ctx, q, p)
	if err != nil || held <= met {
		return false, err
	}
	if w.proof.tries++; w.proof.tries > mostTries {
		return false, w.short(met, held)
	}
	w.restart()
	return true, nil
}

// ends reports whether the server confirms the apparent end of the query.
func (w *walk) ends(q search, p page) bool {
	if w.reader.at.Flavour == rest.Cloud {
		return p.last && p.token == "" && !w.depth.hollow
	}
	return p.total <= q.startAt+p.count
}

// counted returns the server's own count of the query's issues, and how many it has shown. Cloud is
// asked only if it does not confirm its end. For Data Center, the total of a verification counts.
// For what is not owed, both are equal there unless the server shows nothing at all: the next run
// requests that again.
func (w *walk) counted(ctx context.Context, q search, p page) (held, met int, err error) {
	met = len(w.met())
	if w.proof.calling {
		met = len(w.depth.met)
	}
	dataCenter := w.reader.at.Flavour == rest.DataCenter
	switch {
	case dataCenter && (w.proof.calling || met == 0):
		return p.total, met, nil
	case dataCenter || w.ends(q, p):
		return met, met, nil
	}
	held, err = w.reader.client.count(ctx, w.reader.at, w.condition())
	return held, met, err
}

// bind bounds an update walk by movable, so that it reads first what is owed, then the rest.
func (w *walk) bind() {
	w.to = w.movable
	w.restart()
}

// over goes from what an update walk owes to the rest, and reports whether there is one.
func (w *walk) over() (more bool) {
	if !w.reader.part.updates() || w.to == 0 {
		return false
	}
	w.to, w.stretch = 0, stretch{}
	w.moveTo(w.movable)
	w.restart()
	return true
}

func (w *walk) short(met, matching int) error {
	return fmt.Errorf("the server ends its list after %d of %d issues with %q from %s on: try again later",
		met, matching, w.field, w.from())
}

// from formats the anchor for people.
func (w *walk) from() string { return time.UnixMilli(w.anchor).UTC().Format(time.RFC3339) }

// met returns the ids of the anchor's query that the walk has met.
func (w *walk) met() map[string]bool {
	ids := map[string]bool{}
	for m := range w.seen {
		if m.at == 0 || m.at >= w.anchor {
			ids[m.id] = true
		}
	}
	return ids
}
