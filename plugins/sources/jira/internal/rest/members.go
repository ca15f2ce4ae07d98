// Members: a JSON object opened for looking at its parts, without copying them.

package rest

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Members are the members of one object. What is not there, or is of another kind than asked for,
// is empty.
type Members []member

type member struct{ name, value []byte }

// Open returns the members of an object; none if raw is anything else. The values are parts of raw.
// raw is JSON that was decoded before; see EachMember.
func Open(raw []byte) Members {
	all := make(Members, 0, 8)
	whole := EachMember(raw, 0, func(name []byte, start, end int) {
		all = append(all, member{name, raw[start:end]})
	})
	if !whole {
		return nil
	}
	return all
}

// Elements returns the elements of an array; none if raw is anything else. They are parts of raw.
func Elements(raw []byte) [][]byte {
	var all [][]byte
	if !EachElement(raw, 0, func(start, end int) { all = append(all, raw[start:end]) }) {
		return nil
	}
	return all
}

// IsArray reports whether raw begins an array.
func IsArray(raw []byte) bool { return at(raw, space(raw, 0)) == '[' }

// Raw returns the value of a member, nil if it is not there or null. Of several of one name the
// last counts.
func (m Members) Raw(name string) []byte {
	for n := len(m) - 1; n >= 0; n-- {
		if string(m[n].name) == name {
			if m[n].value[0] == 'n' {
				return nil
			}
			return m[n].value
		}
	}
	return nil
}

// Has reports whether a member is there, be it null.
func (m Members) Has(name string) bool {
	return slices.ContainsFunc(m, func(e member) bool { return string(e.name) == name })
}

// Each calls f with all members that are not null, in their order.
func (m Members) Each(f func(name string, value []byte)) {
	for _, e := range m {
		if e.value[0] != 'n' {
			f(string(e.name), e.value)
		}
	}
}

// In opens the object in a member.
func (m Members) In(name string) Members { return Open(m.Raw(name)) }

// Text returns a string, or a number as it is written.
func (m Members) Text(name string) string { return TextOf(m.Raw(name)) }

// TextOf returns a string, or a number as it is written; a whole one is written without a fraction.
func TextOf(value []byte) string {
	if len(value) == 0 {
		return ""
	}
	switch value[0] {
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		if err != nil && len(text) == 0 {
			return ""
		}
		return string(text)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if n, ok := WholeOf(string(value)); ok {
			return strconv.FormatInt(n, 10)
		}
		return string(value)
	}
	return ""
}

// Int returns a whole number.
func (m Members) Int(name string) (int64, bool) { return WholeOf(string(m.Raw(name))) }

// Time returns a time as epoch milliseconds, 0 if there is none. A number is taken for seconds or
// milliseconds, by its size.
func (m Members) Time(name string) int64 {
	if n, ok := m.Int(name); ok {
		if n < 1e11 {
			return n * 1000
		}
		return n
	}
	ms, _ := ParseTime(m.Text(name))
	return ms
}
