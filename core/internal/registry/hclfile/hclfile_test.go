package hclfile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scrapekit/scrapekit/core/internal/registry/hclfile"
)

const whole = `# What it is.

version = 1

plugin "a" {
  name  = "x"
  parts = ["1", "2"]
  loud  = true
  targets = {
    linux_amd64 = { archive = "p", binary = "q" }
    darwin      = { archive = "r", binary = "s" }
  }

  signer {
    key = "k"
  }
}
`

func TestRead(t *testing.T) {
	t.Parallel()
	f, err := hclfile.Parse("x.hcl", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	top := f.Body()
	if got := top.Whole("version"); got != 1 {
		t.Errorf("version: %d", got)
	}
	blocks := top.Blocks("plugin")
	if len(blocks) != 1 || blocks[0].Label != "a" || blocks[0].Line != 5 {
		t.Fatalf("blocks: %+v", blocks)
	}
	p := blocks[0]
	if got := p.Need("name"); got != "x" {
		t.Errorf("name: %q", got)
	}
	if got := p.Texts("parts"); !reflect.DeepEqual(got, []string{"1", "2"}) {
		t.Errorf("parts: %q", got)
	}
	if !p.Flag("loud") || p.Flag("quiet") {
		t.Error("flags")
	}
	want := []hclfile.Row{
		{Name: "linux_amd64", Line: 10, Fields: map[string]string{"archive": "p", "binary": "q"}},
		{Name: "darwin", Line: 11, Fields: map[string]string{"archive": "r", "binary": "s"}},
	}
	if got := p.Table("targets", "archive", "binary"); !reflect.DeepEqual(got, want) {
		t.Errorf("targets: %+v", got)
	}
	if got := p.Block("signer").Need("key"); got != "k" {
		t.Errorf("key: %q", got)
	}
	if p.Block("none") != nil || p.Text("nothing") != "" || p.Texts("nothing") != nil ||
		p.Table("nothing", "x") != nil {
		t.Error("what is not there was found")
	}
	p.Done()
	top.Done()
	if err := f.Err(); err != nil {
		t.Error(err)
	}
}

// read asks a file for everything that whole has.
func read(text string) error {
	f, err := hclfile.Parse("x.hcl", []byte(text))
	if err != nil {
		return err
	}
	top := f.Body()
	top.Whole("version")
	for _, p := range top.Blocks("plugin") {
		p.Need("name")
		p.Texts("parts")
		p.Flag("loud")
		p.Table("targets", "archive", "binary")
		if s := p.Block("signer"); s != nil {
			s.Need("key")
			s.Done()
		}
		p.Done()
	}
	top.Done()
	return f.Err()
}

func TestReadIsStrict(t *testing.T) {
	t.Parallel()
	if err := read(whole); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ replace, by, want string }{
		{"version = 1", "", "x.hcl:1: version is missing"},
		{"version = 1", "version = 1.5", "x.hcl:3: version: want a whole number"},
		{"version = 1", "version = -1", "x.hcl:3: version: want a whole number"},
		{"version = 1", "version = 1\nversion = 2", "x.hcl:4: attribute redefined"},
		{"version = 1", "version = 1\ncolour = 2", `x.hcl:4: there is no "colour"; known: version, plugin`},
		{"signer", "sinner", `x.hcl:14: plugin "a": there is no block "sinner"`},
		{`key = "k"`, "", `x.hcl:14: plugin "a": signer: key is missing`},
		{`name  = "x"`, "name = 1", `x.hcl:6: plugin "a": name: want text in quotes`},
		{`name  = "x"`, "name = null", `x.hcl:6: plugin "a": name: it has no value`},
		{`name  = "x"`, `name = env("HOME")`, `x.hcl:6: function calls not allowed`},
		{`["1", "2"]`, `[for a in ["1"] : [for b in ["2"] : b]]`,
			`x.hcl:7: a loop cannot stand here: this file holds values`},
		{`name  = "x"`, "name = \"%{ for a in [1] }x%{ endfor }\"", `x.hcl:6: a loop cannot stand here`},
		{`name  = "x"`, `name = "${var.x}"`, `x.hcl:6: variables not allowed`},
		{`["1", "2"]`, `["1", 2]`, `x.hcl:7: plugin "a": parts: want a list`},
		{`true`, `"true"`, `x.hcl:8: plugin "a": loud: want true or false`},
		{`darwin   `, `linux_amd64`, `x.hcl:11: plugin "a": targets: "linux_amd64" is there twice`},
		{`binary = "s"`, `bin = "s"`, `x.hcl:11: plugin "a": darwin: "bin" is not one of archive, binary`},
		{`, binary = "s"`, ``, `x.hcl:11: plugin "a": darwin: binary is missing`},
		{`{ archive = "r", binary = "s" }`, `"r"`, `x.hcl:11: plugin "a": want NAME = { archive = …, binary = … }`},
		{`plugin "a"`, `plugin`, `x.hcl:5: want plugin "…" { … }`},
		{`plugin "a"`, `plugin "a" "b"`, `x.hcl:5: want plugin "…" { … }`},
		{`signer {`, `signer "me" {`, `x.hcl:14: plugin "a": the block signer has no label`},
		{`signer {`, "signer {\nkey = \"1\"\n}\nsigner {",
			`x.hcl:17: plugin "a": a second block signer; the first is in line 14`},
		{`version = 1`, "<<<<<<< HEAD\nversion = 1", "x.hcl:3: it has an unresolved git conflict"},
		{`version = 1`, "version = " + strings.Repeat("[", 10000), "x.hcl:3: brackets nest too deep"},
		{`version = 1`, "version = ", "x.hcl:3: "},
	} {
		err := read(strings.Replace(whole, c.replace, c.by, 1))
		var one *hclfile.Error
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &one) {
			t.Errorf("%q for %q: %v\nwant %s", c.by, c.replace, err, c.want)
		}
	}
	if _, err := hclfile.Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestRoundTrip writes any text and reads the same.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~é\n\t${%"\\]{0,20}`)
		label, value := rapid.StringMatching(`[a-zé/.:"${]{1,20}`).Draw(t, "label"), text.Draw(t, "value")
		list := rapid.SliceOfN(text, 1, 3).Draw(t, "list")
		var w hclfile.Writer
		w.Comment("made by a test")
		w.Whole("n", 7)
		w.Block("b", label, func() {
			w.Text("value", value)
			w.Texts("list", list)
			w.Flag("yes", true)
			w.Flag("no", false)
			w.Table("rows", []hclfile.Row{{Name: "r", Fields: map[string]string{"f": "v" + value}}}, "f")
		})
		f, err := hclfile.Parse("x", w.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, w.Bytes())
		}
		b := f.Body().Blocks("b")[0]
		rows := b.Table("rows", "f")
		if b.Label != label || b.Text("value") != value || !reflect.DeepEqual(b.Texts("list"), list) ||
			!b.Flag("yes") || b.Flag("no") ||
			len(rows) != 1 || rows[0].Fields["f"] != "v"+value || f.Err() != nil {
			t.Fatalf("%v %q\n%s", f.Err(), b.Text("value"), w.Bytes())
		}
	})
}

// FuzzParse reads anything without a panic, and what is wrong has a line of the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("a = {\"b\" = {c = <<EOF\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		err := read(string(raw))
		var all hclfile.Errors
		if errors.As(err, &all) {
			for _, e := range all {
				if e.Line < 1 || e.Line > 2+bytes.Count(raw, []byte("\n")) {
					t.Errorf("line %d", e.Line)
				}
			}
		}
	})
}
