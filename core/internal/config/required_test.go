// Required plugins that are published: which are asked for, and what is made of the answer.

package config_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/sdk"
)

const requiring = `
variable "host" {
  default = "registry.example.com"
}

variable "missing" {
}

pipeline {
  required_plugins {
    forum  = { source = "${var.host}/acme/scrapekit-forum", version = "~> 1.2" }
    mine   = { source = "./bin/mine" }
    filed  = { source = "file:bin/filed" }
    folder = { source = "oci-layout:./plugins#registry.example.com/acme/x" }
  }
}

source "forum" {
}

sink "./bin/out" {
}
`

func TestInstalledPlugins(t *testing.T) {
	t.Parallel()
	file := write(t, "forum.hcl", strings.Replace(requiring, `variable "missing" {`, `variable "given" {
  default = 1`, 1), "bin/mine", "#!/bin/sh\n", "bin/out", "#!/bin/sh\n")
	o := options(nil, nil)
	var asked []config.Requirement
	o.Installed = func(r config.Requirement) (config.Program, error) {
		asked = append(asked, r)
		return config.Program{Path: filepath.Join(filepath.Dir(file), "bin", "mine"), Digest: "sha256:abc",
			Version: "1.2.3", Warning: "it is odd"}, nil
	}
	o.Granted = func(b config.BlockRef) sdk.Permissions {
		if b.Path != "" && b.Source != "" && b.Version != "1.2.3" {
			t.Errorf("granted to %+v?", b)
		}
		return sdk.Permissions{}
	}
	p, diagnostics := config.Load(t.Context(), file, o)
	if diagnostics.HasErrors() || len(diagnostics) != 1 || diagnostics[0].Line != 12 ||
		!strings.Contains(diagnostics[0].Summary, "plugin forum: it is odd") {
		t.Fatalf("%v", diagnostics)
	}
	if len(asked) != 1 || asked[0].Name != "forum" || asked[0].Source != "registry.example.com/acme/scrapekit-forum" ||
		asked[0].Constraint != "~> 1.2" || asked[0].Pos != "forum.hcl:12" {
		t.Errorf("asked for %+v", asked)
	}
	if b := p.Source; b.Source != asked[0].Source || b.Version != "1.2.3" || b.Digest != "sha256:abc" ||
		filepath.Base(b.Path) != "mine" {
		t.Errorf("%+v", b)
	}
	if b := p.Sinks[0]; b.Source != "" || b.Digest != "" {
		t.Errorf("a program by its path: %+v", b)
	}
	for text, err := range map[string]error{
		"scrapekit init ":            &config.NotInstalledError{Text: "it is not installed"},
		"plugin forum: it is broken": errors.New("it is broken"),
	} {
		o.Installed = func(config.Requirement) (config.Program, error) { return config.Program{}, err }
		_, diagnostics := config.Load(t.Context(), file, o)
		if len(diagnostics) != 1 || !strings.Contains(diagnostics[0].String(), text) {
			t.Errorf("%v: %v", err, diagnostics)
		}
	}
}

// TestRequirements: they are read from a file that is not ready to run.
func TestRequirements(t *testing.T) {
	t.Parallel()
	file := write(t, "forum.hcl", requiring)
	got, diagnostics := config.Requirements(t.Context(), file,
		options(map[string]string{"host": "other.example.com"}, nil))
	if len(diagnostics) != 0 {
		t.Fatalf("%v", diagnostics)
	}
	var list []string
	for _, r := range got {
		kind := "published"
		if r.Path != "" {
			kind = "local " + filepath.ToSlash(strings.TrimPrefix(r.Path, filepath.Dir(file)))
		}
		list = append(list, strings.Join([]string{r.Pos, r.Name, r.Source, r.Constraint, kind}, "|"))
	}
	want := []string{
		"forum.hcl:11|forum|other.example.com/acme/scrapekit-forum|~> 1.2|published",
		"forum.hcl:12|mine|./bin/mine||local /bin/mine",
		"forum.hcl:13|filed|file:bin/filed||local /bin/filed",
		"forum.hcl:14|folder|oci-layout:./plugins#registry.example.com/acme/x||published",
		"forum.hcl:21|./bin/out|./bin/out||local /bin/out",
	}
	if strings.Join(list, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(list, "\n"))
	}
	for text, want := range map[string]string{
		"pipeline {": ":1: ",
		strings.Replace(requiring, `"~> 1.2"`, "var.missing", 1): ":11: required_plugins: forum does not say where",
		strings.Replace(requiring, `"~> 1.2"`, "var.nothing", 1): `:11: there is no variable "nothing"`,
	} {
		if _, d := config.Requirements(t.Context(), write(t, "forum.hcl", text), options(nil, nil)); !d.HasErrors() ||
			!strings.Contains(d.Error(), want) {
			t.Errorf("%s: %v", want, d)
		}
	}
	if got, d := config.Requirements(t.Context(), write(t, "other.hcl", "a = 1\n"), options(nil, nil)); len(got) != 0 ||
		len(d) != 0 {
		t.Errorf("no pipeline: %v, %v", got, d)
	}
}
