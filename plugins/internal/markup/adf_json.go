// The JSON of the Atlassian Document Format, read into the few values that are used. A value of a
// wrong type is skipped.

package markup

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// adf is a node or a mark of the JSON.
type adf struct {
	name                string // its type
	text                string
	hasText, hasContent bool
	attrs               adfAttrs
	marks, content      []adf
}

// adfAttrs are the attributes that are used, in their order in the JSON.
type adfAttrs []adfAttr

type adfAttr struct {
	name, value string
	isNumber    bool
	inner       adfAttrs // of an object
}

// UnmarshalJSONFrom reads a node. Anything but an object is a node without a type.
func (n *adf) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return dec.SkipValue()
	}
	return eachMember(dec, func(name []byte) (err error) {
		switch string(name) {
		case `"type"`:
			n.name, err = readName(dec)
		case `"text"`:
			n.text, n.hasText, err = readString(dec)
		case `"attrs"`:
			err = n.attrs.read(dec)
		case `"marks"`:
			err = readNodes(dec, &n.marks)
		case `"content"`:
			n.hasContent = dec.PeekKind() != 'n'
			err = readNodes(dec, &n.content)
		default:
			err = dec.SkipValue()
		}
		return err
	})
}

// eachMember calls f for each name of an object, still in quotes; f reads the value.
func eachMember(dec *jsontext.Decoder, f func(name []byte) error) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if err := f(name); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken() // the end, or what is wrong
	return err
}

// readNodes appends the objects of an array.
func readNodes(dec *jsontext.Decoder, to *[]adf) error {
	if dec.PeekKind() != '[' {
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for {
		switch dec.PeekKind() {
		case ']', 0: // the end, or what is wrong
			_, err := dec.ReadToken()
			return err
		case '{':
			*to = append(*to, adf{})
			if err := (*to)[len(*to)-1].UnmarshalJSONFrom(dec); err != nil {
				return err
			}
		default:
			if err := dec.SkipValue(); err != nil {
				return err
			}
		}
	}
}

// read reads an object of strings, numbers and objects of such.
func (a *adfAttrs) read(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return dec.SkipValue()
	}
	return eachMember(dec, func(quoted []byte) (err error) {
		attr := adfAttr{name: attrNames[string(quoted)]}
		switch kind := dec.PeekKind(); {
		case attr.name != "" && kind == '"':
			attr.value, _, err = readString(dec)
		case attr.name != "" && kind == '0':
			attr.isNumber = true
			attr.value, err = readNumber(dec)
		case attr.name != "" && kind == '{':
			err = attr.inner.read(dec)
		default:
			return dec.SkipValue()
		}
		*a = append(*a, attr)
		return err
	})
}

// attrNames are the attributes that matter, by their names in quotes.
var attrNames = map[string]string{
	`"__fileName"`: "__fileName", `"alt"`: "alt", `"data"`: "data", `"href"`: "href", `"id"`: "id",
	`"language"`: "language", `"level"`: "level", `"name"`: "name", `"order"`: "order", `"shortName"`: "shortName",
	`"state"`: "state", `"text"`: "text", `"timestamp"`: "timestamp", `"title"`: "title", `"type"`: "type",
	`"url"`: "url",
}

// typeNames are the types that are read often, by their names in quotes.
var typeNames = func() map[string]string {
	m := map[string]string{}
	for name := range adfBlocks {
		m[strconv.Quote(name)] = name
	}
	for _, name := range [...]string{
		"doc", "text", "hardBreak", "codeBlock", "mention", "emoji", "inlineCard", "media", "mediaSingle", "mediaGroup",
		"mediaInline",
		"strong", "em", "code", "strike", "underline", "link", "subsup", "textColor", "status", "date", "expand",
		"nestedExpand",
	} {
		m[strconv.Quote(name)] = name
	}
	return m
}()

// readName reads a type, in most cases without allocating.
func readName(dec *jsontext.Decoder) (string, error) {
	if dec.PeekKind() != '"' {
		return "", dec.SkipValue()
	}
	v, err := dec.ReadValue()
	if err != nil {
		return "", err
	}
	if name, ok := typeNames[string(v)]; ok {
		return name, nil
	}
	name, err := jsontext.AppendUnquote(nil, v)
	return string(name), err
}

// readString reads a string. ok is false at any other value.
func readString(dec *jsontext.Decoder) (s string, ok bool, err error) {
	if dec.PeekKind() != '"' {
		return "", false, dec.SkipValue()
	}
	t, err := dec.ReadToken()
	if err != nil {
		return "", false, err
	}
	return t.String(), true, nil
}

// readNumber writes a number out.
func readNumber(dec *jsontext.Decoder) (string, error) {
	t, err := dec.ReadToken()
	if err != nil {
		return "", err
	}
	v, err := t.Float()
	if err != nil {
		v = 0 // beyond the range of numbers
	}
	return strconv.FormatFloat(v, 'f', -1, 64), nil
}

// get returns the attribute of a name, or nil.
func (a adfAttrs) get(name string) *adfAttr {
	for i := range a {
		if a[i].name == name {
			return &a[i]
		}
	}
	return nil
}

// text returns a string attribute; a number is written out.
func (a adfAttrs) text(name string) string {
	if attr := a.get(name); attr != nil {
		return attr.value
	}
	return ""
}

func (a adfAttrs) number(name string, otherwise int32) int32 {
	attr := a.get(name)
	if attr == nil || !attr.isNumber {
		return otherwise
	}
	if v, err := strconv.ParseFloat(attr.value, 64); err == nil && v >= 0 && v < 1e6 {
		return int32(v)
	}
	return otherwise
}
