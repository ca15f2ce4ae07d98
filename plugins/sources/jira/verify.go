// Verification: the proof that a pass whose pages cannot be joined has hidden nothing.
//
// If an issue before the requested page goes away (it is edited, moved or deleted), the list moves
// up, and the issue that takes its place is hidden. If a page begins with an issue of those before
// it, nothing is hidden (joins). That check is impossible if pages hold one issue, or if the server
// gives tokens that may name places. Then it proves nothing that the pass met nothing new: the
// issue that went away may have been known, and the hidden one was not met.
//
// So the ids that the query shows are requested once more, without fields and in reverse order. The
// pass must have met all of them. That is sound if the verification itself is whole, in one of
// these ways:
//
//   - It came in one page. One reply shows the list at one moment, so every issue that existed all
//     the time is on it.
//   - Its pages join.
//   - The previous verification named the same issues. If a verification hides an issue, then an
//     issue that it had
// read went away before it ended, and the next one does not name that issue. So two equal
// verifications hid nothing. Only this case assumes that what goes away does not come back to its
// place between the two, both times.
//
// A verification also runs if a page of Data Center has fewer issues than the server counts there.
// It shows which issues are gone and which were left out. If the server counts a few that it never
// shows, twice the same, its index names issues that are gone, and the walk continues with a
// warning: see [rest.FewLack] for the number. If it counts more than that, the walk does not
// continue: the split fails, its cursor stays, and the next run requests what was not shown.
//
// If it names an issue that was not met, the pass is done again. The pass is bounded by the minutes
// that were walked, so that it ends even if issues are made or edited all the time. A server whose
// answers keep changing is given up after mostTries.
//
// For an update walk, only what is older than movable is owed. Its query is bounded by movable
// before it goes deep. The result of the bounded query only shrinks, because an edit takes an issue
// out of it for good. An issue that was edited just now, and that the index still has at its old
// place, appears in it like any other, whatever time it shows.

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

// mostTries is the number of verifications in a row that may end without progress.
const mostTries = 8

// proof is the state of a verification.
type proof struct {
	to      int64 // its bound: what is before it is verified then; 0: none is under way
	calling bool
	rolls   int
	before  map[string]bool // ids that the last verification named
	held    int             // the server's count at that time
	least   int             // the fewest that one named
	met     int             // number of issues that the walk had met at the last one
	tries   int
}

// verify begins a verification of what is before to.
func (w *walk) verify(to int64) {
	w.proof.to, w.proof.calling = to, true
	w.restart()
}

// idsPage is the number of ids that Data Center returns at once, unless its administrator has set
// another limit. Larger requests make servers on OpenSearch refuse pages deep in a list.
const idsPage = 1000

// verification returns its query: as many ids at once as the server returns.
func (w *walk) verification() search {
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

// nameless begins the id of an issue with neither id nor key, which a verification cannot
// recognise.
const nameless = "?"

// confirm records an issue that a verification names.
func (w *walk) confirm(i *issue) (news bool) {
	if i.key == "" && strings.HasPrefix(i.id, "#") {
		return w.depth.note(nameless + i.id)
	}
	return w.depth.note(i.id)
}

// verified decides about a verification that has ended.
func (w *walk) verified(ctx context.Context, q search, p page) (more bool, err error) {
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

// proven continues after what is verified.
func (w *walk) proven() (more bool) {
	to := w.proof.to
	w.proof = proof{}
	if w.stretch.Base >= w.anchor {
		w.stretch = stretch{} // else only its end is verified
	}
	if to == w.to {
		return w.over()
	}
	w.moveTo(to)
	w.restart()
	return true
}

// refused reports whether the walk can continue after the server refuses a page token: the pass
// begins anew, if it had met something.
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
