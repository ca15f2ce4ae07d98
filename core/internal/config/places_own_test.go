// Settings that a plugin calls paths: they give it files, but none of the user's own by an ordinary
// word.

package config_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/settings"
)

type pathSettings struct {
	In  string   `json:"in" path:"read"`
	Out string   `json:"out" path:"write"`
	All []string `json:"all" path:"read"`
}

// withPaths loads a file whose source is somebody's plugin with settings that are paths.
func withPaths(t *testing.T, body string, change func(dir string, o *config.Options)) (*config.Pipeline, string,
	config.Diagnostics) {
	t.Helper()
	file := write(t, "p.hcl", "source \"./plugin\" {\n"+body+
		"\n}\nsink \"jsonl\" {\n  path = \"out/{stream}.jsonl\"\n}\n", "plugin", "#!/bin/sh\n")
	o := options(nil, nil)
	known := o.Lookup
	o.Lookup = func(ctx context.Context, b config.BlockRef) (sdk.Info, error) {
		if b.Path == "" {
			return known(ctx, b)
		}
		return sdk.Info{Name: "plugin", Version: "1", Kind: b.Kind, Config: settings.Schema[pathSettings]()}, nil
	}
	if change != nil {
		change(filepath.Dir(file), &o)
	}
	p, d := config.Load(t.Context(), file, o)
	return p, filepath.Dir(file), d
}

