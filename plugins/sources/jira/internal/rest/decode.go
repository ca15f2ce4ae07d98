// Small steps over a JSON decoder, for the few fields that the source looks at.

package rest

import (
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Object calls each with every name of the object that comes next; each must read exactly one
// value. Anything but an object is skipped.
func Object(d *jsontext.Decoder, each func(name string) error) error {
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := each(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// Array calls each before every element of the array that comes next; each must read exactly one
// value.
func Array(d *jsontext.Decoder, each func() error) error {
	if d.PeekKind() != '[' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := each(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// Text reads a string; any other value leaves into as it is.
func Text(d *jsontext.Decoder, into *string) error {
	if d.PeekKind() != '"' {
		return d.SkipValue()
	}
	t, err := d.ReadToken()
	if err == nil {
		*into = t.String()
	}
	return err
}

// Number reads a whole number; any other value leaves into as it is.
func Number(d *jsontext.Decoder, into *int) error {
	if d.PeekKind() != '0' {
		return d.SkipValue()
	}
	t, err := d.ReadToken()
	if err != nil {
		return err
	}
	if n, ok := WholeOf(t.String()); ok {
		*into = int(n)
	}
	return nil
}

// NewDecoder reads JSON as Jira sends it: duplicate names and bad UTF-8 are for the consumers of
// the records to judge.
func NewDecoder(r io.Reader) *jsontext.Decoder {
	return jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// ParseTime reads Jira's times, "2025-08-16T14:52:11.000+0000", and RFC 3339.
func ParseTime(s string) (int64, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05-0700", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}
