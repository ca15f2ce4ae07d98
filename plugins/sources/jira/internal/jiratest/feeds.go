// The feeds of worklogs: which were updated or deleted, and their details by id.

package jiratest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// feedPage is the length of a page of the feeds.
const feedPage = 1000

// event is one entry of a feed.
type event struct {
	id int64
	at time.Time
}

// worklogsUpdated lists the existing worklogs, by the time of their last change. A deleted one is
// only in the other feed.
func (c *call) worklogsUpdated() error {
	var events []event
	for _, r := range c.server.store.all {
		for _, w := range r.worklogs {
			events = append(events, event{w.id, w.touched()})
		}
	}
	return c.feed("updated", events)
}

func (c *call) worklogsDeleted() error { return c.feed("deleted", c.server.store.lostWorklogs) }

func (c *call) feed(name string, events []event) error {
	since, err := strconv.ParseInt(cmp.Or(c.r.URL.Query().Get("since"), "0"), 10, 64)
	if err != nil {
		return messages(http.StatusNotFound, "HTTP 404 Not Found")
	}
	page, more := c.feedPage(events, since)
	until := since
	if len(page) > 0 {
		until = page[len(page)-1].at.UnixMilli()
	}
	self := apiRoot + "/worklog/" + name + "?since="
	c.out.WriteString(`{"values":[`)
	for i, e := range page {
		if i > 0 {
			c.out.WriteByte(',')
		}
		fmt.Fprintf(c.out, `{"worklogId":%d,"updatedTime":%d`, e.id, e.at.UnixMilli())
		if c.cloud() {
			c.out.WriteString(`,"properties":[]`)
		}
		c.out.WriteByte('}')
	}
	fmt.Fprintf(c.out, `],"since":%d,"until":%d,"self":"%s%d","lastPage":%t`, since, until, self, since, !more)
	if more {
		fmt.Fprintf(c.out, `,"nextPage":"%s%d"`, self, until)
	}
	c.out.WriteByte('}')
	return nil
}

// feedPage returns a page of the events from since on, oldest first, none of them younger than a
// minute. Events of one millisecond stay on one page, because the next page begins at the time at
// which this one ends.
func (c *call) feedPage(events []event, since int64) (page []event, more bool) {
	young := c.server.options.Now().Add(-time.Minute)
	for _, e := range events {
		at := e.at.UnixMilli()
		if (at > since || at == since && !c.server.options.Quirks.StrictSince) && e.at.Before(young) {
			page = append(page, e)
		}
	}
	slices.SortFunc(page, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	longest := feedPage
	if n := c.server.options.FeedPage; n > 0 {
		longest = n
	}
	for longest < len(page) && page[longest].at.UnixMilli() == page[longest-1].at.UnixMilli() {
		longest++
	}
	if len(page) <= longest {
		return page, false
	}
	return page[:longest], true
}

func (w *worklog) touched() time.Time {
	if w.updated.IsZero() {
		return w.created
	}
	return w.updated
}

// ids reads the list of numbers in the body of a request by ids.
func (c *call) ids(most int) (map[int64]bool, error) {
	var body struct {
		IDs []int64 `json:"ids"`
	}
	if err := decodeBody(c.body, &body); err != nil {
		return nil, err
	}
	if len(body.IDs) == 0 || len(body.IDs) > most {
		return nil, messages(http.StatusBadRequest,
			fmt.Sprintf("Between 1 and %d ids are allowed, not %d.", most, len(body.IDs)))
	}
	wanted := make(map[int64]bool, len(body.IDs))
	for _, id := range body.IDs {
		wanted[id] = true
	}
	return wanted, nil
}

// worklogList answers with the details of worklogs by id; invisible ones are left out.
func (c *call) worklogList() error {
	wanted, err := c.ids(feedPage)
	if err != nil {
		return err
	}
	c.out.WriteByte('[')
	first := true
	for _, r := range c.server.store.all {
		for i := range r.worklogs {
			if !wanted[r.worklogs[i].id] || !c.sees(r) {
				continue
			}
			if !first {
				c.out.WriteByte(',')
			}
			first = false
			c.worklog(r, &r.worklogs[i])
		}
	}
	c.out.WriteByte(']')
	return nil
}

// commentList answers with comments by id; invisible ones are left out.
func (c *call) commentList() error {
	wanted, err := c.ids(1000)
	if err != nil {
		return err
	}
	var list []func()
	for _, r := range c.server.store.all {
		for i := range r.comments {
			if m := &r.comments[i]; wanted[m.id] && c.sees(r) {
				list = append(list, func() { c.comment(r, m) })
			}
		}
	}
	fmt.Fprintf(c.out, `{"maxResults":%d,"startAt":0,"total":%d,"isLast":true,"values":[`, unpaged, len(list))
	for i, write := range list {
		if i > 0 {
			c.out.WriteByte(',')
		}
		write()
	}
	c.out.WriteString("]}")
	return nil
}
