// One list, page by page: of the site, or of one parent.

package lists

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// list reads the list of the next parent from its position, and moves on to the next parent.
func (r *reading) list(ctx context.Context, first *ahead) error {
	r.met = map[string]bool{}
	for more := true; more; {
		p, err := r.page(ctx, first)
		if err != nil {
			if err = r.refuse(ctx, err); err != nil {
				return err
			}
			break
		}
		more, err = r.take(ctx, p)
		if errors.As(err, new(*unproven)) {
			err = r.refuse(ctx, err)
			more = false
		}
		if err != nil {
			return err
		}
		if more {
			if err := r.save(ctx); err != nil {
				return err
			}
		}
	}
	r.at.Next, r.at.List = r.at.Next+1, place{}
	if r.at.Next == len(r.at.Parents) {
		return nil // the end of the level; the next one has its own cursor
	}
	return r.save(ctx)
}

func (r *reading) page(ctx context.Context, first *ahead) (page, error) {
	if r.at.List == (place{}) {
		return first.take(r.at.Next)
	}
	return r.site.fetch(ctx, r.endpoint(), r.known(r.at.Next), r.at.List.Start, r.part.From)
}

// refuse handles an error: nil means to continue without this list, or without its rest.
func (r *reading) refuse(ctx context.Context, err error) error {
	e, status := r.endpoint(), rest.Status(err)
	forbidden := rest.Forbidden(err)
	absent := slices.Contains(e.gone, status) || status == http.StatusNotFound || status == http.StatusGone
	switch given := r.at.List.Start > 0; {
	case !given && slices.Contains(e.empty, status):
		return nil
	case !given && (forbidden || absent):
	// it fails each time, while other requests succeed
	case (r.site.Client.Alone(ctx, err) || errors.As(err, new(*unproven))) && r.site.Patience.Over(r.listName(), err):
	default:
		return err
	}
	expected := absent && r.known(r.at.Next)["_named"] == "" || forbidden && r.part.Every
	if !expected {
		sdk.Missing(ctx, r.listName(), rest.Why(err))
	}
	if r.at.Why == "" {
		r.at.Why = rest.Brief(err)
	}
	switch {
	case e.alike && forbidden:
		// The other lists are not requested, so their records may still exist.
		r.at.Found, r.at.Hidden, r.at.Next = nil, nil, len(r.at.Parents)-1
	case r.at.Level > 0 || len(r.at.Parents) > 1:
		r.at.Refused++
		r.hide()
	}
	return nil
}

// listName names the current list for people.
func (r *reading) listName() string {
	values := r.at.Parents[r.at.Next]
	switch {
	case len(values) == 0:
		return r.row().name
	case r.at.Level == 0:
		return r.row().name + " of project " + values[0]
	}
	return r.row().name + " of " + r.row().parent + " " + strings.Join(values, ", ")
}

// hide records which records belong to a parent whose list was refused, if their keys show it.
func (r *reading) hide() {
	row := r.row()
	if known := r.known(r.at.Next); r.last() && len(row.key) > 1 && known[row.key[0]] != "" {
		r.at.Hidden = append(r.at.Hidden, known[row.key[0]]+separator)
	}
}

// take delivers a page and reports whether more may follow.
func (r *reading) take(ctx context.Context, p page) (more bool, err error) {
	l, e, count := &r.at.List, r.endpoint(), len(p.elements)
	begin, repeated, err := r.deliverAll(ctx, p)
	if err != nil {
		return false, err
	}
	if l.Start == 0 {
		l.Total, l.First = p.total, begin
	}
	l.Shifted = l.Shifted || p.total != l.Total || repeated > 0 && repeated < count
	// With another total, something was inserted before, and the list has only shifted.
	if repeated == count && count > 0 && begin == l.First && l.Start > 0 && p.total == l.Total &&
		(p.more || p.total > len(r.met)) {
		return false, &unproven{fmt.Sprintf(
			"%s: the server gives the same page again and again: it ignores where a page should start, and claims "+
				"more than the %d records that it gave", r.row().name, len(r.met))}
	}
	if r.ends(p, repeated) {
		return r.end(p)
	}
	l.Start += count
	if e.pages == aligned && p.most > count {
		l.Start += p.most - count
	}
	return true, nil
}

// end checks the end of a list: records that the server says to have after it are not gone. If only
// a few are missing, the list is read once more and then accepted without deletions: see
// [rest.FewLack].
func (r *reading) end(p page) (more bool, err error) {
	l, e, name := &r.at.List, r.endpoint(), r.row().name
	came := l.Start + len(p.elements)
	short := p.total > came
	switch {
	case p.more:
		const text = "%s: the server ends the list after %d records, and says that it goes on"
		return false, &unproven{fmt.Sprintf(text, name, came)}
	case short && e.pages != whole && !rest.FewLack(came, p.total):
		return false, &unproven{fmt.Sprintf("%s: the server ends the list after %d of %d records", name, came, p.total)}
	}
	l.Shifted = l.Shifted || short && e.pages != whole
	if r.again() {
		return true, nil
	}
	r.at.Cut = r.at.Cut || short || e.cut > 0 && len(r.met) == e.cut
	return false, nil
}

