// Schemas as other languages write them: every keyword that a message of ours knows, references,
// forms.

package config_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/sdk"
)

// withSchema are options where the source github has this schema.
func withSchema(schema string) config.Options {
	o := options(nil, map[string]string{"S": planted})
	inner := o.Lookup
	o.Lookup = func(ctx context.Context, b config.BlockRef) (sdk.Info, error) {
		info, err := inner(ctx, b)
		if b.Type == "github" {
			info.Config = []byte(schema)
		}
		return info, err
	}
	return o
}

func TestSchemaKeywords(t *testing.T) {
	t.Parallel()
	const ref = `{"properties": {"x": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"description": "What it is.", "type": "object",
		"properties": {"a": {"$ref": "#/$defs/n"}}, "additionalProperties": false}, "n": {"type": "number"}}}`
	for _, c := range []struct{ schema, value, want string }{
		{`{"properties": {"x": {"minimum": 2}}}`, `1`, "x must be at least 2 (1)"},
		{`{"properties": {"x": {"maximum": 0.5}}}`, `1`, "x must be at most 0.5 (1)"},
		{`{"properties": {"x": {"exclusiveMinimum": 2}}}`, `2`, "x must be more than 2 (2)"},
		{`{"properties": {"x": {"exclusiveMaximum": 2}}}`, `2`, "x must be less than 2 (2)"},
		{`{"properties": {"x": {"minLength": 2}}}`, `"a"`, "x must have at least 2 characters"},
		{`{"properties": {"x": {"maxLength": 2}}}`, `"abc"`, "x must have at most 2 characters"},
		{`{"properties": {"x": {"minItems": 2}}}`, `["a"]`, "x must have at least 2 elements, found 1"},
		{`{"properties": {"x": {"maxItems": 0}}}`, `["a"]`, "x must have at most 0 elements, found 1"},
		{`{"properties": {"x": {"uniqueItems": true}}}`, `["a", "b", "a"]`,
			"the same element twice, as number 1 and 3"},
		{`{"properties": {"x": {"pattern": "^a+$"}}}`, `"b"`, `x must match the pattern ^a+$ ("b")`},
		{`{"properties": {"x": {"type": ["string", "integer"]}}}`, `true`,
			"x must be a whole number or a text, found a truth value (true)"},
		{`{"properties": {"x": {"type": "array"}}}`, `"a"`, "put it in brackets: [ … ]"},
		{`{"properties": {"x": {"type": "integer"}}}`, `1.5`, "x must be a whole number, found a number (1.5)"},
		{`{"properties": {"x": {"enum": [1, "two"]}}}`, `"too"`, `did you mean "two"?`},
		{`{"properties": {"x": {"const": 1}}}`, `2`, "x is not as the plugin wants it: value must be 1"},
		{`{"properties": {"x": {"multipleOf": 5}}}`, `7`, "x is not as the plugin wants it"},
		{`{"properties": {"x": {"not": {}}}}`, `1`, "x is not as the plugin wants it"},
		{`{"properties": {"x": false}}`, `1`, "x is not as the plugin wants it"},
		{`{"properties": {"x": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}}}`,
			`[5]`,
			"x must be a text, found a list, or x[0] must be a text, found a number (5)"},
		{`{"properties": {"x": {"oneOf": [{"type": "number"}, {"type": "integer"}]}}}`, `5`,
			"x has more than one of the forms that it can have (5)"},
		{`{"properties": {"x": {"allOf": [{"type": "number"}, {"minimum": 7}]}}}`, `5`, "x must be at least 7"},
		{`{"required": ["y"]}`, `5`, `the setting "y" is missing`},
		{`{"properties": {"y": {}}, "minProperties": 3}`, `5`, `its settings are not as the plugin wants them`},
		{`{"properties": {"x": {"patternProperties": {"^a": {"type": "string"}}, "additionalProperties": false}}}`,
			`{ a = 5 }`, "x.a must be a text"},
		{`{"properties": {"x": {"additionalProperties": {"type": "string"}}}}`, `{ "a b" = 5 }`,
			"x.a b must be a text"},
		{`{"$id": "https://example.com/settings", ` + ref[1:], `{ a = "5" }`, "x.a must be a number, found a text"},
		{ref, `{ a = "5" }`, "x.a must be a number, found a text"},
		{ref, `{ b = 5 }`, `there is no setting "x.b"`},
		{ref, `5`, "x: What it is"},
		{`{"properties": {"x": {"$ref": "#/$defs/none"}}}`, `5`, "the plugin's schema of its settings"},
		{`{"properties": {"x": {"$ref": "#/properties/x"}}}`, `5`, ""},
	} {
		t.Run(c.schema+c.value, func(t *testing.T) {
			t.Parallel()
			got := refuse(t, write(t, "a.hcl", withSetting(c.value)), withSchema(c.schema))
			if !strings.Contains(got, c.want) {
				t.Errorf("%q is not in\n%s", c.want, got)
			}
		})
	}
}

