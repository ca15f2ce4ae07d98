// Variables: where their values come from, and how they are read.

package config_test

import (
	"reflect"
	"strings"
	"testing"
)

// withVariable is a file with one variable x, which the sink gets as a setting of any type.
func withVariable(body string) string {
	return "variable \"x\" {\n" + body +
		"\n}\nsource \"github\" {\n  x = var.x\n}\nsink \"jsonl\" {\n  path = \"x\"\n}\n"
}

func TestVariables(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		body      string
		flag, env *string
		want      any
	}{
		"default":              {`default = "a"`, nil, nil, "a"},
		"environment":          {`default = "a"`, nil, text("b"), "b"},
		"command line":         {`default = "a"`, text("c"), text("b"), "c"},
		"empty":                {`default = "a"`, text(""), nil, ""},
		"text that looks else": {"type = string", text("[1]"), nil, "[1]"},
		"text of quotes":       {"type = string", text(`"a"`), nil, `"a"`},
		"number":               {"type = number", text("5.5"), nil, 5.5},
		"truth value":          {"type = bool", text("true"), nil, true},
		"list":                 {"type = list(string)", text(`["a", "b"]`), nil, []any{"a", "b"}},
		"list in environment":  {"type = list(number)", nil, text(`[1]`), []any{1.0}},
		"list by its default":  {`default = ["a"]`, text(`["b"]`), nil, []any{"b"}},
		"converted":            {"type = list(string)\n default = [1, true]", nil, nil, []any{"1", "true"}},
		"any":                  {"type = any", text(`{ a = 1 }`), nil, map[string]any{"a": 1.0}},
		"optional attribute": {"type = object({ a = string, b = optional(number, 3) })\n default = { a = \"x\" }",
			nil, nil, map[string]any{"a": "x", "b": 3.0}},
		"default by function": {`default = upper("a")`, nil, nil, "A"},
		"default not used":    {`default = env("NOT_SET")`, text("a"), nil, "a"},
		"null is not given":   {"default = null", nil, nil, nil},
		"described":           {"default = 1\n description = \"what it is\"\n sensitive = false", nil, nil, 1.0},
		"sensitive and given": {"type = list(string)\n sensitive = true", text(`["abcd"]`), nil, []any{"abcd"}},
		"map of the tree kinds": {"type = map(list(number))", text(`{ a = [1], b = [] }`), nil,
			map[string]any{"a": []any{1.0}, "b": []any{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars, env := map[string]string{}, map[string]string{}
			if c.flag != nil {
				vars["x"] = *c.flag
			}
			if c.env != nil {
				env["SCRAPEKIT_VAR_x"] = *c.env
			}
			p := load(t, write(t, "a.hcl", withVariable(c.body)), options(vars, env))
			if got := setting(t, p.Source, "x"); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v, want %#v", got, c.want)
			}
		})
	}
}

func TestVariablesRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		vars map[string]string
		env  string
		want []string
	}{
		"unknown": {"default = 1", map[string]string{"xx": "1"}, "",
			[]string{"--var xx: the file declares no such variable", `did you mean "x"?`}},
		"missing": {"type = string", nil, "",
			[]string{`variable "x" has no value`, "--var x=…", "SCRAPEKIT_VAR_x"}},
		"no number": {"type = number", map[string]string{"x": "many"}, "",
			[]string{"--var x: not of type number", "a number is required", "a.hcl:1"}},
		"bare list": {"type = list(string)", map[string]string{"x": "KAFKA"}, "",
			[]string{"--var x: not a value of type list(string)", `'--var x=["a", "b"]'`}},
		"wrong elements": {"type = list(number)", nil, `["a"]`, []string{"SCRAPEKIT_VAR_x: not of type list(number)"}},
		"broken": {"type = list(string)", nil, `["a"`,
			[]string{"SCRAPEKIT_VAR_x: not a value of type list(string)", `'SCRAPEKIT_VAR_x=["a", "b"]'`}},
		"no calls": {"type = list(string)", map[string]string{"x": `[env("HOME")]`}, "",
			[]string{"not a value of type"}},
		"validation": {"default = 1\n validation {}", nil, "", []string{`there is no block "validation"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			if c.env != "" {
				env["SCRAPEKIT_VAR_x"] = c.env
			}
			got := refuse(t, write(t, "a.hcl", withVariable(c.body)), options(c.vars, env))
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in\n%s", want, got)
				}
			}
		})
	}
}

// TestUnknownDoesNotCascade shows that what follows from a reported fault is not reported.
func TestUnknownDoesNotCascade(t *testing.T) {
	t.Parallel()
	got := refuse(t, write(t, "a.hcl", `
variable "x" {}
locals {
  y = "https://${var.x}"
}
source "jira" {
  url      = local.y
  projects = [local.y]
  http {
    user_agent = var.x
  }
}
sink "jsonl" {
  path = "${local.y}/x"
}
`), options(nil, nil))
	if n := strings.Count(got, "error:"); n != 1 {
		t.Errorf("%d errors, want 1:\n%s", n, got)
	}
}