// TestOwnPlaces is not parallel: it changes the home folder.
func TestOwnPlaces(t *testing.T) {
	outer := t.TempDir()
	home := filepath.Join(outer, "home")
	for _, dir := range []string{filepath.Join(home, "data"), filepath.Join(outer, "store", "x")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	links := func(dir string, o *config.Options) {
		o.Own = []string{filepath.Join(outer, "store")}
		for name, to := range map[string]string{"root": "/", "here": ".", "home": home} {
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(filepath.Join(dir, ".scrapekit", "p"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ settings, want string }{
		{`in = "/"`, "in is a path to the plugin: / is the whole file system"},
		{`in = "root"`, "is the whole file system"},
		{`in = "."`, "is the folder of the pipeline file, or holds it"},
		{`in = ".."`, "is the folder of the pipeline file, or holds it"},
		{`in = "here/here"`, "is the folder of the pipeline file, or holds it"},
		{`in = "p.hcl"`, "is the pipeline file, or holds it"},
		{`in = "scrapekit.lock.hcl"`, "is the lock file, or holds it"},
		{`in = ".scrapekit"`, "is the state of the pipelines, or holds it"},
		{`in = "here/.scrapekit/p/new"`, "is in the state of the pipelines"},
		{`in = "` + home + `"`, "is your home folder, or holds it"},
		{`in = "home"`, "is your home folder, or holds it"},
		{`in = "` + outer + `"`, "is your home folder, or holds it"},
		{`in = "` + filepath.Join(outer, "store", "x", "new") + `"`, "is in your scrapekit settings and programs"},
		{`all = ["data", "/"]`, "all is a path to the plugin: / is the whole file system"},
		{`out = "world"`, "is the folder of the pipeline file, or holds it"},
		{`in = "root/etc/passwd"`, "leads to /etc/passwd, by a link out of the folder of the pipeline file"},
		{`in = "home/data"`, "leads to " + filepath.Join(home, "data") + ", by a link out of"},
		{`out = "root/tmp/x/"`, "leads to /tmp/x, by a link out of"},
		{`out = ".git/hooks/x"`, "is in the git data of the folder"},
		{`out = "here/.git/x"`, "is the git data of the folder, or holds it"},
		{`out = "/api"`, "/ is the whole file system"},
		{`out = ".scrapekit/p/x"`, "is in the state of the pipelines"},
	} {
		_, _, d := withPaths(t, c.settings, links)
		if len(d) != 1 || !d.HasErrors() || !strings.Contains(d[0].Summary+d[0].Detail, c.want) ||
			!strings.Contains(d[0].Detail, "grant {\n  fs_") {
			t.Errorf("%s: %v\nwant %s", c.settings, d, c.want)
		}
	}
	for _, fine := range []string{`in = "data"`, `in = "here/data"`, `in = "/etc/hostname"`, `out = "out/"`,
		`out = "` + filepath.Join(home, "data") + `/"`, `in = "-"`, `in = ""`, `all = ["a", "b/c"]`} {
		if p, _, d := withPaths(t, fine, links); len(d) > 0 || fine != `in = "-"` && fine != `in = ""` &&
			len(p.Source.Read)+len(p.Source.Write) == 0 {
			t.Errorf("%s: %v", fine, d)
		}
	}
}

// TestGrantedPlaces: what is granted in so many words the plugin has, and without it runs without.
func TestGrantedPlaces(t *testing.T) {
	t.Parallel()
	p, dir, d := withPaths(t, "in = \"/\"\nout = \"world\"\ngrant {\n  fs_read = [\"/\"]\n}", nil)
	if len(d) > 0 || !slices.Equal(p.Source.Read, []string{"/"}) || len(p.Source.Write) > 0 {
		t.Errorf("%v: %+v", d, p)
	}
	if p, _, d = withPaths(t, "out = \"world\"\ngrant {\n  fs_write = [\".\"]\n}", nil); len(d) > 0 ||
		len(p.Source.Write) != 1 {
		t.Errorf("%v in %s: %+v", d, dir, p)
	}
}

// TestPathsInTheFile are known by their settings.
func TestPathsInTheFile(t *testing.T) {
	t.Parallel()
	p, dir, d := withPaths(t, "out = \"o/x\"\nall = [\"a\"]", nil)
	if len(d) > 0 {
		t.Fatal(d)
	}
	got := slices.SortedFunc(slices.Values(p.Source.Paths),
		func(a, b config.PathSetting) int { return strings.Compare(a.Setting, b.Setting) })
	want := []config.PathSetting{{Setting: "all", Path: filepath.Join(dir, "a")},
		{Setting: "out", Path: filepath.Join(dir, "o"), Write: true}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

// TestMorePathsThanInstalled: what a published plugin calls a path at the start must have been one
// when it was installed.
func TestMorePathsThanInstalled(t *testing.T) {
	t.Parallel()
	installed := artifact.Paths{Read: []string{"all[]", "all", "in"}, Write: []string{"out"}}
	for _, c := range []struct {
		paths artifact.Paths
		want  string
	}{{installed, ""}, {artifact.Paths{Read: installed.Read},
		"when it was installed it did not write in the folder that its setting out names"}} {
		file := write(t, "p.hcl", "pipeline {\n required_plugins {\n"+
			" x = { source = \"registry.example.com/a/x\" }\n}\n}\n"+
			"source \"x\" {\n in = \"data\"\n}\nsink \"jsonl\" {\n path = \"out/x.jsonl\"\n}\n")
		o := options(nil, nil)
		known := o.Lookup
		o.Lookup = func(ctx context.Context, b config.BlockRef) (sdk.Info, error) {
			if b.Path == "" {
				return known(ctx, b)
			}
			return sdk.Info{Name: "x", Version: "1", Kind: b.Kind, Config: settings.Schema[pathSettings]()}, nil
		}
		o.Installed = func(config.Requirement) (config.Program, error) {
			return config.Program{Path: "/x", Digest: "sha256:x", Version: "1"}, nil
		}
		o.Paths = func(config.BlockRef) artifact.Paths { return c.paths }
		_, d := config.Load(t.Context(), file, o)
		if d.HasErrors() != (c.want != "") || c.want != "" && !strings.Contains(d.Error(), c.want) {
			t.Errorf("%v, want %q", d, c.want)
		}
	}
}

// TestGrantBlockIsQuoted: the block to paste is what it is meant to be, whatever a plugin asks for.
func TestGrantBlockIsQuoted(t *testing.T) {
	t.Parallel()
	asks := []string{`in"] } http { allow_private = true } x { y = ["`, `a${file("/etc/hostname")}b`,
		`%{ if true }x%{ endif }`, `back\slash`, `日本`}
	_, dir, d := withGrant(t, sdk.Permissions{FSRead: asks}, "")
	if len(d) != 1 {
		t.Fatal(d)
	}
	_, block, _ := strings.Cut(d[0].Detail, "\ngrant {")
	block, _, _ = strings.Cut("grant {"+block, "\nempty braces")
	parsed, problems := hclsyntax.ParseConfig([]byte(block), "paste.hcl", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatalf("%v\n%s", problems, block)
	}
	grant := parsed.Body.(*hclsyntax.Body).Blocks[0].Body
	v, problems := grant.Attributes["fs_read"].Expr.Value(nil) // which knows no function and no variable
	if problems.HasErrors() || len(grant.Attributes) != 1 || len(grant.Blocks) > 0 {
		t.Fatalf("%v\n%s", problems, block)
	}
	var got []string
	for _, one := range v.AsValueSlice() {
		got = append(got, one.AsString())
	}
	for i := range asks {
		asks[i] = filepath.Join(dir, asks[i])
	}
	slices.Sort(asks)
	if !slices.Equal(got, asks) {
		t.Errorf("%q, want %q\n%s", got, asks, block)
	}
}
