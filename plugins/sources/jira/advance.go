// Advancing: where a walk goes behind a page, and when it is at its end. What a reply says of its
// own end is not enough.

package jira

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// depth is how far into the anchor's query the walk is, where one minute holds more than a page.
// One way through that query is a pass.
type depth struct {
	startAt int             // Data Center
	last    moment          // what a page must begin with that was asked for before the anchor moved
	token   string          // Cloud
	used    map[string]bool // tokens of this pass, to notice one that comes back
	met     map[string]bool // ids that this pass met, up to the last page that joins

	loose  bool // nothing of the page to come can be on the one before it
	gapped bool // there was such a page, or one with holes: something may be hidden
	fresh  bool // this pass met an issue that no pass before it had met
	hollow bool // an empty page had a token to go on

	far  int // the farthest startAt
	idle int // pages in a row, at the farthest place, that brought nothing new to this pass
	lost int // pages that did not join, since one brought something new
	back int // how far the last of them made the walk go back
}

// mostIdle is how many pages in a row may bring nothing new, or not join.
const mostIdle = 20

// note notes that this pass met an issue. news: for the first time.
func (d *depth) note(id string) (news bool) {
	if d.met == nil {
		d.met = map[string]bool{}
	}
	news = !d.met[id]
	d.met[id] = true
	return news
}

// seen is what a page showed.
type seen struct {
	first, last moment
	news        int      // issues that its pass had not met
	top         int64    // the latest time that may move the anchor
	timeless    []uint64 // ids of issues that this walk had not met and that came without their time
}

// owes reports whether all that the query shows must be met. Of an update walk it is what is older
// than movable: the next run asks for the rest again.
func (w *walk) owes() bool { return !w.reader.part.updates() || w.to != 0 }

// joins reports whether a page that begins with first leaves no gap behind the pages before it: all
// that the query shows before first was met. So it is where first is an issue that this pass has
// met already, as the list has one order and no issue changes its place in it without leaving it.
// It need not be the last one: where the index names issues that are gone, a page begins earlier
// than it was meant to.
func (w *walk) joins(first moment) bool {
	switch d := &w.depth; {
	case w.base != w.anchor:
		return first == d.last // what is before the anchor is not known any more
	case d.startAt == 0 || d.loose || !w.owes() && !w.proof.calling:
		return true
	default:
		return d.met[first.id]
	}
}

// retreat goes back from a page that does not join: what stood before it went away, and the list
// has moved up. It goes a quarter of a page, and then twice as far each time.
func (w *walk) retreat(guessed bool) error {
	if guessed {
		w.ahead.miss()
	} else {
		w.ahead.drop()
	}
	if w.base != w.anchor {
		w.rewind() // the query from the anchor tells what there is
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

// advance moves on: to a new query where the page got beyond the anchor's minute, even if the
// server calls it the last one, else deeper into the same. Deeper, too, if the page that follows
// was asked for already: it must join. It reports whether there is anything to move on to.
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
		return w.called(ctx, q, p)
	case w.proof.calling:
		w.deeper(q, p, s.last)
	case anchor > w.anchor && d.gapped:
		w.call(anchor)
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

// progress returns an error where page after page brings nothing new to a pass.
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

// more reports whether issues may stand behind this page of the query that q asked. news is how
// many of its issues the pages before it did not have. The total is believed only where it fits
// what came, and not behind a full page.
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

// holed reports whether the page of Data Center has fewer issues than places: its index names some
// that are gone, or some are missing.
func (p page) holed(q search) bool { return p.most > 0 && p.count < min(p.step(q), p.total-q.startAt) }

// step is how many places of the list the server looked at for this page, as far as it says.
func (p page) step(q search) int { return max(1, min(q.max, p.most)) }

// moveTo has the next query begin at the anchor, or where it is already.
func (w *walk) moveTo(anchor int64) {
	w.anchor, w.proof = max(w.anchor, anchor), proof{}
	w.rewind()
}

// rewind goes to the beginning of the query from the anchor on.
func (w *walk) rewind() { w.base, w.depth = w.anchor, depth{} }

// restart is rewind for a query that is not like the one before it: how many pages it has is not
// known.
func (w *walk) restart() {
	w.size = 0
	w.rewind()
}

// deeper goes to the next page of the same query. On Data Center it begins with the last issue of
// this page, which shows whether the list has moved up. Where that cannot be, a roll call must show
// that nothing is hidden.
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

// end is the end of a pass: of the walk, too, if it is proven and nothing is left.
func (w *walk) end(ctx context.Context, q search, p page) (more bool, err error) {
	switch {
	case !w.depth.gapped && w.ends(q, p):
		return w.over(), nil
	case w.owes():
		w.call(w.to)
		return true, nil
	case w.anchor < w.movable:
		w.bind()
		return true, nil
	}
	// Nothing behind movable is owed. What the server itself says that it holds back is asked for
	// once more.
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

// ends reports whether the server stands by the end of the query that p seems to be.
func (w *walk) ends(q search, p page) bool {
	if w.reader.at.Flavour == rest.Cloud {
		return p.last && p.token == "" && !w.depth.hollow
	}
	return p.total <= q.startAt+p.count
}

// counted is how many issues the query shows by the server's own count, and how many it has shown.
// Cloud is asked only where it does not stand by its end. Of Data Center the total of a roll call
// counts. Of what is not owed both are the same there, unless it shows nothing at all: the next run
// asks for that again.
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

// bind bounds an update walk by movable: it goes over what is owed first, and then on to the rest.
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

// from is the anchor for people.
func (w *walk) from() string { return time.UnixMilli(w.anchor).UTC().Format(time.RFC3339) }

// met is the ids of the anchor's query that the walk has met.
func (w *walk) met() map[string]bool {
	ids := map[string]bool{}
	for m := range w.seen {
		if m.at == 0 || m.at >= w.anchor {
			ids[m.id] = true
		}
	}
	return ids
}