// unproven is the error of a list that may be incomplete: it does not end, or ends early.
type unproven struct{ text string }

func (e *unproven) Error() string { return e.text }

// deliverAll delivers the elements of a page. It returns the key of the first, and how many this
// pass had met.
func (r *reading) deliverAll(ctx context.Context, p page) (begin string, repeated int, err error) {
	unchanged := int64(0)
	for n, e := range p.elements {
		key, same, err := r.deliver(e)
		if err != nil {
			return "", 0, err
		}
		if n == 0 {
			begin = key
		}
		if same {
			unchanged++
		}
		if r.met[key] {
			repeated++
		}
		r.met[key] = true
	}
	if unchanged > 0 {
		sdk.Count(ctx, r.row().name+"/unchanged", unchanged)
	}
	return begin, repeated, nil
}

// ends reports whether a page is the last of its list. No single statement of the server is
// sufficient.
func (r *reading) ends(p page, repeated int) bool {
	e, count := r.endpoint(), len(p.elements)
	reached := p.total < 0 || r.at.List.Start+count >= p.total
	switch {
	case e.pages == whole, count == 0:
		return true
	case repeated == count, p.last:
		return reached
	case !p.counted:
		return false // a plain list ends with an empty reply
	}
	return reached && !p.more && count < min(e.per, p.most)
}

// again reports whether to read the list a second time, and goes back to its beginning.
func (r *reading) again() bool {
	l := &r.at.List
	if !l.Shifted || l.Again || r.row().created != "" {
		return false
	}
	*l = place{Again: true}
	r.met = map[string]bool{}
	return true
}

// rejected is the prefix of keys of elements that cannot become records.
const rejected = "\x00"

// deliver processes an element, unless this read did already. same: it is unchanged since the last
// run.
func (r *reading) deliver(e element) (key string, same bool, err error) {
	known := r.known(r.at.Next)
	if !r.last() {
		return r.collectParent(e, known), false, nil
	}
	rec, bad := r.row().record(e, r.site.Flavour, known)
	if bad != nil {
		sum := sha256.Sum256(r.row().lasting(e.raw))
		rec.key = rejected + hex.EncodeToString(sum[:8])
	}
	if r.seen.has(rec.key) || r.seen.over && r.met[rec.key] {
		return rec.key, false, nil
	}
	hash, before := r.before.hashes[rec.key]
	r.seen.put(rec.key, rec.hash)
	old := r.date(rec.key, e)
	switch {
	case old || before && (hash == rec.hash || r.row().created != ""):
		return rec.key, true, nil
	case bad != nil:
		return rec.key, false, r.reject(e, bad)
	}
	return rec.key, false, r.out.EmitJSON(r.row().name, rec.line)
}

// reject rejects an element. Of a huge one only the beginning is kept.
func (r *reading) reject(e element, why error) error {
	return r.out.Reject(r.row().name, e.raw[:min(len(e.raw), 64<<10)], why.Error())
}

// collectParent records a parent for the next level, if that level needs it.
func (r *reading) collectParent(e element, known vars) (key string) {
	passed := r.row().pass(e, r.site.Flavour, known)
	var values []string
	for _, f := range r.row().passes {
		if passed[f.name] == "" && !strings.HasPrefix(f.name, "_") {
			return "" // nothing could be requested for it
		}
		values = append(values, passed[f.name])
	}
	key = strings.Join(values, separator)
	if r.found[key] || !r.wanted(passed) {
		return key
	}
	r.found[key] = true
	r.at.Found = append(r.at.Found, values)
	return key
}

// wanted reports whether any following row needs a parent.
func (r *reading) wanted(told vars) bool {
	for _, below := range r.chain[r.at.Level+1:] {
		if below.keep != nil && !below.keep(told) {
			return false
		}
	}
	return true
}

// date records when a record was created, in a list that is continued by that time. old: an earlier
// run read it although the server did not omit it.
func (r *reading) date(key string, e element) (old bool) {
	if r.row().created == "" {
		return false
	}
	text, _ := e.value(r.row().created, nil)
	created, ok := rest.ParseTime(text)
	if !ok || created < r.at.Top-r.part.Overlap {
		return ok && created < r.part.From
	}
	if r.at.Recent == nil {
		r.at.Recent = map[string]int64{}
	}
	r.at.Recent[key] = created
	r.at.Top = max(r.at.Top, created)
	return created < r.part.From
}

// forget drops what is older than the overlap.
func (r *reading) forget() {
	for key, created := range r.at.Recent {
		if created < r.at.Top-r.part.Overlap {
			delete(r.at.Recent, key)
		}
	}
}
