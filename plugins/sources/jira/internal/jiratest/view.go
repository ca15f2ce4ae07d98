// The view: an issue as one caller sees it, rendered to JSON.

package jiratest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/prose"
)

// embeddedWorklogs is the number at which both products truncate the worklogs inside an issue.
const embeddedWorklogs = 20

// cloudPage is the number of comments and histories that Cloud embeds, and the length of its pages.
const cloudPage = 100

const stampLayout = "2006-01-02T15:04:05.000-0700"

func (c *call) stamp(t time.Time) string {
	return t.In(c.server.options.TimeZone).Format(stampLayout)
}

func (c *call) cloud() bool { return c.server.options.Flavour == Cloud }

// documents reports whether bodies are Atlassian documents instead of wiki markup.
func (c *call) documents() bool { return c.version == "3" }

// issue renders one issue with the selected fields.
func (c *call) issue(r *record, s *selection, expand map[string]bool) {
	if c.cloud() && s.idOnly() && len(expand) == 0 && !c.wide {
		fmt.Fprintf(c.out, `{"id":"%d"}`, r.id)
		return
	}
	c.head(r)
	if !s.bare() {
		c.out.WriteString(`,"fields":{`)
		first := true
		for i := range r.fields {
			if !s.has(r.fields[i].name) || c.lacks(r, &r.fields[i]) {
				continue
			}
			if !first {
				c.out.WriteByte(',')
			}
			first = false
			c.out.Write(appendQuoted(c.out.AvailableBuffer(), r.fields[i].name))
			c.out.WriteByte(':')
			c.field(r, &r.fields[i])
		}
		c.out.WriteByte('}')
	}
	if len(s.properties) > 0 {
		c.out.WriteString(`,"properties":`)
		c.propertiesOf(r, s.properties)
	}
	if expand["renderedFields"] {
		c.renderedFields(r, s)
	}
	if c.whole {
		c.describe(s, expand)
	}
	if expand["changelog"] {
		c.changelog(r)
	}
	c.out.WriteByte('}')
}

// lacks reports whether the issue has no such field: it has no parent, or a quirk leaves the field
// out.
func (c *call) lacks(r *record, f *field) bool {
	switch f.name {
	case "parent":
		return f.raw == nil && r.parent == nil
	case "updated":
		return slices.Contains(c.server.options.Quirks.WithoutUpdated, r.key())
	}
	return false
}

// field renders the value of one field.
func (c *call) field(r *record, f *field) {
	switch {
	case c.verbatim(r, f.name):
	case f.raw == nil:
		c.live(r, f.name)
	case c.documents() && (f.name == "description" || f.name == "environment"):
		var wiki string
		if json.Unmarshal(f.raw, &wiki) != nil || wiki == "" {
			c.out.WriteString("null")
			return
		}
		c.document(wiki)
	case f.name == "comment" && !c.asLoaded():
		c.embeddedComments(r)
	case f.name == "worklog" && c.documents():
		c.embeddedWorklogs(r)
	default:
		c.out.Write(f.raw)
	}
}

// live renders the fields that depend on the parts of an issue.
func (c *call) live(r *record, name string) {
	switch name {
	case "created":
		c.out.WriteString(quote(c.stamp(r.created)))
	case "updated":
		c.out.WriteString(quote(c.stamp(r.updated)))
	case "project":
		c.out.Write(r.project.raw)
	case "comment":
		c.embeddedComments(r)
	case "worklog":
		c.embeddedWorklogs(r)
	case "issuelinks":
		c.issueLinks(r)
	case "subtasks":
		c.subtasks(r)
	case "parent":
		c.linked(r.parent)
	case "attachment":
		c.attachments(r)
	case "votes":
		c.votes(r, false)
	case "watches":
		c.watchers(r, false)
	case volatileField:
		c.volatile(r)
	case sprintField:
		c.sprints(r)
	case epicField:
		c.epicLink(r)
	default:
		c.out.WriteString("null")
	}
}

// linked renders another issue in the short form, with its current status.
func (c *call) linked(r *record) {
	if r == nil || !c.sees(r) {
		c.out.WriteString("null")
		return
	}
	fmt.Fprintf(c.out, `{"id":"%d","key":"%s","self":"%s/issue/%d","fields":{`, r.id, r.key(), apiRoot, r.id)
	for i, name := range []string{"summary", "status", "priority", "issuetype"} {
		if i > 0 {
			c.out.WriteByte(',')
		}
		fmt.Fprintf(c.out, `"%s":`, name)
		c.rawOrNull(r.raw(name))
	}
	c.out.WriteString(`}}`)
}

func (c *call) issueLinks(r *record) {
	c.out.WriteByte('[')
	first := true
	for _, l := range r.links {
		if !c.sees(l.other) {
			continue
		}
		if !first {
			c.out.WriteByte(',')
		}
		first = false
		c.issueLink(l)
	}
	c.out.WriteByte(']')
}

func (c *call) issueLink(l link) {
	side := "inwardIssue"
	if l.outward {
		side = "outwardIssue"
	}
	fmt.Fprintf(c.out, `{"id":"%d","self":"%s/issueLink/%d","type":%s,"%s":`, l.id, apiRoot, l.id, l.kind.render(),
		side)
	c.linked(l.other)
	c.out.WriteByte('}')
}

func (c *call) subtasks(r *record) {
	c.out.WriteByte('[')
	first := true
	for _, sub := range r.subtasks {
		if !c.sees(sub) {
			continue
		}
		if !first {
			c.out.WriteByte(',')
		}
		first = false
		c.linked(sub)
	}
	c.out.WriteByte(']')
}

func (l linkType) render() string {
	return fmt.Sprintf(`{"id":"%s","name":"%s","inward":"%s","outward":"%s","self":"%s/issueLinkType/%s"}`,
		l.id, l.name, l.inward, l.outward, apiRoot, l.id)
}

// volatileField is a custom field whose text differs on every fetch, as on a large public site: it
// contains object hashes of a plugin.
const volatileField = "customfield_12314020"

func (c *call) volatile(r *record) {
	if c.cut {
		c.hole = c.out.Len()
		return
	}
	hash := uint32(mix(c.server.fetches.Add(1), uint64(r.id)))
	c.out.WriteString(quote(fmt.Sprintf(
		"{summaryBean=com.example.devstatus.rest.SummaryBean@%x"+
			"[summary={pullrequest=com.example.devstatus.rest.SummaryItemBean@%x"+
			"[overall=PullRequestOverallBean{stateCount=0, state='OPEN'}]}]}", hash, hash*2654435761)))
}

func (c *call) rawOrNull(raw json.RawMessage) {
	if raw == nil {
		raw = json.RawMessage("null")
	}
	c.out.Write(raw)
}

// markup renders text: a string, or a document in v3.
func (c *call) markup(text string) {
	if c.html {
		c.out.Write(appendQuoted(c.out.AvailableBuffer(), rendered(text)))
		return
	}
	if c.documents() {
		c.document(text)
		return
	}
	c.out.Write(appendQuoted(c.out.AvailableBuffer(), text))
}

func (c *call) document(text string) {
	changes := c.server.store.mu.changes.Load()
	doc, ok := c.server.cache.document(changes, text)
	if !ok {
		doc = prose.Document(text, c.server.persons)
		c.server.cache.keepDocument(changes, text, doc)
	}
	c.out.Write(doc)
}
