// Grants: what a plugin gets of what it asks for, and what it is told.

package config_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/settings"
)

type databaseSettings struct {
	Address string `json:"address" required:"true" dial:"true"`
	CA      string `json:"ca" path:"read"`
}

// thirdParty has a sink that asks for more than its settings say.
func thirdParty(asks sdk.Permissions) config.Options {
	o := options(nil, nil)
	known := o.Lookup
	o.Lookup = func(ctx context.Context, b config.BlockRef) (sdk.Info, error) {
		if b.Path == "" {
			return known(ctx, b)
		}
		return sdk.Info{Name: "database", Version: "1", Kind: b.Kind, Config: settings.Schema[databaseSettings](),
			Permissions: asks}, nil
	}
	return o
}

const toDatabase = `source "jira" {
  url      = "https://jira.example.com"
  projects = ["A"]
}

sink "./database" {
  address = "postgres://me@db.example.com/records"
  ca      = "certs/ca.pem"
%s
}
`

func withGrant(t *testing.T, asks sdk.Permissions, grant string) (config.Block, string, config.Diagnostics) {
	t.Helper()
	file := write(t, "p.hcl", strings.Replace(toDatabase, "%s", grant, 1), "database", "#!/bin/sh\n")
	p, diagnostics := config.Load(t.Context(), file, thirdParty(asks))
	if p == nil {
		return config.Block{}, filepath.Dir(file), diagnostics
	}
	return p.Sinks[0], filepath.Dir(file), diagnostics
}

// TestSettingsGrant: what the file itself writes into a plugin's settings needs no other word.
func TestSettingsGrant(t *testing.T) {
	t.Parallel()
	b, dir, d := withGrant(t, sdk.Permissions{}, "")
	if len(d) > 0 {
		t.Fatal(d)
	}
	if !slices.Equal(b.Dial, []string{"db.example.com:5432"}) ||
		!slices.Equal(b.Read, []string{filepath.Join(dir, "certs", "ca.pem")}) || len(b.Write) > 0 {
		t.Errorf("%q %q %q", b.Dial, b.Read, b.Write)
	}
}

// TestSocketIsGranted: a setting that is the path of a Unix socket grants it, by that path alone.
func TestSocketIsGranted(t *testing.T) {
	t.Parallel()
	file := write(t, "p.hcl", strings.Replace(strings.Replace(toDatabase, "%s", "", 1),
		"postgres://me@db.example.com/records",
		"/run/x/../db.sock", 1), "database", "#!/bin/sh\n")
	p, d := config.Load(t.Context(), file, thirdParty(sdk.Permissions{}))
	if len(d) > 0 {
		t.Fatal(d)
	}
	if b := p.Sinks[0]; !slices.Equal(b.Dial, []string{"unix:/run/db.sock"}) {
		t.Errorf("%q", b.Dial)
	}
}

