// Schema: the JSON Schema of a plugin's settings.

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaURL names a plugin's schema for the validator. Nothing is loaded from it.
const schemaURL = "plugin:///settings"

// schema is a plugin's schema, as a document and compiled.
type schema struct {
	document map[string]any
	compiled *jsonschema.Schema
}

var errNoObject = errors.New("not a JSON object")

// newSchema compiles a schema. A plugin without one accepts any settings.
func newSchema(raw json.RawMessage) (*schema, error) {
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	if err := checkSize(raw); err != nil {
		return nil, err
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	document, ok := parsed.(map[string]any)
	if !ok {
		return nil, errNoObject
	}
	s := &schema{document: document}
	if err := s.checkWork(); err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource(schemaURL, document); err != nil {
		return nil, err
	}
	s.compiled, err = compiler.Compile(schemaURL)
	return s, err
}

// noLoader refuses to load files or URLs that a schema refers to.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s; a schema of settings holds all its parts", url)
}

// names returns the names of the settings.
func (s *schema) names() []string {
	var names []string
	for name := range object(s.document["properties"]) {
		names = append(names, name)
	}
	return names
}

// follow resolves references inside the schema.
func (s *schema) follow(node map[string]any) map[string]any {
	const hops = 16 // stops a cycle of references
	for range hops {
		ref, ok := node["$ref"].(string)
		if !ok {
			break
		}
		target, err := s.resolve(ref)
		if err != nil {
			break
		}
		node = object(target)
	}
	return node
}

// at returns the schema of a part of the settings; empty if there is none.
func (s *schema) at(path []string) map[string]any {
	node := s.follow(s.document)
	for _, step := range path {
		next, known := object(node["properties"])[step]
		if !known {
			next = node["items"]
		}
		if next == nil {
			next, _ = additional(node)
		}
		node = s.follow(object(next))
	}
	return node
}

// additional returns the schema of settings without a name in the schema, and whether they are
// allowed.
func additional(node map[string]any) (map[string]any, bool) {
	switch rest := node["additionalProperties"].(type) {
	case bool:
		return nil, rest || node["patternProperties"] != nil
	case map[string]any:
		if not, ok := rest["not"].(map[string]any); ok && len(not) == 0 {
			return nil, node["patternProperties"] != nil // {"not": {}} is equivalent to false
		}
		return rest, true
	}
	return nil, true
}

// object returns v as an object, or an empty one.
func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// texts returns a string, or the strings of a list.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, one := range v {
			out = append(out, texts(one)...)
		}
		return out
	case map[string]any:
		var out []string
		for _, one := range v {
			out = append(out, texts(one)...)
		}
		return out
	}
	return nil
}
