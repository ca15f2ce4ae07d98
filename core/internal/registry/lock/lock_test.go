package lock_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/hclfile"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/sdk"
)

const (
	keyText = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

const whole = `# The plugins of the pipelines in this folder, exactly. Made by ` + "`scrapekit init`" +
	`: keep it in version control, and change
# it by ` + "`scrapekit init --upgrade` and `scrapekit plugins`" + `.

lock_version = 1

plugin "oci-layout:./mirror#registry.example.com/acme/hello" {
  published_as = "registry.example.com/acme/hello"
  version      = "0.1.0-rc.1"
  name         = "hello"
  kind         = "source"
  protocol     = 1
  index        = "` + digestB + `"
  targets = {
    linux_arm64 = { archive = "` + digestA + `", binary = "` + digestB + `" }
  }
}

plugin "registry.example.com/acme/scrapekit-jira" {
  version     = "1.4.2"
  constraints = "~> 1.4"
  name        = "jira"
  kind        = "source"
  protocol    = 1
  index       = "` + digestA + `"
  targets = {
    darwin_arm64 = { archive = "` + digestB + `", binary = "` + digestA + `" }
    linux_amd64  = { archive = "` + digestA + `", binary = "` + digestB + `" }
  }

  signer {
    key   = "` + keyText + `"
    since = "2026-11-23"
  }

  permissions {
    http = ["https://*.example.com", "https://api.example.org"]
    dial = ["db.example.com:5432"]
  }
}
`

func version(t testing.TB, text string) artifact.Version {
	t.Helper()
	v, err := artifact.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func plugins(t testing.TB) []lock.Plugin {
	return []lock.Plugin{
		{
			Source:      "oci-layout:./mirror#registry.example.com/acme/hello",
			PublishedAs: "registry.example.com/acme/hello",
			Version:     version(t, "0.1.0-rc.1"), Name: "hello", Kind: sdk.KindSource, Protocol: 1, Index: digestB,
			Targets: map[artifact.Platform]lock.Target{"linux_arm64": {Archive: digestA, Binary: digestB}},
		},
		{
			Source: "registry.example.com/acme/scrapekit-jira", Version: version(t, "1.4.2"), Constraints: "~> 1.4",
			Name: "jira", Kind: sdk.KindSource, Protocol: 1, Index: digestA,
			Targets: map[artifact.Platform]lock.Target{
				"linux_amd64": {Archive: digestA, Binary: digestB}, "darwin_arm64": {Archive: digestB, Binary: digestA},
			},
			Signer: lock.Signer{Key: keyText, Since: "2026-11-23"},
			Permissions: sdk.Permissions{HTTP: []string{"https://api.example.org", "https://*.example.com"},
				Dial: []string{"db.example.com:5432"}},
		},
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	f := &lock.File{}
	all := plugins(t)
	f.Put(all[1]) // in any order
	f.Put(all[0])
	if got := string(f.Bytes()); got != whole {
		t.Errorf("got\n%s\nwant\n%s", got, whole)
	}
	path := lock.Beside(filepath.Join(t.TempDir(), "jira.hcl"))
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
	read, err := lock.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(read.Bytes()); got != whole {
		t.Errorf("read and written: \n%s", got)
	}
	if p := read.Plugins[1]; p.Line != 18 || p.Signer.Key != keyText || p.PublishedName() != p.Source ||
		!p.Equal(all[1]) || p.Equal(all[0]) {
		t.Errorf("%+v", p)
	}
	if p := read.Plugins[0]; p.PublishedName() != "registry.example.com/acme/hello" || p.Signer.Key != "" {
		t.Errorf("%+v", p)
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	none, err := lock.Read(filepath.Join(t.TempDir(), lock.FileName))
	if err != nil || len(none.Plugins) != 0 {
		t.Fatalf("no file: %v, %v", none, err)
	}
	f := &lock.File{}
	for _, p := range plugins(t) {
		f.Put(p)
	}
	newer := plugins(t)[1]
	newer.Version = version(t, "1.5.0")
	f.Put(newer)
	if got, ok := f.Get(newer.Source); !ok || got.Version.String() != "1.5.0" || len(f.Plugins) != 2 {
		t.Errorf("%+v", f.Plugins)
	}
	for word, want := range map[string]int{"jira": 1, "hello": 1, newer.Source: 1, "jir": 0, "": 0} {
		if got := f.Named(word); len(got) != want {
			t.Errorf("%q: %d plugins, want %d", word, len(got), want)
		}
	}
	if !f.Remove(newer.Source) || f.Remove(newer.Source) || len(f.Plugins) != 1 {
		t.Errorf("%+v", f.Plugins)
	}
}

func TestReadIsStrict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ replace, by, want string }{
		{"lock_version = 1", "lock_version = 2",
			":4: lock_version: it is 2, and this scrapekit reads 1: update scrapekit"},
		{"lock_version = 1", "", ":1: lock_version is missing"},
		{`"1.4.2"`, `"1.4"`, `:19: plugin "registry.example.com/acme/scrapekit-jira": version: "1.4" is not a version`},
		{`  version     = "1.4.2"`, "", `:18: plugin "registry.example.com/acme/scrapekit-jira": version is missing`},
		{`"~> 1.4"`, `"newest"`, `:20: plugin "registry.example.com/acme/scrapekit-jira": constraints: "newest" is not a version constraint`},
		{`kind        = "source"`, `kind = "sauce"`,
			`:22: plugin "registry.example.com/acme/scrapekit-jira": kind: a plugin is a source`},
		{`index       = "` + digestA, `index = "md5:abc`,
			`:24: plugin "registry.example.com/acme/scrapekit-jira": index: "md5:abc" is not a digest`},
		{`darwin_arm64`, `windows`, `:26: plugin "registry.example.com/acme/scrapekit-jira": targets: "windows" is not a platform`},
		{`{ archive = "` + digestB + `", binary = "` + digestA, `{ archive = "` + digestB + `", binary = "x`,
			`:26: plugin "registry.example.com/acme/scrapekit-jira": targets: "x" is not a digest`},
		{keyText, "RWQ", `:31: plugin "registry.example.com/acme/scrapekit-jira": signer: key: "RWQ" is not a minisign public key`},
		{"2026-11-23", "2026-13-23", `:32: plugin "registry.example.com/acme/scrapekit-jira": signer: since: "2026-13-23" is not a date`},
		{"db.example.com:5432", "db.example.com",
			`:35: plugin "registry.example.com/acme/scrapekit-jira": permissions: dial: "db.example.com"`},
		{"  dial =", "  exec =", `:37: plugin "registry.example.com/acme/scrapekit-jira": permissions: there is no "exec"`},
		{`plugin "registry.example.com/acme/scrapekit-jira"`,
			`plugin "oci-layout:./mirror#registry.example.com/acme/hello"`, ":18: a second plugin"},
		{`plugin "registry.example.com/acme/scrapekit-jira"`, `plugin "./bin/jira"`, ":18: source"},
		{`published_as = "registry.example.com/acme/hello"`, `published_as = "oci-layout:x"`, ":6: published_as"},
		{`linux_arm64 = {`, `#`, `:13: plugin "oci-layout:./mirror#registry.example.com/acme/hello": targets: it names no platform`},
	} {
		text := strings.Replace(whole, c.replace, c.by, 1)
		_, err := lock.Parse("scrapekit.lock.hcl", []byte(text))
		var one *hclfile.Error
		if err == nil || !errors.As(err, &one) || !strings.Contains(err.Error(), "scrapekit.lock.hcl"+c.want) {
			t.Errorf("%q for %q:\n%v\nwant %s", c.by, c.replace, err, c.want)
		}
	}
}

// TestRoundTrip: what was written is read, and written again the same.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	hex := rapid.StringMatching(`[0-9a-f]{64}`)
	rapid.Check(t, func(t *rapid.T) {
		f := &lock.File{}
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,8}`), 0, 4, rapid.ID).Draw(t,
			"names") {
			v, err := artifact.ParseVersion(rapid.StringMatching(`[1-9]\.[0-9]\.[0-9](-rc\.[1-9])?`).Draw(t, "version"))
			if err != nil {
				t.Fatal(err)
			}
			p := lock.Plugin{
				Source: "registry.example.com/x/" + name, Version: v, Name: name,
				Kind:     rapid.SampledFrom([]sdk.Kind{sdk.KindSource, sdk.KindSink}).Draw(t, "kind"),
				Protocol: rapid.IntRange(1, 9).Draw(t, "protocol"),
				Index:    digest.Digest("sha256:" + hex.Draw(t, "index")), Targets: map[artifact.Platform]lock.Target{},
				Constraints: rapid.SampledFrom([]string{"", "~> 1.0", ">= 1.0, < 2.0"}).Draw(t, "constraints"),
			}
			for _, platform := range rapid.SliceOfNDistinct(rapid.SampledFrom([]artifact.Platform{"linux_amd64",
				"darwin_arm64", "windows_amd64"}), 1, 3, rapid.ID).Draw(t, "platforms") {
				p.Targets[platform] = lock.Target{Archive: digest.Digest("sha256:" + hex.Draw(t, "archive")),
					Binary: digest.Digest("sha256:" + hex.Draw(t, "binary"))}
			}
			if rapid.Bool().Draw(t, "signed") {
				p.Signer = lock.Signer{Key: keyText, Since: "2026-11-25"}
				p.Permissions.FSRead = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zé"$ {]{1,9}`), 1, 3,
					rapid.ID).Draw(t, "fs_read")
			}
			f.Put(p)
		}
		again, err := lock.Parse("x", f.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, f.Bytes())
		}
		if !bytes.Equal(again.Bytes(), f.Bytes()) {
			t.Fatalf("%s\n%s", f.Bytes(), again.Bytes())
		}
		for i := range f.Plugins {
			want, got := f.Plugins[i], again.Plugins[i]
			got.Line = 0
			want.Permissions, got.Permissions = want.Permissions.Or(sdk.Permissions{}), got.Permissions.Or(
				sdk.Permissions{})
			if got.Version.Compare(want.Version) != 0 {
				t.Fatalf("%v, want %v", got.Version, want.Version)
			}
			got.Version = want.Version
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("\n%+v\n%+v", got, want)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := lock.Parse("x", raw)
		if err != nil {
			return
		}
		again, err := lock.Parse("x", file.Bytes())
		if err != nil || !bytes.Equal(again.Bytes(), file.Bytes()) {
			t.Errorf("%v\n%s", err, file.Bytes())
		}
	})
}

// TestWriteFails: the old file stays.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none", lock.FileName)
	if err := (&lock.File{}).Write(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("written into no folder: %v", err)
	}
}
