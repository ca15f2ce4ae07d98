// The roll call: the proof that a pass whose pages cannot be joined has hidden nothing.
//
// An issue that goes away from before the page that is asked for (it is edited, moved, deleted)
// moves the list up and hides the issue that takes its place. Where a page begins with an issue of
// those before it, nothing is hidden (joins). Where it cannot, because pages hold one issue or the
// server gives tokens that may be places, that the pass met nothing new shows nothing: what went
// away may have been known, and what is hidden was not met.
//
// So the ids that the query shows are asked for once more, alone and from the other end, and all
// that are named must have been met. That is sound where the roll call itself is whole:
//
//   - It came in one page. One reply shows the list at one moment. An issue that stood there all
//     the time is on it.
//   - Its pages join.
//   - The one before it named the same issues. If a roll call hides an issue, then one that it had
//     read went away before it ended, and the next one does not name that one. So two that are the
//     same hid nothing. This alone takes for granted that what goes away does not come back to its
//     place between the two, both times.
//
// It is made, too, where a page of Data Center has fewer issues than the server counts there: the
// second look tells what is gone and what was left out. Where the server counts a few that it never
// shows, twice the same, its index names issues that are gone, and the walk goes on with a warning:
// see [rest.FewLack] for how few. Where it counts more than that, the walk does not go on: the
// split fails, its cursor stays, and the next run asks for what was not shown.
//
// What is named and was not met has the pass done again. It is bounded by the minutes that were
// gone through, so that it ends where issues go on to be made or edited. A server of which the
// answers flap is given up after mostTries.
//
// Of an update walk, only what is older than movable is owed. Its query is bounded by movable
// before it goes deep: what the bounded query shows only becomes less, as an edit takes an issue
// out of it for good. An issue that was edited just now, and that the index still has at its old
// place, stands in it as any other, whatever time it shows.

package jira

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// mostTries is how many roll calls in a row may end without a step forward.
const mostTries = 8

// proof is what is under way to prove a pass.
type proof struct {
	to      int64 // the bound of the roll call: what is before it is proven then; 0: none
	calling bool
	rolls   int
	before  map[string]bool // what the last roll call named
	held    int             // how many the server counted then
	least   int             // the fewest that one named
	met     int             // how many issues the walk had met at the last one
	tries   int
}

// call begins a roll call of what is before to.
func (w *walk) call(to int64) {
	w.proof.to, w.proof.calling = to, true
	w.restart()
}

// idsPage is how many ids Data Center gives at once, unless its administrator has set another
// limit. To ask for more makes pages deep in a list refused by servers on OpenSearch.
const idsPage = 1000

// roll is its query: as many ids at once as the server gives.
func (w *walk) roll() search {
	most := mostIDs
	if w.reader.at.Flavour == rest.DataCenter {
		most = idsPage
	}
	return search{
		jql:     fmt.Sprintf("%s ORDER BY %s DESC, key DESC", w.condition(), w.field),
		startAt: w.depth.startAt,
		token:   w.depth.token,
		max:     most,
		fields:  []string{"key"},
	}
}

// nameless begins what stands for an issue with neither id nor key, which cannot be told in a roll
// call.
const nameless = "?"

// answer takes down an issue that a roll call names.
func (w *walk) answer(i *issue) (news bool) {
	if i.key == "" && strings.HasPrefix(i.id, "#") {
		return w.depth.note(nameless + i.id)
	}
	return w.depth.note(i.id)
}

// called judges a roll call that is at its end.
func (w *walk) called(ctx context.Context, q search, p page) (more bool, err error) {
	held, _, err := w.counted(ctx, q, p)
	if err != nil {
		return false, err
	}
	f, named, met := &w.proof, w.depth.met, w.met()
	missing := 0
	for id := range named {
		if !met[id] && !strings.HasPrefix(id, nameless) {
			missing++
		}
	}
	whole := held <= len(named) && (!w.depth.gapped || f.rolls > 0 && maps.Equal(named, f.before))
	steady := f.rolls > 0 && held == f.held && maps.Equal(named, f.before)
	switch dataCenter := w.reader.at.Flavour == rest.DataCenter; {
	case missing > 0:
	case whole:
		return w.proven(), nil
	case dataCenter && steady && rest.FewLack(len(named), held):
		if !w.warned {
			w.warned = true
			sdk.Log(ctx).Warn("the server counts more issues than it shows: its index names some that are gone",
				"counted", held, "shown", len(named), "from", w.from(), "of", w.field)
		}
		return w.proven(), nil
	case dataCenter && steady && held > len(named):
		return false, fmt.Errorf("%w; if it stays so, its index lacks issues or names those that are gone, "+
			"and must be built anew", w.short(len(named), held))
	}
	if f.rolls == 0 || len(met) > f.met || len(named) < f.least {
		f.tries, f.least = 0, len(named)
	}
	f.rolls++
	f.tries++
	f.held = held
	switch held = max(held, len(named)); {
	case f.tries > mostTries && held > len(named)-missing:
		return false, w.short(len(named)-missing, held)
	case f.tries > mostTries:
		return false, fmt.Errorf("the server names other issues with %q from %s on each time that it is asked (%d, "+
			"then %d): "+
			"its answers flap, or change faster than they can be read: try again later",
			w.field, w.from(), len(f.before), len(named))
	}
	f.before, f.met, f.calling = named, len(met), missing == 0
	w.restart()
	return true, nil
}

// proven goes on behind what is proven.
func (w *walk) proven() (more bool) {
	to := w.proof.to
	w.proof = proof{}
	if w.stretch.Base >= w.anchor {
		w.stretch = stretch{} // else only its end is proven
	}
	if to == w.to {
		return w.over()
	}
	w.moveTo(to)
	w.restart()
	return true
}

// refused reports whether a page token that the server does not take any more has a way on: the
// pass begins anew, if it had met something.
func (w *walk) refused(q search, err error) bool {
	if q.token == "" || rest.Status(err) != http.StatusBadRequest {
		return false
	}
	if w.proof.calling {
		w.proof.tries++
		return w.proof.tries <= mostTries
	}
	return w.depth.fresh
}
