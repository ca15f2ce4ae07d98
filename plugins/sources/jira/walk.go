// The walk: one query's issues in the order of a time, page by page, with nothing lost while they
// change. doc.go gives the reasons.

package jira

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// settling is how long after its "updated" an issue must be read for that version to be final: one
// second that Jira's times may lack, one that the Date header lacks, and one for safety.
const settling = 3 * time.Second

// run walks to the end. It calls save after every page with the cursor to continue from, and once
// with the last one.
func (w *walk) run(ctx context.Context, emit func(*item) error, save func(cursor) error) error {
	defer w.ahead.drop()
	saved := w.cursor()
	for {
		more, err := w.page(ctx, emit)
		left := false
		if err != nil {
			more, left = w.leave(ctx, err)
		}
		if err != nil && !left {
			return err
		}
		if !more {
			return nil
		}
		// A page without anything new saves no cursor: a verification reads the same issues again,
		// and the host takes repeated cursors for a read that loops.
		if c := w.cursor(); !reflect.DeepEqual(c, saved) {
			if err := save(c); err != nil {
				return err
			}
			saved = c
		}
	}
}

// errUnjoined ends the reading of a page that does not begin where the page before it ended.
var errUnjoined = errors.New("the page does not join the one before it")

func (w *walk) cursor() cursor {
	from := w.anchor
	if w.stretch.Total > 0 { // until it is balanced, the marks after its start are needed
		from = min(from, w.stretch.from)
	}
	met := slices.DeleteFunc(w.seen.since(from), func(m mark) bool { return m.At != 0 && m.At < w.anchor })
	return cursor{
		Anchor: w.anchor, Seen: met, Recent: w.recent.since(w.reader.part.Floor), Left: w.left, Stretch: w.held(),
	}
}

// last returns the final cursor.
func (w *walk) last() cursor {
	return cursor{Done: true, Recent: w.recent.since(w.reader.part.Floor), Left: w.left}
}

// page reads one page, moves on, and reports whether there may be more.
func (w *walk) page(ctx context.Context, emit func(*item) error) (more bool, err error) {
	q := w.query()
	s := &seen{top: w.anchor}
	p, guessed, err := w.fetch(ctx, q, func(raw []byte, bad error, replied time.Time) error {
		i, bad := identify(raw, bad)
		s.last = moment{i.id, w.time(&i)}
		if s.first == (moment{}) {
			s.first = s.last
			if !w.joins(s.first) {
				return errUnjoined
			}
		}
		if w.proof.calling {
			if w.confirm(&i) {
				s.news++
			}
			return nil
		}
		return w.show(ctx, &i, bad, replied, s, emit)
	})
	switch {
	case errors.Is(err, errUnjoined), err == nil && p.count == 0 && !w.joins(moment{}):
		return true, w.retreat(guessed)
	case guessed && err != nil && ctx.Err() == nil: // it is requested again when it is needed
		w.ahead.miss()
		if w.base != w.anchor {
			w.rewind()
		}
		return true, nil
	case err != nil:
		return w.recover(q, err)
	}
	w.blank, w.size, w.behind = p.count == 0, p.count, p.total-q.startAt-p.count
	if ok, err := w.balance(q, p); !ok {
		return err == nil, err
	}
	if len(s.timeless) > 0 {
		created, err := w.reader.client.lastCreated(ctx, w.reader.at, s.timeless[max(0, len(s.timeless)-bulk):])
		if err != nil {
			return false, err
		}
		s.top = max(s.top, created)
	}
	return w.advance(ctx, q, p, s)
}

