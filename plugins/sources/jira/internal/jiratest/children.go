// The children of an issue that are not comments, worklogs or histories:
// attachments, remote links, votes, watchers and properties.

package jiratest

import (
	"encoding/json"
	"fmt"
	"time"
)

type attachment struct {
	id       int64
	name     string
	author   json.RawMessage
	created  time.Time
	size     int
	mime     string
	content  []byte // nil: made from the id, see bytesOf
	original json.RawMessage
}

type remoteLink struct {
	id                            int64
	global, url, title, relations string
	resolved                      bool
}

type property struct {
	key   string
	value json.RawMessage
}

// attachments renders the list inside an issue.
func (c *call) attachments(r *record) {
	c.out.WriteByte('[')
	for i := range r.attachments {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.attachment(&r.attachments[i], embeddedAttachment)
	}
	c.out.WriteByte(']')
}

// The two forms of an attachment. Inside an issue its id is a string; alone, Data Center leaves the
// id out and Cloud writes a number.
const (
	embeddedAttachment = iota
	singleAttachment
)

func (c *call) attachment(a *attachment, way int) {
	if a.original != nil && way == embeddedAttachment {
		c.out.Write(a.original)
		return
	}
	fmt.Fprintf(c.out, `{"self":"%s/attachment/%d"`, apiRoot, a.id)
	switch {
	case way == embeddedAttachment:
		fmt.Fprintf(c.out, `,"id":"%d"`, a.id)
	case c.cloud():
		fmt.Fprintf(c.out, `,"id":%d`, a.id)
	}
	c.out.WriteString(`,"filename":`)
	c.out.Write(appendQuoted(c.out.AvailableBuffer(), a.name))
	c.out.WriteString(`,"author":`)
	c.rawOrNull(a.author)
	fmt.Fprintf(c.out, `,"created":"%s","size":%d,"mimeType":"%s","content":%s}`, c.stamp(a.created), a.size, a.mime,
		quote(c.contentURL(a)))
}

// votes renders the field, or with the voters the reply of its own route.
func (c *call) votes(r *record, list bool) {
	fmt.Fprintf(c.out, `{"self":"%s/issue/%s/votes","votes":%d,"hasVoted":%t`, apiRoot, r.key(), len(r.voters),
		c.among(r.voters))
	if list {
		c.out.WriteString(`,"voters":`)
		c.users(c.namedUsers(r.voters))
	}
	c.out.WriteByte('}')
}

// watchers renders the field, or with the watchers the reply of its own route.
func (c *call) watchers(r *record, list bool) {
	fmt.Fprintf(c.out, `{"self":"%s/issue/%s/watchers","watchCount":%d,"isWatching":%t`, apiRoot, r.key(),
		len(r.watchers), c.among(r.watchers))
	if list {
		c.out.WriteString(`,"watchers":`)
		c.users(c.namedUsers(r.watchers))
	}
	c.out.WriteByte('}')
}

// among reports whether the caller is one of the users.
func (c *call) among(list []*user) bool {
	u, ok := findUser(list, c.who.name)
	return ok && c.who.name != "" && !u.gone
}

// namedUsers returns the voters or watchers that the caller may see. Everybody sees their number;
// their names need a permission.
func (c *call) namedUsers(list []*user) []*user {
	if c.server.options.Quirks.SecretVoters {
		return nil
	}
	return list
}

func (c *call) users(list []*user) {
	c.out.WriteByte('[')
	for i, u := range list {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.out.Write(u.raw)
	}
	c.out.WriteByte(']')
}

func (c *call) remoteLink(r *record, l *remoteLink) {
	fmt.Fprintf(c.out, `{"id":%d,"self":"%s/issue/%s/remotelink/%d"`, l.id, apiRoot, r.key(), l.id)
	if l.global != "" {
		fmt.Fprintf(c.out, `,"globalId":%s`, quote(l.global))
	}
	c.out.WriteString(`,"application":{}`)
	if l.relations != "" {
		fmt.Fprintf(c.out, `,"relationship":%s`, quote(l.relations))
	}
	fmt.Fprintf(c.out, `,"object":{"url":%s,"title":%s,"icon":{},"status":{"resolved":%t,"icon":{}}}}`, quote(l.url),
		quote(l.title), l.resolved)
}

// propertiesOf renders the requested properties of an issue as an object.
func (c *call) propertiesOf(r *record, wanted []string) {
	c.out.WriteByte('{')
	first := true
	for _, name := range wanted {
		p := r.property(name)
		if p == nil {
			continue
		}
		if !first {
			c.out.WriteByte(',')
		}
		first = false
		c.out.WriteString(quote(name) + ":")
		c.out.Write(p.value)
	}
	c.out.WriteByte('}')
}

func (r *record) property(key string) *property {
	for i := range r.properties {
		if r.properties[i].key == key {
			return &r.properties[i]
		}
	}
	return nil
}
