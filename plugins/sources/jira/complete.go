// Completion: lists that a search reply cut are fetched whole and put in their place in the raw JSON.

package jira

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/scrapekit/scrapekit/sdk"
)

// complete makes the lists of an issue whole where Jira offers a way. An issue that vanished meanwhile stays as it came.
func (r *reader) complete(ctx context.Context, i *issue) (completeness, error) {
	whole := completeness{comments: i.comments.complete(), changelog: i.histories.complete()}
	if !whole.comments {
		if err := r.completeComments(ctx, i, &whole); err != nil {
			return whole, fmt.Errorf("%s: comments: %w", i.key, err)
		}
	}
	if !whole.changelog && r.at.flavour == cloud { // Data Center has no other place for it
		if err := r.completeChangelog(ctx, i, &whole); err != nil {
			return whole, fmt.Errorf("%s: changelog: %w", i.key, err)
		}
	}
	return whole, nil
}

func (r *reader) completeComments(ctx context.Context, i *issue, whole *completeness) error {
	sdk.Count(ctx, "issues/comments completed", 1)
	elements, complete, err := r.wholeList(ctx, i.id, "comment", "comments")
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	slices.SortStableFunc(elements, func(a, b element) int { return cmp.Compare(a.created, b.created) })
	whole.comments = complete
	if len(elements) == 0 && !i.comments.array.found() {
		return nil // nothing to put in
	}
	return i.replace("comment", "comments", i.comments, elements)
}

func (r *reader) completeChangelog(ctx context.Context, i *issue, whole *completeness) error {
	if !i.histories.array.found() {
		return nil
	}
	sdk.Count(ctx, "issues/changelogs completed", 1)
	elements, complete, err := r.wholeList(ctx, i.id, "changelog", "values")
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	// The embedded list of Cloud is newest first; a consumer is to see one order.
	slices.SortStableFunc(elements, func(a, b element) int { return cmp.Compare(b.created, a.created) })
	whole.changelog = complete
	return i.replace("changelog", "histories", i.histories, elements)
}

func gone(err error) bool {
	status := statusOf(err)
	return status == http.StatusNotFound || status == http.StatusForbidden
}

// element is one entry of a list.
type element struct {
	id      string
	created int64
	raw     []byte
}

// wholeList reads a list of an issue, by pages. An entry that is deleted meanwhile shifts the pages behind it, so the
// list is read again until all that it says to have is there, a few times at most.
func (r *reader) wholeList(ctx context.Context, issueID, path, name string) (all []element, complete bool, err error) {
	have := map[string]bool{}
	for range 3 {
		total := 0
		for start := 0; ; {
			page, count, err := r.listPage(ctx, issueID, path, name, start)
			if err != nil {
				return nil, false, err
			}
			for _, e := range page {
				if !have[e.id] {
					have[e.id] = true
					all = append(all, e)
				}
			}
			total = count
			start += len(page)
			if len(page) == 0 || start >= total {
				break
			}
		}
		if len(all) >= total {
			return all, true, nil
		}
	}
	return all, false, nil
}

func (r *reader) listPage(ctx context.Context, issueID, path, name string, start int) (page []element, total int, err error) {
	sdk.Count(ctx, "requests/"+path, 1)
	query := url.Values{"startAt": {strconv.Itoa(start)}, "maxResults": {"100"}}
	if path == "comment" {
		query.Set("orderBy", "created")
	}
	resp, err := r.client.get(ctx, r.at.api()+"/issue/"+url.PathEscape(issueID)+"/"+path, query)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	d := newDecoder(resp.Body)
	err = object(d, func(field string) error {
		switch field {
		case name:
			return array(d, func() error {
				raw, err := d.ReadValue()
				if err != nil {
					return err
				}
				c, err := parseComment(raw)
				page = append(page, element{id: c.id, created: c.created, raw: bytes.Clone(raw)})
				return err
			})
		case "total":
			return number(d, &total)
		}
		return d.SkipValue()
	})
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", where(resp), err)
	}
	return page, total, nil
}

// replace puts elements in the place of an embedded list and finds its way through the result anew. All other
// bytes stay.
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
	if !place.found() { // not even the field is there: it becomes the first one
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
	*i = again
	return nil
}
