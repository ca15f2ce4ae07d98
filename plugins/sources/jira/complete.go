// Completion: fetches lists that a search reply truncated, and inserts them into the raw JSON.

package jira

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// completers is the number of issues of a chunk that are completed in parallel.
const completers = 4

// completeChunk requests what the search did not return.
func (r *walkReader) completeChunk(ctx context.Context, c *chunk) error {
	bulk, err := r.bulkChangelogs(ctx, c)
	if err != nil {
		return err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(completers)
	for _, it := range c.items {
		if it.issue.id == "" {
			continue
		}
		group.Go(func() error {
			if err := r.complete(gctx, it, bulk[it.issue.id]); err != nil {
				return fmt.Errorf("%s: %w", it.issue.key, err)
			}
			if err := r.lists(gctx, it); err != nil {
				return err
			}
			return r.keepFiles(gctx, it)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, it := range c.items {
		if it.failed != nil {
			return it.failed
		}
	}
	return r.findVanished(ctx, c)
}

// findVanished finds issues whose requests were refused because they became invisible, rather than
// because of the request.
func (r *walkReader) findVanished(ctx context.Context, c *chunk) error {
	refused := map[uint64]*item{}
	for _, it := range c.items {
		if id, ok := parseID(it.issue.id); ok && it.refused && !it.vanished {
			refused[id] = it
		}
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(refused)), bulk) {
		_, err := r.client.byID(ctx, r.at, lookup{ids: ids, fields: []string{"created"}},
			func(i *issue, _ []byte, _ error) error {
				if id, ok := parseID(i.id); ok {
					delete(refused, id)
				}
				return nil
			})
		if err != nil {
			return err
		}
	}
	for _, it := range refused {
		it.vanished = true
	}
	return nil
}

// complete completes the lists of an issue where Jira allows it. An issue that vanished meanwhile
// stays unchanged. bulk are its histories, if they were fetched in bulk.
func (r *walkReader) complete(ctx context.Context, it *item, bulk []element) error {
	i := &it.issue
	it.whole = completeness{comments: i.comments.complete(), changelog: i.histories.complete(),
		worklogs: i.worklogs.complete()}
	if r.asks("comment") && (!it.whole.comments || i.comments.suspect()) {
		if err := r.completeComments(ctx, it, &it.whole); err != nil {
			return fmt.Errorf("comments: %w", err)
		}
	}
	if r.wants(worklogsStream) && (!it.whole.worklogs || i.worklogs.suspect()) {
		if err := r.completeWorklogs(ctx, it); err != nil {
			return fmt.Errorf("worklogs: %w", err)
		}
	}
	if r.cutHistory(it) {
		if err := r.completeChangelog(ctx, it, bulk); err != nil {
			return fmt.Errorf("changelog: %w", err)
		}
	}
	return nil
}

// asks reports whether a search requests a field.
func (r *walkReader) asks(field string) bool {
	return slices.Contains(r.needs.fields, field) || slices.Contains(r.needs.fields, "*all") &&
		!slices.Contains(r.needs.fields, "-"+field)
}

// cutHistory reports whether an issue's changelog was truncated and can be fetched, which Data
// Center does not support.
func (r *walkReader) cutHistory(it *item) bool {
	return r.at.Flavour == rest.Cloud && r.needs.history && it.issue.histories.array.found() &&
		!it.issue.histories.complete()
}

func (r *walkReader) completeComments(ctx context.Context, it *item, whole *completeness) error {
	i := &it.issue
	sdk.Count(ctx, "issues/comments completed", 1)
	elements, short, err := r.wholeList(ctx, i.id, "comment", "comments")
	if r.gone(err) {
		it.vanished = true
		return nil
	}
	if err == nil {
		err = r.short(ctx, it, commentsStream, short)
	}
	if err != nil {
		return r.lack(ctx, it, commentsStream, err)
	}
	sound := it.sound(commentsStream, elements)
	if len(sound) < i.comments.count {
		return nil // keep the longer list
	}
	whole.comments = short == 0 && len(sound) == len(elements)
	if len(sound) == i.comments.count {
		return nil // nothing was missing
	}
	slices.SortStableFunc(sound, func(a, b element) int { return cmp.Compare(a.created, b.created) })
	return i.replace("comment", "comments", i.comments, sound)
}

// sound rejects elements that cannot be decoded, and returns the others.
func (it *item) sound(stream string, elements []element) []element {
	var kept []element
	for _, e := range elements {
		if e.bad != nil {
			it.reject(stream, shortened(e.raw), e.bad)
			continue
		}
		kept = append(kept, e)
	}
	return kept
}

func (r *walkReader) completeWorklogs(ctx context.Context, it *item) error {
	i := &it.issue
	sdk.Count(ctx, "issues/worklogs completed", 1)
	elements, short, err := r.wholeList(ctx, i.id, "worklog", "worklogs")
	if refusal(err) {
		it.refused = true
		r.refusedFor(ctx, worklogsStream, err)
		return nil
	}
	if err == nil {
		err = r.short(ctx, it, worklogsStream, short)
	}
	if err != nil {
		return r.lack(ctx, it, worklogsStream, err)
	}
	sound := it.sound(worklogsStream, elements)
	if len(sound) < i.worklogs.count {
		return nil
	}
	it.whole.worklogs = short == 0 && len(sound) == len(elements)
	if len(sound) == i.worklogs.count {
		return nil
	}
	return i.replace("worklog", "worklogs", i.worklogs, sound)
}

func (r *walkReader) completeChangelog(ctx context.Context, it *item, elements []element) error {
	i := &it.issue
	sdk.Count(ctx, "issues/changelogs completed", 1)
	short := max(0, i.histories.total-len(elements))
	if short > 0 || len(elements) == 0 {
		var err error
		elements, short, err = r.wholeList(ctx, i.id, "changelog", "values")
		if r.gone(err) {
			it.vanished = true
			return nil
		}
		if err == nil {
			err = r.short(ctx, it, changelogStream, short)
		}
		if err != nil {
			return r.lack(ctx, it, changelogStream, err)
		}
	}
	if len(elements) < i.histories.count ||
		slices.ContainsFunc(elements, func(e element) bool { return e.bad != nil }) {
		return nil // the embedded list stays and is marked as incomplete
	}
	// Cloud's embedded list is newest first; consumers must see one order.
	slices.SortStableFunc(elements, func(a, b element) int { return cmp.Compare(b.created, a.created) })
	it.whole.changelog = short == 0
	return i.replace("changelog", "histories", i.histories, elements)
}

// element is one entry of a list.
type element struct {
	id      string
	created int64
	raw     []byte
	bad     error // why raw is not JSON
}

// listing is one page of a list.
type listing struct {
	elements []element
	total    int // -1: not stated
	most     int // page size
}

// ends reports whether the page, after start others, is the last. As in a search, more may follow a
// full page with any total.
func (l listing) ends(start int) bool {
	return len(l.elements) == 0 || l.total >= 0 && start+len(l.elements) >= l.total && len(l.elements) < l.most
}

// wholeList reads all pages of a list. Deleting an entry shifts the pages after it, so the list is
// read again, a few times at most, until it has as many entries as it states. short is the number
// that is missing then.
func (r *walkReader) wholeList(ctx context.Context, issueID, path, name string) (all []element, short int, err error) {
	have := map[string]bool{}
	for range 3 {
		var page listing
		var before []byte // first entry of the overlap with the page before
		for start := 0; ; start += len(page.elements) {
			page, err = r.listPage(ctx, issueID, path, name, start)
			if err != nil {
				return nil, 0, err
			}
			for n, e := range page.elements {
				// an entry without an id is identified by its place
				known := cmp.Or(e.id, fmt.Sprintf("at %d", start+n))
				if !have[known] {
					have[known] = true
					all = append(all, e)
				}
			}
			if page.ends(start) || bytes.Equal(page.elements[0].raw, before) { // or startAt is ignored
				break
			}
			before = page.elements[0].raw
		}
		if short = max(0, page.total-len(all)); short == 0 {
			break
		}
	}
	return all, short, nil
}

// short is the error of a list that is shorter than stated: the embedded list stays, and the next
// run tries again. If it is still short then, it is accepted with a warning and a count: Jira does
// not document that totals exclude what this account cannot see, and hidden entries must not keep
// every run from being complete. The list is marked as incomplete.
func (r *walkReader) short(ctx context.Context, it *item, stream string, short int) error {
	if short == 0 {
		return nil
	}
	if len(r.part.Lacking) == 0 {
		return rest.Short("GET " + r.at.API() + "/issue/" + it.issue.id)
	}
	sdk.Count(ctx, stream+"/counted and not shown", int64(short))
	sdk.Log(ctx).Warn("a list of an issue is still shorter than it says to be: "+
		"this account may not see the rest, or the server has lost it",
		"issue", it.issue.key, "stream", stream, "short", short)
	return nil
}

// Elements requested at once. Data Center's worklogs have no pages.
const (
	pageOfList     = 100
	pageOfWorklogs = 5000
)

func (r *walkReader) listPage(ctx context.Context, issueID, path, name string, start int) (listing, error) {
	sdk.Count(ctx, "requests/"+path, 1)
	most := pageOfList
	if path == "worklog" {
		most = pageOfWorklogs
	}
	query := url.Values{"startAt": {strconv.Itoa(start)}, "maxResults": {strconv.Itoa(most)}}
	if path == "comment" {
		query.Set("orderBy", "created")
	}
	resp, err := r.client.Get(ctx, r.at.API()+"/issue/"+url.PathEscape(issueID)+"/"+path, query)
	if err != nil {
		return listing{}, err
	}
	defer resp.Body.Close()
	page, err := readListing(resp, name)
	if path == "worklog" && r.at.Flavour == rest.DataCenter {
		page.most = len(page.elements) + 1 // there are no pages, whatever it states
	}
	page.most = cmp.Or(page.most, most)
	return page, err
}

func readListing(resp *http.Response, name string) (listing, error) {
	page := listing{total: -1}
	add := func(raw []byte, bad error) error {
		c, err := parseEntry(raw)
		page.elements = append(page.elements,
			element{id: c.id, created: c.created, raw: bytes.Clone(raw), bad: cmp.Or(bad, err)})
		return nil
	}
	err := rest.ReadList(resp, name, add, func(d *jsontext.Decoder, field string) error {
		switch field {
		case "total":
			return rest.Number(d, &page.total)
		case "maxResults":
			return rest.Number(d, &page.most)
		}
		return d.SkipValue()
	})
	return page, err
}

// replace replaces an embedded list and parses the result again. All other bytes stay the same.
func (i *issue) replace(name, array string, old list, elements []element) error {
	entries := make([][]byte, len(elements))
	for n, e := range elements {
		entries[n] = e.raw
	}
	whole := append(append([]byte{'['}, bytes.Join(entries, []byte{','})...), ']')
	place := old.array
	if !place.found() {
		n := strconv.Itoa(len(elements))
		whole = fmt.Appendf(nil, `{%q:%s,"maxResults":%s,"total":%s,"startAt":0}`, array, whole, n, n)
		place = old.value
	}
	if !place.found() { // a missing field is inserted as the first one
		if !i.fields.found() || i.raw[i.fields.from] != '{' {
			return nil
		}
		place = span{i.fields.from + 1, i.fields.from + 1}
		whole = fmt.Appendf(nil, `%q:%s`, name, whole)
		if rest := bytes.TrimLeft(i.raw[place.to:], " \t\r\n"); len(rest) > 0 && rest[0] != '}' {
			whole = append(whole, ',')
		}
	}
	raw := slices.Concat(i.raw[:place.from], whole, i.raw[place.to:])
	again, err := parseIssue(raw)
	if err != nil {
		return err
	}
	again.fetched = i.fetched
	*i = again
	return nil
}
