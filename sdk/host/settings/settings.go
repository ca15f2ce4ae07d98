// Package settings derives a JSON Schema from the struct of a plugin's settings, and fills the
// struct. It is not API: sdk.SourcePlugin and the like call it.
package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/scrapekit/scrapekit/sdk/host/keyword"
)

// Duration is a time.Duration that is written as "5s" or "1h30m" in settings.
type Duration time.Duration

// UnmarshalJSON reads a string in the syntax of time.ParseDuration.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("a duration is a string like \"5s\", not %s", raw)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// MarshalJSON writes the syntax of time.Duration.String.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// Schema derives the JSON Schema of the settings struct C. Each exported field is a setting, named
// by its json tag. Package sdk lists the tags and types. It panics on anything else, because a
// plugin with such a field cannot work.
func Schema[C any]() json.RawMessage {
	s, err := schemaOf(reflect.TypeFor[C]())
	if err != nil {
		panic(fmt.Sprintf("settings.Schema[%s]: %v", reflect.TypeFor[C](), err))
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return raw
}

// Decode checks raw against the schema of the struct that into points to, applies the defaults and
// fills the struct. Its error names every setting that is wrong. Numbers arrive exactly as written,
// or are an error.
func Decode(raw json.RawMessage, into any) error {
	if err := decode(raw, into); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

func decode(raw json.RawMessage, into any) error {
	s, err := schemaOf(reflect.TypeOf(into).Elem())
	if err != nil {
		return err
	}
	resolved, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		return err
	}
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	given, err := decodeExact(raw)
	if err != nil {
		return err
	}
	settings, ok := given.(map[string]any)
	if !ok {
		return errors.New("they are no JSON object")
	}
	if err := applyDefaults(s, settings); err != nil {
		return err
	}
	rounded, err := checkNumbers(s, settings, "")
	if err != nil {
		return err
	}
	if err := resolved.Validate(rounded); err != nil {
		return err
	}
	full, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	return json.Unmarshal(full, into)
}

// applyDefaults fills in missing settings, also in nested structs, lists and maps.
func applyDefaults(s *jsonschema.Schema, v any) error {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if s.Items == nil {
				break
			}
			if err := applyDefaults(s.Items, e); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, p := range s.Properties {
			if _, given := v[name]; given || p.Default == nil {
				continue
			}
			d, err := decodeExact(p.Default)
			if err != nil {
				return fmt.Errorf("default of %s: %w", name, err)
			}
			v[name] = d
		}
		for name, e := range v {
			if p := propertyOf(s, name); p != nil {
				if err := applyDefaults(p, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// propertyOf is the schema of a property of an object, or nil if there is none.
func propertyOf(s *jsonschema.Schema, name string) *jsonschema.Schema {
	if p := s.Properties[name]; p != nil {
		return p
	}
	return s.AdditionalProperties
}

func schemaOf(t reflect.Type) (*jsonschema.Schema, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("settings are a struct, not %s", t)
	}
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Duration](): {Type: "string", Pattern: keyword.Duration,
			Description: "a duration such as 5s or 1h30m"},
	}})
	if err != nil {
		return nil, err
	}
	return s, annotate(s, t)
}

// annotate adds what the tags say to the inferred schema of a struct.
func annotate(s *jsonschema.Schema, t reflect.Type) error {
	s.Required = nil
	for f := range fieldsOf(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			return fmt.Errorf("field %s has no json tag", f.Name)
		}
		p := s.Properties[name]
		if p == nil {
			continue
		}
		if err := annotateField(p, f); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
		if f.Tag.Get("required") == "true" {
			s.Required = append(s.Required, name)
		}
	}
	return nil
}

func fieldsOf(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(t) { // with fields of embedded structs
			if f.IsExported() && !f.Anonymous && f.Tag.Get("json") != "-" && !yield(f) {
				return
			}
		}
	}
}

func annotateField(p *jsonschema.Schema, f reflect.StructField) error {
	dropNull(p)
	annotateWidth(p, f.Type)
	if doc := f.Tag.Get("doc"); doc != "" {
		p.Description = doc
	}
	if d, ok := f.Tag.Lookup("default"); ok {
		p.Default = jsonOf(d)
	}
	if e := f.Tag.Get("example"); e != "" {
		p.Examples = []any{e}
	}
	if e := f.Tag.Get("enum"); e != "" {
		target := p
		if p.Items != nil {
			target = p.Items
		}
		for _, v := range strings.Split(e, ",") {
			target.Enum = append(target.Enum, v)
		}
	}
	for tag, bound := range map[string]**float64{"min": &p.Minimum, "max": &p.Maximum} {
		if v := f.Tag.Get(tag); v != "" {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return fmt.Errorf("tag %s: %w", tag, err)
			}
			*bound = &n
		}
	}
	for tag, word := range map[string]string{
		"sensitive": keyword.Sensitive, "host": keyword.Host, "path": keyword.Path, "dial": keyword.Dial,
	} {
		value := f.Tag.Get(tag)
		if p.Extra == nil && value != "" {
			p.Extra = map[string]any{}
		}
		switch {
		case value == "true":
			p.Extra[word] = true
		case tag == "path" && (value == "read" || value == "write"):
			p.Extra[word] = value
		case value != "" && value != "false":
			return fmt.Errorf("tag %s: %q says nothing", tag, value)
		}
	}
	return annotateInner(p, f.Type)
}

// annotateInner descends into structs inside slices, maps and pointers.
func annotateInner(p *jsonschema.Schema, t reflect.Type) error {
	switch t.Kind() {
	case reflect.Pointer:
		return annotateInner(p, t.Elem())
	case reflect.Slice, reflect.Array:
		if p.Items != nil {
			dropNull(p.Items)
			annotateWidth(p.Items, t.Elem())
			return annotateInner(p.Items, t.Elem())
		}
	case reflect.Map:
		if p.AdditionalProperties != nil {
			dropNull(p.AdditionalProperties)
			annotateWidth(p.AdditionalProperties, t.Elem())
			return annotateInner(p.AdditionalProperties, t.Elem())
		}
	case reflect.Struct:
		if p.Properties != nil {
			return annotate(p, t)
		}
	}
	return nil
}

// dropNull turns the type "null or array" into "array": a null setting is a missing setting.
func dropNull(p *jsonschema.Schema) {
	if i := slices.Index(p.Types, "null"); i >= 0 && len(p.Types) == 2 {
		p.Type, p.Types = p.Types[1-i], nil
	}
}

// jsonOf reads a default tag: as JSON if it is valid JSON, else as a string.
func jsonOf(tag string) json.RawMessage {
	if json.Valid([]byte(tag)) {
		return json.RawMessage(tag)
	}
	raw, err := json.Marshal(tag)
	if err != nil {
		panic(err) // a string always marshals
	}
	return raw
}
