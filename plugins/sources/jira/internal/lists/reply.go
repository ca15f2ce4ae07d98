// Replies: one page of a list, in any of the shapes that Jira's parts give it.

package lists

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// page is what a reply holds.
type page struct {
	elements []element
	counted  bool // it is an object that says where it stands, not a mere list
	start    int  // -1: it does not say, and so below
	most     int  // how many it gives at once
	total    int
	last     bool
	more     bool // it says that it is not the last, or names the next
}

// decodePage finds the list in a reply.
func decodePage(body []byte, values string) (page, error) {
	p, err := parsePage(body, values)
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
		return parsePage(escaped(body), values)
	}
	return p, err
}

func parsePage(body []byte, values string) (page, error) {
	p := page{start: -1, most: -1, total: -1}
	d := rest.NewDecoder(bytes.NewBuffer(body))
	switch {
	case values == one:
		return p, p.element(d, "")
	case d.PeekKind() == '[':
		return p, p.list(d)
	case d.PeekKind() != '{':
		raw, err := d.ReadValue()
		if err != nil {
			return p, err
		}
		return p, fmt.Errorf("a list should be here, not %.60s", raw)
	case values == members:
		return p, p.list(d)
	case values == "":
		values = "values"
	}
	p.counted = true
	found := false
	err := rest.Object(d, func(name string) error {
		if name == values {
			found = true
			return p.list(d)
		}
		raw, err := d.ReadValue()
		if err == nil {
			p.say(name, raw)
		}
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("the reply has no %q", values)
	}
	return p, err
}

// list takes the elements of an array, or the members of an object.
func (p *page) list(d *jsontext.Decoder) error {
	if d.PeekKind() == '{' {
		return rest.Object(d, func(name string) error { return p.element(d, name) })
	}
	return rest.Array(d, func() error { return p.element(d, "") }) // null: an empty one
}

func (p *page) element(d *jsontext.Decoder, name string) error {
	raw, err := d.ReadValue()
	if err == nil {
		p.elements = append(p.elements, newElement(name, bytes.Clone(raw)))
	}
	return err
}

// say notes what a reply says of itself.
func (p *page) say(name string, raw jsontext.Value) {
	number := func(into *int) {
		if n, err := strconv.Atoi(string(raw)); err == nil {
			*into = n
		}
	}
	switch name {
	case "startAt", "offset":
		number(&p.start)
	case "maxResults", "limit":
		number(&p.most)
	case "total":
		number(&p.total)
	case "isLast":
		p.last = string(raw) == "true"
		p.more = p.more || string(raw) == "false"
	case "nextPage", "next":
		p.more = p.more || raw.Kind() == '"'
	}
}

// escaped gives control characters within strings the escapes that they lack.
func escaped(body []byte) []byte {
	var out []byte
	text, backslash := false, false
	for _, b := range body {
		switch {
		case backslash:
			backslash = false
		case b == '"':
			text = !text
		case text:
			backslash = b == '\\'
		}
		if text && b < ' ' {
			out = fmt.Appendf(out, `\u%04x`, b)
			continue
		}
		out = append(out, b)
	}
	return out
}

// element is one value of a list. It is opened once, however many fields a row takes from it.
type element struct {
	name    string // of the member that it is, in an object
	raw     json.RawMessage
	members rest.Members // of raw, if it is an object
}

func newElement(name string, raw json.RawMessage) element {
	return element{name: name, raw: raw, members: rest.Open(raw)}
}
