// Small steps over a JSON decoder, for the few fields that the source looks at.

package jira

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// object calls each with every name of the object that comes next; each must read exactly one value. Anything but an
// object is skipped.
func object(d *jsontext.Decoder, each func(name string) error) error {
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

// array calls each before every element of the array that comes next; each must read exactly one value.
func array(d *jsontext.Decoder, each func() error) error {
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

// text reads a string; any other value leaves into as it is.
func text(d *jsontext.Decoder, into *string) error {
	if d.PeekKind() != '"' {
		return d.SkipValue()
	}
	t, err := d.ReadToken()
	if err == nil {
		*into = t.String()
	}
	return err
}

// number reads a whole number; any other value leaves into as it is.
func number(d *jsontext.Decoder, into *int) error {
	if d.PeekKind() != '0' {
		return d.SkipValue()
	}
	t, err := d.ReadToken()
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(t.String()); err == nil {
		*into = n
	}
	return nil
}
