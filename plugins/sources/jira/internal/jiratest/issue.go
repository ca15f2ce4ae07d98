// One issue and its lists: comments, changelog, worklogs.

package jiratest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// record finds the issue of the path, or the product's 404. Data Center tells
// an anonymous caller to log in.
func (c *call) record() (*record, error) {
	r := c.server.store.find(c.r.PathValue("issueIdOrKey"))
	switch {
	case r != nil && c.sees(r):
		return r, nil
	case r != nil && r.exists() && c.who.name != "" && !c.cloud():
		return nil, messages(http.StatusForbidden, "You do not have the permission to see the specified issue.")
	case r != nil && r.exists() && !c.cloud():
		return nil, messages(http.StatusUnauthorized, "You do not have the permission to see the specified issue.",
			"Login Required")
	case c.cloud():
		return nil, messages(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")
	}
	return nil, messages(http.StatusNotFound, "Issue Does Not Exist")
}

// sees reports whether the caller may read the issue. An archived one still answers, although no
// search finds it.
func (c *call) sees(r *record) bool {
	return c.who.sees && r.shown()
}

func (c *call) getIssue() error {
	r, err := c.record()
	if err != nil {
		return err
	}
	sel := selectFields(c.list("fields"), "*all")
	sel.properties = c.list("properties")
	c.whole = true
	c.issue(r, &sel, set(c.list("expand")))
	return nil
}

// span reads startAt and maxResults and limits them to a list's length.
func (c *call) span(length, fallback, longest int) (from, to, limit int, err error) {
	q := c.r.URL.Query()
	if from, err = number(q.Get("startAt"), 0); err != nil {
		return 0, 0, 0, err
	}
	if limit, err = number(q.Get("maxResults"), fallback); err != nil {
		return 0, 0, 0, err
	}
	if longest > 0 && (limit > longest || limit <= 0) {
		limit = longest
	}
	from = min(max(from, 0), length)
	return from, min(from+max(limit, 0), length), limit, nil
}

// unpaged is the maxResults that Data Center states if the caller sets none.
const unpaged = 1048576

func (c *call) issueComments() error {
	r, err := c.record()
	if err != nil {
		return err
	}
	list := slices.Clone(r.comments)
	if strings.HasPrefix(c.r.URL.Query().Get("orderBy"), "-") {
		slices.Reverse(list)
	}
	fallback, longest := unpaged, 0
	if n := c.server.options.CommentPage; n > 0 {
		fallback = n
	}
	if c.cloud() {
		fallback, longest = cloudPage, cloudPage
	}
	from, to, limit, err := c.span(len(list), fallback, longest)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, `{"startAt":%d,"maxResults":%d,"total":%d,"comments":[`, from, limit, len(list))
	c.bodies = set(c.list("expand"))["renderedBody"]
	c.idless = c.server.options.Quirks.CommentsWithoutID
	c.comments(r, list[from:to])
	c.out.WriteString("]}")
	return nil
}

func (c *call) oneComment() error {
	r, err := c.record()
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	for i := range r.comments {
		if decimal(r.comments[i].id) == id {
			c.comment(r, &r.comments[i])
			return nil
		}
	}
	return messages(http.StatusNotFound, "Can not find a comment for the id: "+id+".")
}

func (c *call) issueChangelog() error {
	r, err := c.record()
	if err != nil {
		return err
	}
	from, to, limit, err := c.span(len(r.histories), cloudPage, cloudPage)
	if err != nil {
		return err
	}
	self := fmt.Sprintf("%s/issue/%d/changelog", apiRoot, r.id)
	fmt.Fprintf(c.out, `{"self":"%s?maxResults=%d&startAt=%d"`, self, limit, from)
	if to < len(r.histories) {
		fmt.Fprintf(c.out, `,"nextPage":"%s?maxResults=%d&startAt=%d"`, self, limit, to)
	}
	fmt.Fprintf(c.out, `,"maxResults":%d,"startAt":%d,"total":%d,"isLast":%s,"values":[`,
		limit, from, len(r.histories), strconv.FormatBool(to == len(r.histories)))
	c.histories(r.histories[from:to])
	c.out.WriteString("]}")
	return nil
}

func (c *call) issueWorklogs() error {
	r, err := c.record()
	if err != nil {
		return err
	}
	from, to, limit := 0, len(r.worklogs), len(r.worklogs)
	if c.cloud() {
		if from, to, limit, err = c.span(len(r.worklogs), 5000, 5000); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.out, `{"startAt":%d,"maxResults":%d,"total":%d,"worklogs":[`, from, limit, len(r.worklogs))
	c.worklogs(r, r.worklogs[from:to])
	c.out.WriteString("]}")
	return nil
}
