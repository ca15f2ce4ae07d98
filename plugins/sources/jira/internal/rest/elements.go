// Elements of a list in a reply, decoded one by one, so that an invalid one does not affect the
// others.

package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// ReadList reads the object in a reply's body. It calls each for every element of the array named
// name (bad says why an element is not JSON), and other for every other name; other must read
// exactly one value. raw is valid until each returns. A reply without that array is an error with
// the server's message, because none of its elements is known to be missing.
func ReadList(resp *http.Response, name string, each func(raw []byte, bad error) error,
	other func(d *jsontext.Decoder, name string) error) error {
	body := io.Reader(resp.Body)
	said := map[string]json.RawMessage{}
	found := false
	for skip := 0; ; skip = 1 {
		d := NewDecoder(body)
		nth := 0
		var broken error
		kind := d.PeekKind()
		err := Object(d, func(field string) error {
			switch {
			case field == "errorMessages" || field == "errors" || field == "message":
				raw, err := d.ReadValue()
				said[field] = bytes.Clone(raw)
				return err
			case field != name:
				return other(d, field)
			}
			found = found || d.PeekKind() == '['
			return Array(d, func() error {
				raw, err := d.ReadValue()
				if err != nil {
					broken = err
					return err
				}
				if nth++; nth <= skip {
					return nil
				}
				return each(raw, nil)
			})
		})
		switch {
		case err == nil && !found:
			return Other(resp, fmt.Errorf("the reply (%s) has no list %q", kindName(kind), name), words(said))
		case broken == nil && undecodable(err):
			return Other(resp, err, nil)
		case err != nil && (broken == nil || !undecodable(broken)):
			return fmt.Errorf("%s: reply: %w", Where(resp), err)
		case broken == nil:
			return nil
		}
		rest := bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(d.UnreadBuffer())), body))
		if err := repair(rest, broken, each); err != nil {
			return fmt.Errorf("%s: reply: %w", Where(resp), err)
		}
		// The list continues after the element, as another list with a replacement for its first
		// element.
		body = io.MultiReader(bytes.NewReader(fmt.Appendf(nil, `{%q:[0`, name)), rest)
	}
}

// words makes an error body from the members with the server's messages.
func words(said map[string]json.RawMessage) []byte {
	raw, err := json.Marshal(said)
	if err != nil {
		return nil // cannot fail: they were decoded
	}
	return raw
}

// kindName names a kind of JSON value.
func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case '[':
		return "a list"
	case '{':
		return "an object"
	case '"':
		return "a text"
	}
	return "a " + k.String()
}

// undecodable distinguishes invalid JSON from a truncated reply.
func undecodable(err error) bool {
	var syntax *jsontext.SyntacticError
	return errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF)
}

// repair takes the next element where the decoder failed. It escapes raw control characters within
// strings. If the result is not JSON, the element is bad.
func repair(rest *bufio.Reader, why error, each func(raw []byte, bad error) error) error {
	raw, err := nextElement(rest)
	if err != nil {
		return fmt.Errorf("%w, and the end of that element is not to be found", why)
	}
	d := NewDecoder(bytes.NewReader(raw))
	if err = d.SkipValue(); err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			return each(raw, nil)
		}
		err = errors.New("more than one value where one belongs")
	}
	return each(raw, fmt.Errorf("not valid JSON: %w", err))
}

// nextElement takes one element of an array by brackets and quotes only, up to the following comma
// or bracket.
func nextElement(r *bufio.Reader) ([]byte, error) {
	var e scan
	for {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if e.ends(b) {
			return bytes.TrimSpace(e.raw), r.UnreadByte()
		}
		e.add(b)
	}
}

// scan is an element being scanned.
type scan struct {
	raw     []byte
	depth   int
	text    bool // inside a string
	escaped bool // behind its backslash
}

// ends reports whether the element ends before b. The comma after it is not part of it.
func (s *scan) ends(b byte) bool {
	return !s.text && s.depth == 0 && (b == ']' || b == ',' && len(s.raw) > 0)
}

func (s *scan) add(b byte) {
	switch {
	case s.escaped:
		s.escaped = false
	case s.text:
		s.text, s.escaped = b != '"', b == '\\'
	case b == '"':
		s.text = true
	case b == '{', b == '[':
		s.depth++
	case b == '}', b == ']':
		s.depth--
	case len(s.raw) == 0 && bytes.IndexByte([]byte(", \t\r\n"), b) >= 0:
		return
	}
	if s.text && b < ' ' {
		s.raw = fmt.Appendf(s.raw, `\u%04x`, b)
		return
	}
	s.raw = append(s.raw, b)
}