// show delivers an issue of a page, and records in s what it says about the position of the walk.
func (w *walk) show(
	ctx context.Context, i *issue, bad error, replied time.Time, s *seen, emit func(*item) error,
) error {
	fresh, err := w.meet(ctx, i, replied, func() error {
		it := &item{}
		if bad != nil && !w.reader.ids {
			it.reject(issuesStream, shortened(i.raw), bad)
		} else {
			it.issue = *i
			it.issue.raw = bytes.Clone(i.raw)
			it.issue.fetched = replied.Truncate(time.Second)
		}
		return emit(it)
	})
	if w.depth.note(i.id) {
		s.news++
	}
	if s.last.at < w.movable {
		s.top = max(s.top, s.last.at)
	}
	w.depth.fresh = w.depth.fresh || fresh
	if id, ok := parseID(i.id); ok && fresh && w.reader.ids && i.created == 0 {
		s.timeless = append(s.timeless, id)
	}
	return err
}

// fetch reads one page, and requests the following pages if they can be guessed, which is
// impossible with page tokens. guessed: the page was requested in advance.
func (w *walk) fetch(ctx context.Context, q search, each func(raw []byte, bad error, replied time.Time) error) (_ page,
	guessed bool, err error) {
	asked := w.ahead.request(ctx, q)
	if w.reader.at.Flavour == rest.DataCenter {
		w.ahead.guess(ctx, q, w.size, w.behind)
	}
	resp, err := asked.wait()
	if err != nil {
		return page{}, asked.guessed, err
	}
	w.asked = asked.at
	p, err := w.reader.client.read(w.reader.at, resp, each)
	return p, asked.guessed, err
}

func (w *walk) condition() string {
	to := w.to
	if w.proof.calling {
		to = w.proof.to
	}
	return and(w.where, between(w.field, w.base, to))
}

func (w *walk) query() search {
	switch {
	case w.proof.calling:
		return w.verification()
	case w.reader.ids:
		return w.idQuery()
	}
	q := search{
		jql:     fmt.Sprintf("%s ORDER BY %s ASC, key ASC", w.condition(), w.field),
		startAt: w.depth.startAt,
		token:   w.depth.token,
		max:     w.reader.source.PageSize,
		fields:  w.reader.needs.fields,
	}
	if w.reader.needs.history {
		q.expand = "changelog"
	}
	return q
}

// idQuery requests only what a census needs.
func (w *walk) idQuery() search {
	return search{
		jql:     fmt.Sprintf("%s ORDER BY %s ASC, key ASC", w.condition(), w.field),
		startAt: w.depth.startAt,
		token:   w.depth.token,
		max:     mostIDs,
		fields:  w.fields,
	}
}

// recover handles the errors of a deep page after which the walk can continue: a page token that
// Cloud refuses.
func (w *walk) recover(q search, err error) (more bool, _ error) {
	if w.refused(q, err) {
		w.rewind()
		return true, nil
	}
	if q.startAt > 0 && rest.Status(err) == http.StatusInternalServerError {
		return false, sdk.Permanent(fmt.Errorf(
			"more issues have the same minute of %q (%s) than the server pages through, at %d: narrow it with jql: %w",
			w.field, time.UnixMilli(w.anchor).UTC().Format(time.RFC3339), q.startAt, err))
	}
	return false, err
}

func (w *walk) time(i *issue) int64 {
	switch {
	case w.field == "updated":
		return i.updated
	case w.reader.ids && i.created == 0:
		return w.anchor // it is that or later
	}
	return i.created
}

// meet delivers an issue unless it was met before, and remembers it. fresh: this walk had not met
// it with this time.
func (w *walk) meet(ctx context.Context, i *issue, replied time.Time, deliver func() error) (fresh bool, err error) {
	sum := func() uint32 { return checksum(i.raw) }
	here := mark{ID: i.id, At: w.time(i)}
	version := mark{ID: i.id, At: i.updated}
	if i.updated > w.settled(replied) {
		version.Sum = sum()
	}
	if w.field == "updated" {
		here = version
	}
	fresh = !w.seen.met(here)
	if w.seen.has(here, sum) {
		return fresh, nil // it may be a newer version, which the next run then delivers
	}
	if w.known.has(version, sum) {
		sdk.Count(ctx, "issues/unchanged", 1)
	} else if err := deliver(); err != nil {
		return fresh, err
	}
	w.seen.put(here)
	if i.updated >= w.reader.part.Floor {
		w.recent.put(version)
	}
	return fresh, nil
}

