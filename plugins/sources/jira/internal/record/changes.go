// The history of an issue as its record holds it, and the accounts that take part.

package record

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// OldestFirst puts histories into the one order that both flavours share.
func OldestFirst(histories [][]byte) [][]byte {
	times := make(map[*byte]int64, len(histories))
	for _, h := range histories {
		times[&h[0]] = rest.Open(h).Time("created")
	}
	slices.SortStableFunc(histories, func(a, b []byte) int { return cmp.Compare(times[&a[0]], times[&b[0]]) })
	return histories
}

// members are the fields that records call otherwise than a history does.
var members = map[string]string{
	"issuetype": "type", "component": "components", "fix version": "fix_versions", "version": "affected_versions",
}

// changes writes every item of the histories, under the name that its field has in the record.
func (l *line) changes(histories [][]byte) {
	l.name("changes")
	*l = append(*l, '[')
	first := true
	for _, raw := range histories {
		h := rest.Open(raw)
		for _, item := range rest.Elements(h.Raw("items")) {
			if !first {
				*l = append(*l, ',')
			}
			first = false
			l.object(func() { l.change(h, rest.Open(item)) })
		}
	}
	*l = append(*l, ']')
}

func (l *line) change(h, item rest.Members) {
	l.person("author", h.Raw("author"))
	l.time("created", h.Time("created"))
	field := strings.ToLower(item.Text("field"))
	custom := item.Text("fieldtype") == "custom" || strings.HasPrefix(item.Text("fieldId"), "customfield_")
	if name, known := members[field]; known && !custom {
		field = name
	}
	l.text("field", field)
	l.bool("custom", custom)
	l.maybe("from", item.Text("fromString"))
	l.maybe("to", item.Text("toString"))
}

// people writes the accounts of the record that have a login name: Data Center's.
func (l *line) people(i *Issue, fields rest.Members, histories [][]byte) {
	raws := [][]byte{fields.Raw("reporter"), fields.Raw("creator"), fields.Raw("assignee")}
	for _, c := range i.Comments {
		raws = append(raws, c.members.Raw("author"))
	}
	for _, h := range histories {
		raws = append(raws, rest.Open(h).Raw("author"))
	}
	known := map[string]bool{}
	l.name("people")
	*l = append(*l, '[')
	for _, raw := range raws {
		u := rest.Open(raw)
		id, login := UserID(u), u.Text("name")
		if login == "" || known[id] {
			continue
		}
		if len(known) > 0 {
			*l = append(*l, ',')
		}
		known[id] = true
		l.object(func() {
			l.text("id", id)
			l.text("login", login)
		})
	}
	*l = append(*l, ']')
}
