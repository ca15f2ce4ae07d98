// Kinds of values: from the JSON Schema of a field to a column, and what holds two of them.

package sqlsink

import (
	"encoding/json"
	"math"
	"strings"
)

// kind is what a column holds.
type kind int

const (
	text kind = iota
	integer
	numeric
	double
	boolean
	date
	timestamp
	document // JSON of any kind
)

var kindNames = []string{"text", "integer", "numeric", "double", "boolean", "date", "timestamp", "json"}

func (k kind) String() string { return kindNames[k] }

// join is the kind that holds the values of both without loss.
func join(a, b kind) kind {
	number := func(k kind) bool { return k == integer || k == numeric || k == double }
	switch {
	case a == b:
		return a
	case number(a) && number(b):
		return numeric
	}
	return text
}

// schema is what of a JSON Schema matters to a column.
type schema struct {
	Type       any               `json:"type"`
	Format     string            `json:"format"`
	Ref        string            `json:"$ref"`
	Enum       []any             `json:"enum"`
	AnyOf      []schema          `json:"anyOf"`
	OneOf      []schema          `json:"oneOf"`
	Minimum    *float64          `json:"minimum"`
	Maximum    *float64          `json:"maximum"`
	Defs       map[string]schema `json:"$defs"`
	Properties json.RawMessage   `json:"properties"`
}

// kindOf is the kind of a property's values; what is unknown or mixed is a document.
func (s schema) kindOf(defs map[string]schema, decimal bool) kind {
	for range 8 { // references to references
		name, ok := strings.CutPrefix(s.Ref, "#/$defs/")
		if !ok {
			break
		}
		s = defs[name]
	}
	if one := append(s.AnyOf, s.OneOf...); len(one) > 0 {
		return kindOfAll(one, defs, decimal)
	}
	types := s.types()
	if len(types) != 1 {
		return document
	}
	switch types[0] {
	case "string":
		return map[string]kind{"date-time": timestamp, "date": date}[s.Format]
	case "integer":
		const limit = float64(1 << 63)
		if s.Maximum != nil && *s.Maximum >= limit || s.Minimum != nil && *s.Minimum < -limit {
			return numeric
		}
		return integer
	case "number":
		if decimal {
			return numeric
		}
		return double
	case "boolean":
		return boolean
	}
	return document
}

// kindOfAll is the kind of one of some, where null is one that any column holds.
func kindOfAll(all []schema, defs map[string]schema, decimal bool) kind {
	found, k := false, document
	for _, s := range all {
		if s.Type == "null" {
			continue
		}
		next := s.kindOf(defs, decimal)
		if found && next != k {
			return document
		}
		found, k = true, next
	}
	return k
}

// types are the types of a value that is not null.
func (s schema) types() []string {
	var out []string
	add := func(v any) {
		if name, ok := v.(string); ok && name != "null" {
			out = append(out, name)
		}
	}
	switch v := s.Type.(type) {
	case string:
		add(v)
	case []any:
		for _, one := range v {
			add(one)
		}
	case nil:
		return typesOf(s.Enum)
	}
	if len(out) == 2 && strings.Join(out, " ") == "integer number" || strings.Join(out, " ") == "number integer" {
		return []string{"number"}
	}
	return out
}

// typesOf are the types of values, each once.
func typesOf(values []any) []string {
	var out []string
	seen := map[string]bool{}
	for _, v := range values {
		name := "object"
		switch v := v.(type) {
		case nil:
			continue
		case string:
			name = "string"
		case bool:
			name = "boolean"
		case float64:
			if name = "number"; v == math.Trunc(v) {
				name = "integer"
			}
		}
		if !seen[name] {
			seen[name], out = true, append(out, name)
		}
	}
	return out
}
