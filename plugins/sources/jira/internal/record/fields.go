// Custom fields: under their names rather than their numbers.

package record

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// Field is what a Jira says of one of its fields.
type Field struct {
	Name   string // as records call it; no two fields of a Jira have the same
	Text   bool   // of several lines, with markup
	IsEpic bool   // Data Center: holds the key of the epic
}

// Fields are the custom fields of a Jira by their ids.
type Fields map[string]Field

// FieldsOf reads a list of fields. Where several fields share a name, each has its id in brackets
// behind it.
func FieldsOf(list []json.RawMessage) Fields {
	all := Fields{}
	times := map[string]int{}
	for _, e := range list {
		f := rest.Open(e)
		custom := f.In("schema").Text("custom")
		id := f.Text("id")
		if !strings.HasPrefix(id, "customfield_") {
			continue
		}
		name := f.Text("name")
		times[name]++
		all[id] = Field{Name: name, Text: strings.HasSuffix(custom, ":textarea"),
			IsEpic: strings.HasSuffix(custom, ":gh-epic-link")}
	}
	for id, f := range all {
		if f.Name == "" {
			f.Name = id
		} else if times[f.Name] > 1 {
			f.Name += " (" + id + ")"
		}
		all[id] = f
	}
	return all
}

// ObjectHash is what Java prints after the class of an object that has no text of its own. Some
// custom fields hold such objects, and then differ at every fetch.
var ObjectHash = regexp.MustCompile(`(\.[A-Z][A-Za-z0-9_$]*)@[0-9a-f]{1,8}`)

// Lasting returns raw without such hashes.
func Lasting(raw []byte) []byte {
	if bytes.IndexByte(raw, '@') < 0 {
		return raw
	}
	return ObjectHash.ReplaceAll(raw, []byte("$1"))
}

// customFields writes all custom fields that have a value, and those of several lines as Markdown
// too. An empty list is no value. It returns the key of the epic where a field holds it.
func (m *Maker) customFields(l *line, fields rest.Members) (epic string) {
	texts := map[string]string{}
	var order []string
	l.name("custom_fields")
	l.object(func() {
		fields.Each(func(id string, value []byte) {
			if !strings.HasPrefix(id, "customfield_") || string(value) == "[]" {
				return
			}
			f, known := m.Fields[id]
			if !known {
				f.Name = id
			}
			// A name may hold anything, so it is quoted as a value is.
			if (*l)[len(*l)-1] != '{' {
				*l = append(*l, ',')
			}
			*l = append(quoted(*l, f.Name), ':')
			*l = append(*l, Lasting(value)...)
			if f.IsEpic {
				epic = rest.TextOf(value)
			}
			if f.Text || isDocument(value) {
				texts[f.Name] = markdown(value)
				order = append(order, f.Name)
			}
		})
	})
	l.name("custom_fields_markdown")
	l.object(func() {
		for n, name := range order {
			if n > 0 {
				*l = append(*l, ',')
			}
			*l = append(quoted(*l, name), ':')
			*l = quoted(*l, texts[name])
		}
	})
	return epic
}

// isDocument tells an Atlassian document from other objects.
func isDocument(value []byte) bool {
	return value[0] == '{' && rest.Open(value).Text("type") == "doc"
}
