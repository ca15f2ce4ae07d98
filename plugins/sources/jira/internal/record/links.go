// Links between issues: those that people made, and those to parents and sub-tasks.

package record

import "github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"

// link is one link as seen from one of its issues.
type link struct {
	id        string
	kind      string // "link", "subtask" or "parent"
	typ       string // name of its type
	relation  string // in words: "blocks"
	direction string // "outward" or "inward"
	other     rest.Members
	raw       []byte
}

// linksOf returns the links of an issue's fields.
func linksOf(fields rest.Members) []link {
	var all []link
	for _, raw := range rest.Elements(fields.Raw("issuelinks")) {
		m := rest.Open(raw)
		typ := m.In("type")
		l := link{id: m.Text("id"), kind: "link", typ: typ.Text("name"), raw: raw}
		l.direction, l.relation, l.other = "outward", typ.Text("outward"), m.In("outwardIssue")
		if l.other == nil {
			l.direction, l.relation, l.other = "inward", typ.Text("inward"), m.In("inwardIssue")
		}
		if l.other != nil && l.id != "" {
			all = append(all, l)
		}
	}
	for _, raw := range rest.Elements(fields.Raw("subtasks")) {
		other := rest.Open(raw)
		all = append(all, link{"subtask:" + other.Text("id"), "subtask", "", "is parent of", "outward", other, raw})
	}
	if raw := fields.Raw("parent"); raw != nil {
		other := rest.Open(raw)
		all = append(all, link{"parent:" + other.Text("id"), "parent", "", "is child of", "inward", other, raw})
	}
	return all
}

// Links makes the records of the links of an issue. A link stands in both of its issues and has a
// record of each: with the issue in the key, each comes once.
func (m *Maker) Links(h Head, fields []byte, each func(record []byte) error) error {
	for _, k := range linksOf(rest.Open(fields)) {
		l := m.child(h, k.id)
		k.write(l)
		if err := each(m.end(h, k.raw)); err != nil {
			return err
		}
	}
	return nil
}

func (k link) write(l *line) {
	l.text("kind", k.kind)
	l.maybe("type", k.typ)
	l.text("direction", k.direction)
	l.text("relation", k.relation)
	l.maybe("other_id", k.other.Text("id"))
	l.maybe("other_key", k.other.Text("key"))
}
