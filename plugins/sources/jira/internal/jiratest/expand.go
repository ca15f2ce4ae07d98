// What expand adds to an issue or a page: names, schema and rendered fields.

package jiratest

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"
)

// describe writes the names and schemas of the selected fields, each with a
// comma before it.
func (c *call) describe(sel *selection, expand map[string]bool) {
	if !expand["names"] && !expand["schema"] {
		return
	}
	names, schemas := map[string]string{}, map[string]json.RawMessage{}
	for _, f := range c.server.fieldList() {
		if sel.has(f.id) {
			names[f.id], schemas[f.id] = f.name, f.schema()
		}
	}
	if expand["names"] {
		c.out.WriteString(`,"names":`)
		c.object(names)
	}
	if expand["schema"] {
		c.out.WriteString(`,"schema":`)
		c.object(schemas)
	}
}

// object writes a value without the newline that an encoder appends.
func (c *call) object(v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of strings: cannot happen
	}
	c.out.Write(raw)
}

// renderedFields writes the HTML of the fields that hold wiki markup, and null
// for the others, as both products do.
func (c *call) renderedFields(r *record, sel *selection) {
	c.out.WriteString(`,"renderedFields":{`)
	first := true
	for i := range r.fields {
		name := r.fields[i].name
		if !sel.has(name) {
			continue
		}
		if !first {
			c.out.WriteByte(',')
		}
		first = false
		fmt.Fprintf(c.out, "%s:", quote(name))
		c.renderedField(r, &r.fields[i])
	}
	c.out.WriteByte('}')
}

func (c *call) renderedField(r *record, f *field) {
	switch f.name {
	case "description", "environment":
		var wiki string
		if json.Unmarshal(f.raw, &wiki) == nil {
			c.out.Write(appendQuoted(c.out.AvailableBuffer(), rendered(wiki)))
			return
		}
	case "comment":
		c.html = true
		c.embeddedComments(r)
		c.html = false
		return
	}
	c.out.WriteString("null")
}

// rendered is wiki markup as simplified HTML: paragraphs and line breaks.
func rendered(wiki string) string {
	if wiki == "" {
		return ""
	}
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(wiki, "\r\n", "\n"), "\n\n") {
		out.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(paragraph), "\n", "<br/>\n") + "</p>\n")
	}
	return out.String()
}
