// Replies: one page of a list, in any of the shapes that Jira's parts give it.

package lists

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

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
	case (values == one || values == members) && d.PeekKind() == '{':
		return p, p.record(d, values)
	case values == one:
		raw, err := d.ReadValue()
		if err == nil {
			err = fmt.Errorf("an object should be here, not %.60s", raw)
		}
		return p, err
	case d.PeekKind() == '[':
		err := p.list(d)
		if err == nil && values != "" && len(p.elements) == 0 {
			err = fmt.Errorf("an object with %q should be here, not an empty list", values)
		}
		return p, err
	case d.PeekKind() != '{':
		raw, err := d.ReadValue()
		if err != nil {
			return p, err
		}
		return p, fmt.Errorf("a list should be here, not %.60s", raw)
	case values == "":
		values = "values"
	}
	p.counted = true
	found := false
	err := rest.Object(d, func(name string) error {
		if name == values && d.PeekKind() != 'n' {
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

// record takes an object that is the record, or whose members are the records. An error of Jira is
// an object as well.
func (p *page) record(d *jsontext.Decoder, values string) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	whole := newElement("", bytes.Clone(raw))
	switch {
	case len(whole.members) == 0:
		return errors.New("the reply is empty")
	case rest.IsArray(whole.members.Raw("errorMessages")):
		return errors.New("the reply is an error")
	case values == one:
		p.elements = append(p.elements, whole)
		return nil
	}
	return p.membersOf(whole)
}

// list takes the elements of an array, or the members of an object that has any.
func (p *page) list(d *jsontext.Decoder) error {
	if d.PeekKind() == '[' {
		return rest.Array(d, func() error { return p.element(d, "") })
	}
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	whole := newElement("", bytes.Clone(raw))
	if len(whole.members) == 0 {
		return fmt.Errorf("a list should be here, not %.60s", raw)
	}
	return p.membersOf(whole)
}

func (p *page) membersOf(object element) error {
	d := rest.NewDecoder(bytes.NewReader(object.raw))
	return rest.Object(d, func(name string) error { return p.element(d, name) })
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
		if n, ok := rest.WholeOf(string(raw)); ok {
			*into = int(n)
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
