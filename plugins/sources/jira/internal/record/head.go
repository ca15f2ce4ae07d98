// Heads: what all records of an issue begin with.

package record

import "github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"

// Head is an issue as its children name it.
type Head struct {
	ID, Key, Project string
	Site             rest.Site
}

// Maker makes records, one at a time: each is good until the next is made.
type Maker struct {
	Raw    bool // records hold "raw"
	Fields Fields
	line   line
}

// child begins the record of a part of an issue. issue_id is the first field, as it is of the key.
func (m *Maker) child(h Head, id string) *line {
	l := &m.line
	*l = append((*l)[:0], '{')
	l.text("issue_id", h.ID)
	l.text("id", id)
	l.text("issue_key", h.Key)
	l.text("project", h.Project)
	return l
}

// end closes a record with what Jira sent.
func (m *Maker) end(h Head, raw []byte) []byte {
	l := &m.line
	l.text("flavour", h.Site.Flavour)
	if m.Raw {
		l.raw("raw", raw)
	}
	*l = append(*l, '}')
	return *l
}
