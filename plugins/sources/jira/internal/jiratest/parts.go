// The rendered parts of an issue: comments, worklogs and histories.

package jiratest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// asLoaded reports whether the comment field can be served with its original bytes.
func (c *call) asLoaded() bool {
	return c.commentCap() == 0 && !c.documents()
}

// commentCap is the largest number of embedded comments, 0 for all.
func (c *call) commentCap() int {
	if limit := c.server.options.EmbeddedComments; limit > 0 {
		return limit
	}
	if c.cloud() {
		return cloudPage
	}
	return 0
}

// embeddedComments renders the list inside an issue: the newest ones if it is truncated, with the
// true total.
func (c *call) embeddedComments(r *record) {
	shown := r.comments
	if limit := c.commentCap(); limit > 0 && len(shown) > limit {
		shown = shown[len(shown)-limit:]
	}
	total := len(r.comments)
	if c.server.options.Quirks.EmbeddedTotal {
		total = len(shown)
	}
	c.out.WriteString(`{"comments":[`)
	c.comments(r, shown)
	fmt.Fprintf(c.out, `],"maxResults":%d,"total":%d,"startAt":0}`, len(shown), total)
}

func (c *call) comments(r *record, list []comment) {
	for i := range list {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.comment(r, &list[i])
	}
}

func (c *call) comment(r *record, m *comment) {
	if m.original != nil && !c.documents() && !c.html && !c.bodies {
		c.out.Write(m.original)
		return
	}
	c.out.WriteByte('{')
	if !c.idless {
		fmt.Fprintf(c.out, `"self":"%s/issue/%d/comment/%d","id":"%d",`, apiRoot, r.id, m.id, m.id)
	}
	c.out.WriteString(`"author":`)
	c.rawOrNull(m.author)
	c.out.WriteString(`,"body":`)
	c.markup(m.body)
	if c.bodies {
		c.out.WriteString(`,"renderedBody":`)
		c.out.Write(appendQuoted(c.out.AvailableBuffer(), rendered(m.body)))
	}
	c.out.WriteString(`,"updateAuthor":`)
	c.rawOrNull(m.updater)
	fmt.Fprintf(c.out, `,"created":"%s","updated":"%s"`, c.stamp(m.created), c.stamp(m.updated))
	if c.cloud() {
		c.out.WriteString(`,"jsdPublic":true`)
	}
	c.out.WriteByte('}')
}

func (c *call) embeddedWorklogs(r *record) {
	shown := r.worklogs[:min(len(r.worklogs), embeddedWorklogs)]
	fmt.Fprintf(c.out, `{"startAt":0,"maxResults":%d,"total":%d,"worklogs":[`, embeddedWorklogs, len(r.worklogs))
	c.worklogs(r, shown)
	c.out.WriteString(`]}`)
}

func (c *call) worklogs(r *record, list []worklog) {
	for i := range list {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.worklog(r, &list[i])
	}
}

func (c *call) worklog(r *record, w *worklog) {
	if w.original != nil && !c.documents() {
		c.out.Write(w.original)
		return
	}
	fmt.Fprintf(c.out, `{"self":"%s/issue/%d/worklog/%d","author":`, apiRoot, r.id, w.id)
	c.rawOrNull(w.author)
	c.out.WriteString(`,"updateAuthor":`)
	c.rawOrNull(w.updater)
	c.out.WriteString(`,"comment":`)
	c.markup(w.comment)
	created := c.stamp(w.created)
	fmt.Fprintf(c.out, `,"created":"%s","updated":"%s","started":"%s","timeSpent":"%s","timeSpentSeconds":%d,"id":"%d","issueId":"%d"}`,
		created, c.stamp(w.touched()), c.stamp(w.started), spent(w.seconds), w.seconds, w.id, r.id)
}

// spent writes a duration as Jira does: "1h 30m".
func spent(seconds int) string {
	hours, minutes := seconds/3600, seconds/60%60
	switch {
	case hours == 0:
		return fmt.Sprintf("%dm", minutes)
	case minutes == 0:
		return fmt.Sprintf("%dh", hours)
	}
	return fmt.Sprintf("%dh %dm", hours, minutes)
}

// changelog renders expand=changelog: complete and oldest first on Data Center, newest first and
// truncated at 100 on Cloud.
func (c *call) changelog(r *record) {
	shown := r.histories
	if c.cloud() {
		shown = slices.Clone(shown)
		slices.Reverse(shown)
		shown = shown[:min(len(shown), cmp.Or(c.embedded, cloudPage))]
	}
	fmt.Fprintf(c.out, `,"changelog":{"startAt":0,"maxResults":%d,"total":%d,"histories":[`, len(shown),
		len(r.histories))
	c.histories(shown)
	c.out.WriteString(`]}`)
}

func (c *call) histories(list []history) {
	for i := range list {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.history(&list[i])
	}
}

func (c *call) history(h *history) {
	if h.original != nil {
		c.out.Write(h.original)
		return
	}
	fmt.Fprintf(c.out, `{"id":"%d"`, h.id)
	if h.author != nil { // automatic changes have no author
		c.out.WriteString(`,"author":`)
		c.out.Write(h.author)
	}
	fmt.Fprintf(c.out, `,"created":"%s","items":[`, c.stamp(h.created))
	for i, item := range h.items {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.out.WriteString(item.render(c.cloud()))
	}
	c.out.WriteString(`]}`)
}

func (i change) render(cloud bool) string {
	id := ""
	if cloud {
		id = `,"fieldId":` + quote(i.id)
	}
	return fmt.Sprintf(`{"field":%s,"fieldtype":"%s"%s,"from":%s,"fromString":%s,"to":%s,"toString":%s}`,
		quote(i.field), i.kind, id, orNull(i.from), orNull(i.fromText), orNull(i.to), orNull(i.toText))
}

func orNull(s string) json.RawMessage {
	if s == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(quote(s))
}