// settled returns the time from which on an issue of this page may be edited again under the same
// "updated". The Date of the reply may come from a proxy before Jira, whose clock differs from that
// of serverInfo. So the result is at most Jira's own time in serverInfo plus the time that has
// passed since, by this machine's clock, when the page was requested. That is too early rather than
// too late, which costs a checksum.
func (w *walk) settled(replied time.Time) int64 {
	if at := w.reader.at; !at.Now.IsZero() {
		if sure := at.Now.Add(w.asked.Sub(at.Asked)); sure.Before(replied) {
			replied = sure
		}
	}
	return replied.Add(-settling).UnixMilli()
}

// checksum is the checksum of an issue's content without such hashes. It is never 0, which means
// none.
func checksum(raw []byte) uint32 {
	return crc32.ChecksumIEEE(record.Lasting(raw)) | 1
}

// newWalk begins a walk, or continues one.
func newWalk(r *walkReader, from cursor) *walk {
	// Known versions stay known, even if a shifting page hides them from this walk.
	w := &walk{reader: r, anchor: from.Anchor, left: from.Left, seen: setOf(from.Seen),
		recent: setOf(r.part.Known, from.Recent)}
	w.ahead.ask = func(ctx context.Context, q search) (*http.Response, error) { return r.client.ask(ctx, r.at, q) }
	if r.part.updates() {
		w.field, w.movable, w.known = "updated", r.part.Floor, setOf(r.part.Known)
		w.anchor = max(w.anchor, slices.MinFunc(r.part.Since,
			func(a, b since) int { return cmp.Compare(a.Floor, b.Floor) }).Floor)
	} else {
		w.field, w.movable, w.to = "created", 1<<63-1, r.part.To
		w.anchor = max(w.anchor, r.part.From)
	}
	w.base = w.anchor
	if from.Stretch != nil {
		w.stretch = *from.Stretch
		w.stretch.from = w.anchor
	}
	w.bound()
	return w
}

// bound makes the condition of the projects that are read.
func (w *walk) bound() {
	kept := func(projects []string) []string {
		return slices.DeleteFunc(slices.Clone(projects), func(p string) bool { return slices.Contains(w.left, p) })
	}
	part := w.reader.part
	if !part.updates() {
		w.where = and(inProjects(kept(part.Projects)), w.reader.source.filter())
		return
	}
	var groups []string
	for _, s := range part.Since {
		if projects := kept(s.Projects); len(projects) > 0 {
			groups = append(groups, "("+and(inProjects(projects), between("updated", s.Floor, 0))+")")
		}
	}
	w.where = and(anyOf(groups), w.reader.source.filter())
}

// leave finds the projects that a search does not know any more: they were deleted, renamed or
// archived since the run was planned. They are left out, and the next run reads what exists of them
// then. left: err is about such projects, and the walk continues without them if there are others.
func (w *walk) leave(ctx context.Context, err error) (more, left bool) {
	if !unknownProject(err) || w.reader.ids || !w.reader.signedIn(ctx) {
		return false, false
	}
	found := 0
	for _, project := range w.reader.part.Projects {
		if slices.Contains(w.left, project) {
			continue
		}
		_, _, _, err := w.reader.client.first(ctx, w.reader.at, inProjects([]string{project})+" ORDER BY created ASC")
		if !unknownProject(err) {
			more = true
			continue
		}
		found++
		w.left = append(w.left, project)
		sdk.Log(ctx).Warn("a project went away while it was read: what there is of it is for the next run", "project",
			project, "error", err)
	}
	if found == 0 {
		return false, false
	}
	w.ahead.drop()
	w.proof, w.stretch = proof{}, stretch{}
	w.rewind()
	if more {
		w.bound()
	}
	return more, true
}