func TestAskedAndNotGranted(t *testing.T) {
	t.Parallel()
	asks := sdk.Permissions{FSWrite: []string{"spool"}, Dial: []string{"*.example.com:5432"},
		HTTP: []string{"https://metrics.example.com"}}
	_, dir, d := withGrant(t, asks, "")
	if len(d) != 1 {
		t.Fatal(d)
	}
	text := d[0].Summary + "\n" + d[0].Detail
	for _, want := range []string{
		"the plugin needs permissions that are not granted", "open connections: *.example.com:5432",
		"grant {\n", `http = ["https://metrics.example.com"]`, `fs_write = ["` + filepath.Join(dir, "spool") + `"]`,
		`dial = ["*.example.com:5432"]`,
	} {
		if d[0].Line != 6 || !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	// What is shown can be pasted.
	_, block, _ := strings.Cut(text, "grant {")
	block, _, _ = strings.Cut(block, "}")
	file := write(t, "p.hcl", strings.Replace(toDatabase, "%s", "grant {"+block+"}", 1), "database", "#!/bin/sh\n")
	asks.FSWrite = []string{filepath.Join(dir, "spool")}
	p, d := config.Load(t.Context(), file, thirdParty(asks))
	if len(d) > 0 {
		t.Fatalf("%v\n%s", d, block)
	}
	if b := p.Sinks[0]; !slices.Equal(b.Write, asks.FSWrite) || !slices.Contains(b.Dial, "*.example.com:5432") ||
		!slices.Equal(b.HTTP.Allow, origins(t, asks.HTTP...)) {
		t.Errorf("%q %q %q", b.Write, b.Dial, b.HTTP.Allow)
	}
}

// TestGrantedInPart: a plugin has what is both asked for and granted.
func TestGrantedInPart(t *testing.T) {
	t.Parallel()
	asks := sdk.Permissions{FSRead: []string{"a"}, Dial: []string{"*:6379"}}
	b, _, d := withGrant(t, asks, "grant {\n dial = [\"cache.example.com:6379\", \"other.example.com:80\"]\n}")
	if d.HasErrors() || len(d) != 1 || !strings.Contains(d[0].Summary,
		`"other.example.com:80" is granted without need`) {
		t.Errorf("%v", d)
	}
	if !slices.Equal(b.Dial, []string{"cache.example.com:6379", "db.example.com:5432"}) || len(b.Read) != 1 {
		t.Errorf("%q %q", b.Dial, b.Read)
	}
	_, _, d = withGrant(t, asks, "grant {\n dial = [\"cache.example.com\"]\n}")
	if !d.HasErrors() || !strings.Contains(d.Error(), "host:port") {
		t.Errorf("%v", d)
	}
}

// TestSinksFolder: a sink of files gets the folder of its output and nothing else.
func TestSinksFolder(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"out/{stream}.jsonl": "out", "out/all.jsonl": "out", "out/{date}/{stream}.jsonl": "out",
		"out/a-{stream}/x.jsonl": "out", "all.jsonl": ".",
	} {
		file := write(t, "p.hcl", strings.Replace(strings.Replace(toDatabase, "%s", "", 1),
			toDatabase[strings.Index(toDatabase, "sink"):strings.Index(toDatabase, "%s")],
			"sink \"jsonl\" {\n  path = \""+path+"\"\n", 1))
		p, d := config.Load(t.Context(), file, options(nil, nil))
		if d.HasErrors() {
			t.Fatal(d)
		}
		b := p.Sinks[0]
		if !slices.Equal(b.Write, []string{filepath.Join(filepath.Dir(file), want)}) || len(b.Dial) > 0 ||
			len(b.HTTP.Allow) > 0 {
			t.Errorf("%s: writes %q, dials %q, asks %q", path, b.Write, b.Dial, b.HTTP.Allow)
		}
	}
}

// TestMethods: a source may send GET and HEAD, and what it asks for and is granted, or what the
// file says.
func TestMethods(t *testing.T) {
	t.Parallel()
	post := sdk.Permissions{Methods: []string{"POST"}}
	for _, c := range []struct {
		name  string
		asks  sdk.Permissions
		kind  string
		block string
		want  []string // nil: any
		fails string
	}{
		{"a source", sdk.Permissions{}, "source", "", []string{"GET", "HEAD"}, ""},
		{"it asks", post, "source", "", nil, "send over HTTP, beside GET and HEAD: POST"},
		{"it is granted", post, "source", "grant {\n methods = [\"POST\"]\n}", []string{"GET", "HEAD", "POST"}, ""},
		{"it is not granted", post, "source", "grant {}", []string{"GET", "HEAD"}, ""},
		{"the file says it", post, "source", "http {\n methods = [\"GET\", \"POST\"]\n}", []string{"GET", "POST"}, ""},
		{"the file says it, and it does not ask", sdk.Permissions{}, "source",
			"http {\n methods = [\"GET\", \"DELETE\"]\n}", []string{"GET", "DELETE"}, ""},
		{"the file says less", post, "source", "http {\n methods = [\"GET\"]\n}", []string{"GET"}, ""},
		{"a transform", sdk.Permissions{}, "transform", "", nil, ""},
		{"a transform that is held", sdk.Permissions{}, "transform", "http {\n methods = [\"POST\"]\n}",
			[]string{"POST"}, ""},
		{"no method", sdk.Permissions{}, "source", "http {\n methods = [\"get\"]\n}", nil, "no method of HTTP"},
	} {
		source := "source \"jira\" {\n url = \"https://jira.example.com\"\n projects = [\"A\"]\n}\n"
		if c.kind == "source" {
			source = ""
		}
		text := source + c.kind + " \"./database\" {\n address = \"db.example.com:1\"\n" + c.block +
			"\n}\nsink \"jsonl\" {\n path = \"out/x.jsonl\"\n}\n"
		p, d := config.Load(t.Context(), write(t, "p.hcl", text, "database", "#!/bin/sh\n"), thirdParty(c.asks))
		if c.fails != "" {
			if !strings.Contains(d.Error(), c.fails) {
				t.Errorf("%s: %v", c.name, d)
			}
			continue
		}
		if len(d) > 0 {
			t.Errorf("%s: %v", c.name, d)
			continue
		}
		b := p.Source
		if c.kind == "transform" {
			b = p.Transforms[0]
		}
		if !slices.Equal(b.HTTP.Methods, c.want) || (b.HTTP.Methods == nil) != (c.want == nil) {
			t.Errorf("%s: %q", c.name, b.HTTP.Methods)
		}
	}
}