// TestSchemaSecrets shows that no keyword's message quotes a sensitive value.
func TestSchemaSecrets(t *testing.T) {
	t.Parallel()
	for _, keyword := range []string{
		`"type": "number"`, `"enum": ["a"]`, `"const": "a"`, `"pattern": "^a$"`, `"maxLength": 1`, `"not": {}`,
		`"anyOf": [{"enum": ["a"]}, {"pattern": "^b$"}]`, `"format": "uri", "maxLength": 2`,
		`"contains": {"const": 5}, "type": "array"`,
	} {
		schema := `{"properties": {"x": {` + keyword + `}}}`
		for _, value := range []string{`env("S")`, `upper(env("S"))`, `substr(env("S"), 0, 7)`} {
			noSecret(t, refuse(t, write(t, "a.hcl", withSetting(value)), withSchema(schema)))
		}
		byPlugin := `{"properties": {"x": {"x-scrapekit-sensitive": true, ` + keyword + `}}}`
		file := write(t, "a.hcl", withSetting(`"`+planted+`"`))
		noSecret(t, refuse(t, file, withSchema(byPlugin)))
	}
}

// TestSchemaPresets shows that a host or path that is only preset counts too: the plugin will use
// it.
func TestSchemaPresets(t *testing.T) {
	t.Parallel()
	const schema = `{"properties": {
		"url": {"default": "https://api.example.com/v1", "x-scrapekit-host": true},
		"cache": {"default": "cache", "x-scrapekit-path": true},
		"deep": {"properties": {"url": {"default": "https://deep.example.com", "x-scrapekit-host": true}}},
		"size": {"default": 5}}}`
	p := load(t, write(t, "a.hcl", withSetting(`5`)), withSchema(schema))
	if want := origins(t, "https://api.example.com"); !slices.Equal(p.Source.HTTP.Allow, want) {
		t.Errorf("allowed: %v, want %v", p.Source.HTTP.Allow, want)
	}
	if got, _ := setting(t, p.Source, "cache").(string); !strings.HasPrefix(got, p.Dir) {
		t.Errorf("cache = %q, want it in %s", got, p.Dir)
	}
	if got := setting(t, p.Source, "size"); got != nil {
		t.Errorf("size = %v: presets are the plugin's", got)
	}
}

// A schema that would keep the host busy is refused, and one that is only large or recursive is
// not.
func TestSchemaBounds(t *testing.T) {
	t.Parallel()
	doubled := func(levels int, first, second string) string {
		var b strings.Builder
		fmt.Fprintf(&b, `{"properties": {"x": {"$ref": "#/$defs/d0"}}, "$defs": {"d%d": {"type": "string"}`, levels)
		for i := range levels {
			fmt.Fprintf(&b, `, "d%d": {"anyOf": [{"$ref": "`+first+`"}, {"$ref": "`+second+`"}]}`, i, i+1, i+1)
		}
		return b.String() + "}}"
	}
	deep := func(n int) string {
		return `{"properties": {"x": ` + strings.Repeat(`{"not": `, n) + `{}` + strings.Repeat(`}`, n) + `}}`
	}
	tree := `{"properties": {"x": {"$ref": "#/$defs/node"}}, "$defs": {"node": {"type": "object",
		"properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}}, "additionalProperties": false}}}`
	for name, c := range map[string]struct{ schema, value, want string }{
		"doubled": {doubled(40, "#/$defs/d%d", "#/$defs/d%d"), `5`,
			"its references make more than 100000 parts of it"},
		"doubled, escaped": {doubled(40, "#/%%24defs/d%d", "#/$defs/d%d"), `5`,
			"its references make more than 100000 parts of it"},
		"doubled a few times": {doubled(10, "#/$defs/d%d", "#/$defs/d%d"), `5`, "x"},
		"deep":                {deep(4000), `5`, "nested more than 100 deep"},
		"deep, but not too":   {deep(81), `5`, ""},
		"long":                {`{"description": "` + strings.Repeat("a", 1<<20) + `"}`, `5`, "it may have 1048576"},
		"recursive":           {tree, `{ left = { right = { up = 1 } } }`, `there is no setting "x.left.right.up"`},
		"dynamic": {`{"properties": {"x": {"$dynamicRef": "#a"}}, "$defs": {"a": {"$dynamicAnchor": "a"}}}`,
			`5`, "only $ref is understood"},
		"anchor": {`{"properties": {"x": {"$ref": "#a"}}, "$defs": {"a": {"$anchor": "a"}}}`, `5`,
			"by #/…"},
		"elsewhere": {`{"properties": {"x": {"$ref": "https://example.com/a"}}}`, `5`, "by #/…"},
		"id of a part": {`{"properties": {"x": {"$id": "https://example.com/a"}}}`, `5`,
			"only the whole may have one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := refuse(t, write(t, "a.hcl", withSetting(c.value)), withSchema(c.schema)); !strings.Contains(got,
				c.want) {
				t.Errorf("%q is not in\n%s", c.want, got)
			}
		})
	}
}
