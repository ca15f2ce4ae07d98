// Functions: each group with an example, in a file as users write it.

package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
)

// withSetting is a file whose source has one setting x of any type.
func withSetting(expression string) string {
	return "source \"github\" {\n  x = " + expression + "\n}\nsink \"jsonl\" {\n  path = \"x\"\n}\n"
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	list := func(v ...any) []any { return v }
	for expression, want := range map[string]any{
		`env("HOME")`:                                "/home/me",
		`env("NOT_SET", "fallback")`:                 "fallback",
		`env("EMPTY", "fallback")`:                   "",
		`env("NOT_SET", null)`:                       nil,
		`file("a/token.txt")`:                        "secret\n",
		`trimspace(file("a/token.txt"))`:             "secret",
		`jsondecode(file("a.json")).key`:             "value",
		`try(env("NOT_SET"), "else")`:                "else",
		`can(env("NOT_SET"))`:                        false,
		`nonsensitive(sensitive("x"))`:               "x",
		`jsonencode({ a = [1] })`:                    `{"a":[1]}`,
		`csvdecode("a,b\n1,2")[0].b`:                 "2",
		`base64decode(base64encode("wörld"))`:        "wörld",
		`upper("a")`:                                 "A",
		`title(lower("ABC"))`:                        "Abc",
		`join("-", split(",", "a,b"))`:               "a-b",
		`replace("a.b", ".", "-")`:                   "a-b",
		`regexreplace("a1b2", "[0-9]", "")`:          "ab",
		`regex("[0-9]+", "a12")`:                     "12",
		`regexall("[0-9]", "a12")`:                   list("1", "2"),
		`format("%s-%03d", "a", 7)`:                  "a-007",
		`formatlist("%s.jsonl", ["a"])`:              list("a.jsonl"),
		`substr("abcdef", 1, 2)`:                     "bc",
		`trimprefix("v1", "v")`:                      "1",
		`length(concat(["a"], ["b"]))`:               2.0,
		`sort(distinct(["b", "a", "b"]))`:            list("a", "b"),
		`sort(setunion(["a"], ["b"]))`:               list("a", "b"),
		`toset(["b", "a"])`:                          list("a", "b"),
		`contains(["a"], "a")`:                       true,
		`flatten([["a"], ["b"]])`:                    list("a", "b"),
		`merge({ a = 1 }, { b = 2 })`:                map[string]any{"a": 1.0, "b": 2.0},
		`keys({ b = 1, a = 2 })`:                     list("a", "b"),
		`lookup({ a = "x" }, "b", "y")`:              "y",
		`coalesce(null, "a")`:                        "a",
		`element(["a", "b"], 3)`:                     "b",
		`slice(["a", "b", "c"], 0, 1)`:               list("a"),
		`reverse(range(3))`:                          list(2.0, 1.0, 0.0),
		`max(1, ceil(1.5), floor(1.5), abs(-3))`:     3.0,
		`parseint("ff", 16)`:                         255.0,
		`tonumber("12")`:                             12.0,
		`tostring(12)`:                               "12",
		`tobool("true")`:                             true,
		`[for p in ["a", "b"] : upper(p)]`:           list("A", "B"),
		`{ for p in ["a"] : p => 1 }`:                map[string]any{"a": 1.0},
		`true ? "a" : "b"`:                           "a",
		`"${1 + 1} and $${not}"`:                     "2 and ${not}",
		"<<-EOT\n    a\n    b\n  EOT\n":              "a\nb\n",
		`formatdate("YYYY", "2020-01-02T03:04:05Z")`: "2020",
		`9007199254740993`:                           9007199254740993.0,
		`-0.5`:                                       -0.5,
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			file := write(t, "a.hcl", withSetting(expression), "a/token.txt", "secret\n", "a.json", `{"key": "value"}`)
			p := load(t, file, options(nil, map[string]string{"HOME": "/home/me", "EMPTY": ""}))
			if got := setting(t, p.Source, "x"); !reflect.DeepEqual(got, want) {
				t.Errorf("got %#v, want %#v", got, want)
			}
		})
	}
}

func TestNumbersStayExact(t *testing.T) {
	t.Parallel()
	p := load(t, write(t, "a.hcl", withSetting("[9007199254740993, 0.1, 1e21]")), options(nil, nil))
	if got, want := string(p.Source.Config), `{"x":[9007199254740993,0.1,1000000000000000000000]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestExpressionsRefused(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`env("A", "b", "c")`:   "at most one default",
		`env("BAD")`:           "is not valid UTF-8",
		`file("bad.txt")`:      "not valid UTF-8",
		`file(".")`:            "not a regular file",
		`timestamp()`:          `there is no function "timestamp"`,
		`1e999999999`:          "out of range",
		`env`:                  `there is no "env" here`,
		`base64decode("/w==")`: "not valid UTF-8",
		`nosuch::upper("a")`:   `there is no function "nosuch::upper"`,
		`var`:                  `"var" is the name of a group`,
		`local.x`:              `there is no local value "x"`,
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			file := write(t, "a.hcl", withSetting(expression), "bad.txt", "\xff")
			got := refuse(t, file, options(nil, map[string]string{"BAD": "\xff"}))
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(whole)
	f.Add(small)
	for expression := range faults {
		f.Add(withSetting(faults[expression]))
	}
	f.Add(withVariable("type = object({ a = optional(list(number), [1]) })\n default = { a = null }"))
	f.Fuzz(func(t *testing.T, text string) {
		file := write(t, "a.hcl", text)
		p, diagnostics := config.Load(t.Context(), file,
			options(map[string]string{"x": "1"}, map[string]string{"S": planted}))
		if (p == nil) != diagnostics.HasErrors() {
			t.Errorf("a pipeline: %t, errors: %t", p != nil, diagnostics.HasErrors())
		}
		var out strings.Builder
		if err := config.Write(&out, diagnostics, inColour, 60); err != nil {
			t.Fatal(err)
		}
		for _, piece := range pieces {
			if strings.Contains(text, piece) {
				return // the text shows it by itself
			}
		}
		noSecret(t, out.String())
	})
}
