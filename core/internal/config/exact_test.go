// Values that reach a plugin as they are written, or not at all: numbers, and paths in the home
// folder.

package config_test

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestNumbersOfTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, value, wants, says string }{
		{`"type": "integer", "format": "int64"`, "1152921504606846977", "1152921504606846977", ""},
		{`"type": "integer", "format": "int64"`, "9223372036854775807", "9223372036854775807", ""},
		{`"type": "integer", "format": "int64"`, "-9223372036854775808", "-9223372036854775808", ""},
		{`"type": "integer", "format": "int64"`, "3.0", "3", ""},
		{`"type": "integer", "format": "int64"`, "3e2", "300", ""},
		{`"type": "integer", "format": "int64"`, `tonumber("1152921504606846977")`, "1152921504606846977", ""},
		{`"type": "integer", "format": "int64"`, `jsondecode("[1152921504606846977]")[0]`, "1152921504606846977", ""},
		{`"type": "integer", "format": "uint64"`, "18446744073709551615", "18446744073709551615", ""},
		{`"type": "integer"`, "99999999999999999999", "99999999999999999999", ""},
		{`"type": "array", "items": {"type": "integer", "format": "int64"}`, "[1152921504606846977]",
			"[1152921504606846977]", ""},
		{`"type": "number"`, "9007199254740992", "9007199254740992", ""},
		{`"type": "number"`, "0.1", "0.1", ""},
		{`"type": "number"`, "1e300", "1" + strings.Repeat("0", 300), ""},
		{`"type": "integer", "format": "int64"`, "9223372036854775808", "",
			"a.hcl:2,7-26: x is too large for a whole number of 64 bits (9223372036854775808)"},
		{`"type": "integer", "format": "int64"`, "-99999999999999999999", "",
			"x is too large for a whole number of 64 bits (-99999999999999999999)"},
		{`"type": "integer", "format": "uint64"`, "18446744073709551616", "", "x is too large"},
		{`"type": "integer", "format": "int64"`, "1e30", "",
			"x is too large for a whole number of 64 bits (1000000000000000000000000000000)"},
		{`"type": "array", "items": {"type": "integer", "format": "int64"}`, "[1, 9223372036854775808]", "",
			"x[1] is too large"},
		{`"type": "object", "additionalProperties": {"type": "integer", "format": "int64"}`,
			"{ a = 9223372036854775808 }", "", "x.a is too large"},
		{`"type": "number"`, "9007199254740993", "", "x has more digits than such a number keeps (9007199254740993)"},
		{`"maximum": 9007199254740991`, "9007199254740992", "",
			"x must be at most 9007199254740991 (9007199254740992)"},
		{`"type": "integer"`, strings.Repeat("123456789", 20), "", "the number has more than 150 digits"},
	} {
		t.Run(c.kind+" "+c.value, func(t *testing.T) {
			t.Parallel()
			file, o := write(t, "a.hcl", withSetting(c.value)), withSchema(`{"properties": {"x": {`+c.kind+`}}}`)
			if c.says != "" {
				if got := refuse(t, file, o); !strings.Contains(got, strings.TrimPrefix(c.says, "a.hcl:2,7-26: ")) ||
					!strings.Contains(got, "a.hcl:2") {
					t.Errorf("%s\nwant %s", got, c.says)
				}
				return
			}
			if got, want := string(load(t, file, o).Source.Config), `{"x":`+c.wants+`}`; got != want {
				t.Errorf("the plugin gets %s, want %s", got, want)
			}
		})
	}
}

// A leading ~/ is the home folder, wherever the file names a path.
func TestHomeFolder(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	const schema = `{"properties": {"x": {"x-scrapekit-path": "read"}, "y": {"items": {"x-scrapekit-path": "read"}}}}`
	withHome := func(env map[string]string) map[string]string {
		if env == nil {
			env = map[string]string{"HOME": home, "USERPROFILE": home}
		}
		return env
	}
	for _, c := range []struct {
		name, x, want string
		env           map[string]string
		says          string
	}{
		{"below it", `"~/data/in.txt"`, filepath.Join(home, "data", "in.txt"), nil, ""},
		{"itself", `"~"`, home, nil, ""},
		{"as a folder", `"~/"`, home + string(filepath.Separator), nil, ""},
		{"a file that begins so", `"~in.txt"`, "~in.txt", nil, ""},
		{"a folder in the middle", `"a/~/b"`, "a/~/b", nil, ""},
		{"a folder that is called so", `"./~/b"`, "~/b", nil, ""},
		{"somebody else's", `"~me/data"`, "", nil, "write the path of that user's home folder"},
		{"nobody's", `"~/data"`, "", map[string]string{}, "HOME does not say which"},
		{"a relative one", `"~/data"`, "", map[string]string{"HOME": "me", "USERPROFILE": "me"},
			"HOME does not say which"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file, o := write(t, "a.hcl", withSetting(c.x)), withSchema(schema)
			o.Getenv = options(nil, withHome(c.env)).Getenv
			if c.says != "" {
				if got := refuse(t, file, o); !strings.Contains(got, c.says) || strings.Count(got, "error:") != 1 {
					t.Errorf("%s\nwant %q, once", got, c.says)
				}
				return
			}
			want := c.want
			if !filepath.IsAbs(want) {
				want = filepath.Join(filepath.Dir(file), filepath.FromSlash(want))
			}
			if got := setting(t, load(t, file, o).Source, "x"); got != want {
				t.Errorf("the plugin gets %q, want %q", got, want)
			}
		})
	}
	t.Run("files and grants", func(t *testing.T) {
		t.Parallel()
		file := write(t, "a.hcl", "source \"github\" {\n  files {\n    path = \"~/files\"\n  }\n}\n"+
			"sink \"jsonl\" {\n  path = \"~/out/{stream}.jsonl\"\n}\n")
		p := load(t, file, options(nil, withHome(nil)))
		if got, want := p.Source.Files.Path, filepath.Join(home, "files"); got != want {
			t.Errorf("files are kept in %q, want %q", got, want)
		}
		if got, want := setting(t, p.Sinks[0], "path"), filepath.Join(home, "out", "{stream}.jsonl"); got != want {
			t.Errorf("the sink writes to %q, want %q", got, want)
		}
	})
}
