// Kinds of values: from the JSON Schema of a field to a column, and from JSON to what it holds.

package parquet

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// kind is what a column holds.
type kind string

const (
	text      kind = "string"
	integer   kind = "integer"
	double    kind = "number"
	boolean   kind = "boolean"
	date      kind = "date"
	timestamp kind = "date-time"
	document  kind = "json" // of any kind
)

// property is what of a JSON Schema matters to a column.
type property struct {
	Type   any               `json:"type"`
	Format string            `json:"format"`
	Ref    string            `json:"$ref"`
	Enum   []any             `json:"enum"`
	AnyOf  []json.RawMessage `json:"anyOf"`
	OneOf  []json.RawMessage `json:"oneOf"`
}

// kindOf is the kind of a property's values. What is unknown or mixed is a document.
func kindOf(schema []byte, defs map[string]json.RawMessage) kind {
	return kindWithin(schema, defs, 0)
}

func kindWithin(schema []byte, defs map[string]json.RawMessage, depth int) kind {
	var p property
	const deepest = 16 // of references and choices: they may go round
	if depth == deepest || json.Unmarshal(schema, &p) != nil {
		return document
	}
	if name, ok := strings.CutPrefix(p.Ref, "#/$defs/"); ok {
		return kindWithin(defs[name], defs, depth+1)
	}
	if choices := append(p.AnyOf, p.OneOf...); len(choices) > 0 {
		var kinds []kind
		for _, choice := range choices {
			if json.Unmarshal(choice, &p) != nil || p.Type != "null" {
				kinds = append(kinds, kindWithin(choice, defs, depth+1))
			}
		}
		return only(kinds)
	}
	types := typesOf(p)
	if !slices.Contains(types, string(text)) || len(types) > 1 {
		return ofTypes(types)
	}
	switch f := kind(p.Format); f {
	case date, timestamp:
		return f
	}
	return text
}

// ofTypes is the kind of values of these types.
func ofTypes(types []string) kind {
	slices.Sort(types)
	if slices.Equal(types, []string{"integer", "number"}) {
		return double
	}
	var kinds []kind
	for _, t := range types {
		switch k := kind(t); k {
		case text, integer, double, boolean:
			kinds = append(kinds, k)
		default:
			kinds = append(kinds, document)
		}
	}
	return only(kinds)
}

// only is the one kind of all, or a document.
func only(kinds []kind) kind {
	if kinds = slices.Compact(kinds); len(kinds) == 1 {
		return kinds[0]
	}
	return document
}

// typesOf are the types of values that are not null, each once.
func typesOf(p property) []string {
	var out []string
	add := func(name string) {
		if name != "null" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	switch t := p.Type.(type) {
	case string:
		add(t)
	case []any:
		for _, one := range t {
			add(fmt.Sprint(one))
		}
	case nil:
		for _, v := range p.Enum {
			switch v.(type) {
			case nil:
			case string:
				add("string")
			case bool:
				add("boolean")
			case float64:
				add("number")
			default:
				add("object")
			}
		}
	}
	return out
}

// append appends a value that is not null, as rows have it, or says why it does not fit.
func (k kind) append(out []byte, v jsontext.Value) ([]byte, error) {
	switch kind := v.Kind(); {
	case k == document:
		return append(binary.AppendUvarint(out, uint64(len(v))), v...), nil
	case k == boolean && (kind == 't' || kind == 'f'):
		if kind == 't' {
			return append(out, 1), nil
		}
		return append(out, 0), nil
	case k == integer && kind == '0':
		n, err := whole(string(v))
		return binary.AppendVarint(out, n), err
	case k == double && kind == '0':
		f, err := strconv.ParseFloat(string(v), 64)
		if err != nil {
			return out, fmt.Errorf("%.60s is out of the range of a double", v)
		}
		return binary.LittleEndian.AppendUint64(out, math.Float64bits(f)), nil
	case kind == '"' && (k == text || k == date || k == timestamp):
		return k.appendText(out, v)
	}
	return out, fmt.Errorf("%.60s is no %s", v, k)
}

// whole is the integer that a number is: 3, 3.0 and 3e0 are the same one.
func whole(number string) (int64, error) {
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%.60s is out of the range of an integer of 64 bits", number)
	}
	const exact = 1 << 53
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact {
		return 0, fmt.Errorf("%.60s is no integer", number)
	}
	return int64(f), nil
}

// timeLayouts are the forms of times that are read.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999Z07:00"}

func (k kind) appendText(out []byte, v jsontext.Value) ([]byte, error) {
	said := []byte(v[1 : len(v)-1])
	if slices.Contains(said, '\\') {
		said = []byte(unquoted(v))
	}
	switch k {
	case date:
		day, err := time.Parse(time.DateOnly, string(said))
		if err != nil {
			return out, fmt.Errorf("%.60q is no date", said)
		}
		const seconds = 24 * 60 * 60
		return binary.AppendVarint(out, day.Unix()/seconds), nil
	case timestamp:
		for _, layout := range timeLayouts {
			if at, err := time.Parse(layout, string(said)); err == nil {
				return binary.AppendVarint(out, at.UnixMicro()), nil
			}
		}
		return out, fmt.Errorf("%.60q is no date-time of RFC 3339", said)
	}
	return append(binary.AppendUvarint(out, uint64(len(said))), said...), nil
}

// unquoted is what a string of JSON says.
func unquoted(v jsontext.Value) string {
	out, _ := jsontext.AppendUnquote(nil, v) // it was read, so it is whole
	return string(out)
}
