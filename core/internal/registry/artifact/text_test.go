package artifact_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/sdk"
)

func TestParseSource(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]artifact.Source{
		"registry.example.com/acme/scrapekit-jira": {Kind: artifact.Registry, Host: "registry.example.com",
			Path: "acme/scrapekit-jira"},
		"registry.example.com:5000/jira": {Kind: artifact.Registry,
			Host: "registry.example.com:5000", Path: "jira"},
		"localhost:5000/acme/jira": {Kind: artifact.Registry, Host: "localhost:5000",
			Path: "acme/jira"},
		"[::1]:5000/jira": {Kind: artifact.Registry, Host: "[::1]:5000",
			Path: "jira"},
		"github.com/Acme/Scrapekit-Jira": {Kind: artifact.GitHub, Host: "github.com",
			Path: "Acme/Scrapekit-Jira"},
		"https://example.com/plugins/jira": {Kind: artifact.HTTPS, Host: "example.com",
			Path: "plugins/jira"},
		"http://127.0.0.1:8080/jira": {Kind: artifact.HTTPS, Host: "127.0.0.1:8080",
			Path: "jira"},
		"oci-layout:./plugins": {Kind: artifact.Layout, Path: "./plugins"},
		"oci-layout:/srv/x#registry.example.com/acme/jira": {Kind: artifact.Layout, Path: "/srv/x",
			Name: "registry.example.com/acme/jira"},
		"oci-layout:../mirror#https://example.com/plugins/jira": {Kind: artifact.Layout, Path: "../mirror",
			Name: "https://example.com/plugins/jira"},
	} {
		want.Text = text
		if want.Kind != artifact.Layout {
			want.Name = text
		}
		if got, err := artifact.ParseSource(text); err != nil || got != want {
			t.Errorf("%s: %+v (%v), want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                     "empty",
		"jira":                                 "want HOST/PATH",
		"acme/jira":                            "want HOST/PATH",
		"Registry.example.com/jira":            "want HOST/PATH",
		"registry.example.com/Acme/jira":       "lower-case letters",
		"registry.example.com/jira:1.2.3":      "the version stands apart",
		"registry.example.com/jira@sha256:00":  "the version stands apart",
		"registry.example.com/acme/../jira":    "lower-case letters",
		"registry.example.com/acme//jira":      "lower-case letters",
		"registry.example.com/jira/":           "lower-case letters",
		"reg\u0456stry.example.com/jira":       "want HOST/PATH", // a letter that looks like another
		"github.com/acme":                      "OWNER/REPOSITORY",
		"github.com/acme/..":                   "OWNER/REPOSITORY",
		"github.com/acme/jira/tree":            "OWNER/REPOSITORY",
		"http://example.com/jira":              "only https://",
		"ftp://example.com/jira":               "only https://",
		"https://example.com":                  "the path must be plain",
		"https://example.com/a/../b":           "the path must be plain",
		"https://example.com/a/":               "the path must be plain",
		"https://example.com/a%2fb":            "the path must be plain",
		"https://me:secret@example.com/jira":   "a scheme, a host and a path",
		"https://example.com/jira?token=x":     "a scheme, a host and a path",
		"https://EXAMPLE.com/jira":             "lower-case ASCII",
		"oci-layout:":                          "the folder is missing",
		"oci-layout:x#oci-layout:y":            "no other layout",
		"oci-layout:x#jira":                    "want HOST/PATH",
		"r.example.com/" + longer("a", 1000):   "longer than",
		"registry.example.com:123456/acme/foo": "want HOST/PATH",
	} {
		if got, err := artifact.ParseSource(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v (%v), want %q", text, got, err, want)
		}
	}
}

func longer(s string, n int) string { return strings.Repeat(s, n) }

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"./hello": "./hello", "../bin/hello": "../bin/hello", "/opt/hello": "/opt/hello", "file:./hello": "./hello",
		`C:\plugins\hello.exe`: `C:\plugins\hello.exe`,
		"build/hello":          "build/hello", "registry.example.com/acme/hello": "", "hello": "", "oci-layout:./x": "",
		"https://example.com/x": "", "localhost:5000/x": "",
	} {
		if got, ok := artifact.LocalPath(text); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", text, got, ok)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	const name = "registry.example.com/acme/scrapekit-jira"
	if artifact.Namespace(name) != "registry.example.com/acme" || artifact.ShortName(name) != "jira" ||
		artifact.ShortName("r.example.com/scrapekit-") != "scrapekit-" {
		t.Errorf("%q %q", artifact.Namespace(name), artifact.ShortName(name))
	}
	for pattern, want := range map[string]bool{
		name: true, "registry.example.com/acme/*": true, "registry.example.com/*": true, "*": true,
		"registry.example.com/acm*": false, "registry.example.com/acme/scrapekit": false,
		"registry.example.com/acme/scrapekit-jira/*": false,
	} {
		if artifact.Matches(pattern, name) != want {
			t.Errorf("%s: %v", pattern, !want)
		}
	}
	for pattern, ok := range map[string]bool{name: true, "r.example.com/*": true, "*": true, "": false,
		"r.example.com/a*": false, "*/jira": false} {
		if err := artifact.CheckPattern(pattern); (err == nil) != ok {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	ordered := []string{"0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",
		"1.0.1", "1.2.0", "1.10.0", "2.0.0"}
	for i := range ordered[1:] {
		if a, b := version(t, ordered[i]), version(t, ordered[i+1]); a.Compare(b) >= 0 || b.Compare(a) <= 0 {
			t.Errorf("%s is not before %s", a, b)
		}
	}
	for _, text := range []string{"", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3+build", "1.2.3-", "1.2.3-a..b",
		" 1.2.3", "1.2.3\n", "latest", "9999999999.0.0", "1.0.0-" + longer("a", 100)} {
		if v, err := artifact.ParseVersion(text); err == nil {
			t.Errorf("%q is %s", text, v)
		}
	}
}

func version(t *testing.T, text string) artifact.Version {
	t.Helper()
	v, err := artifact.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestConstraints(t *testing.T) {
	t.Parallel()
	all := []string{"1.3.9", "1.4.0", "1.4.2", "1.5.0-rc.1", "1.5.0", "2.0.0-rc.1", "2.0.0"}
	for text, want := range map[string]string{
		"": "1.3.9 1.4.0 1.4.2 1.5.0 2.0.0", "~> 1.4": "1.4.0 1.4.2 1.5.0", "~> 1.4.0": "1.4.0 1.4.2", "1.4.2": "1.4.2",
		"= 1.4.2":           "1.4.2",
		">= 1.4.1, < 2.0.0": "1.4.2 1.5.0", "!= 1.4.0": "1.3.9 1.4.2 1.5.0 2.0.0", "= 2.0.0-rc.1": "2.0.0-rc.1",
		">= 2.0.0-rc.1": "2.0.0-rc.1 2.0.0",
	} {
		c, err := artifact.ParseConstraint(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []string
		for _, v := range all {
			if c.Allows(version(t, v)) {
				got = append(got, v)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q allows %v, want %s", text, got, want)
		}
		if exact := c.Exact(version(t, "1.4.2")); exact != (want == "1.4.2") {
			t.Errorf("%q is exact: %v", text, exact)
		}
	}
	for _, text := range []string{"x", "latest", "~>", "> ", "1.4.2 2.0", "^1.4", longer("1", 300)} {
		if _, err := artifact.ParseConstraint(text); err == nil || !strings.Contains(err.Error(), "~> 1.4") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"linux_amd64", "linux/386", "windows_arm64", "darwin/arm64"} {
		if p, err := artifact.ParsePlatform(text); err != nil || p.OS()+"_"+p.Arch() != string(p) {
			t.Errorf("%s: %s (%v)", text, p, err)
		}
	}
	for _, text := range []string{"", "linux", "linux_amd64_v3", "Linux_amd64", "linux-amd64", "../../x", "linux_",
		"_amd64"} {
		if p, err := artifact.ParsePlatform(text); err == nil {
			t.Errorf("%q is %s", text, p)
		}
	}
	if artifact.Platform("windows_amd64").Program() != "plugin.exe" ||
		artifact.Platform("linux_amd64").Program() != "plugin" {
		t.Error("the program's name")
	}
}

func TestStatementsThatAreRefused(t *testing.T) {
	t.Parallel()
	raw := func(change func(*artifact.Statement)) []byte {
		s := aStatement(t)
		change(&s)
		out, err := s.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	good := string(raw(func(*artifact.Statement) {}))
	if s, err := artifact.ParseStatement([]byte(good)); err != nil || s.Manifest.Name != "hello" ||
		!slices.Equal(s.Platforms(), []artifact.Platform{"darwin_arm64", "linux_amd64"}) {
		t.Fatalf("%+v (%v)", s, err)
	}
	one := func(p artifact.Platform, target artifact.Target) func(*artifact.Statement) {
		return func(s *artifact.Statement) { s.Targets = map[artifact.Platform]artifact.Target{p: target} }
	}
	ok := aStatement(t).Targets["linux_amd64"]
	for title, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"not JSON": {[]byte("<html>"), "not JSON"},
		"another form": {[]byte(strings.Replace(good, "plugin/1", "plugin/2", 1)),
			`"scrapekit.plugin/2", this scrapekit reads`},
		"a field more": {[]byte(strings.Replace(good, "{", `{"post_install": "rm -rf /", `, 1)), "post_install"},
		"a field twice": {[]byte(strings.Replace(good, "{", `{"source": "registry.example.com/acme/other", `, 1)),
			"duplicate"},
		"another case":       {[]byte(strings.Replace(good, `"source"`, `"Source"`, 1)), "Source"},
		"no UTF-8":           {[]byte(strings.Replace(good, "Says", "S\xffys", 1)), "UTF-8"},
		"text after its end": {[]byte(good + "{}"), "after"},
		"too long":           {make([]byte, artifact.MaxMetadata+1), "longer than"},
		"no source":          {raw(func(s *artifact.Statement) { s.Source = "" }), "source is empty"},
		"a layout for source": {raw(func(s *artifact.Statement) { s.Source = "oci-layout:x" }),
			"a layout is not a name"},
		"no version": {raw(func(s *artifact.Statement) { s.Manifest.Version = "" }), "not a version"},
		"no name": {raw(func(s *artifact.Statement) { s.Manifest.Name = "../x" }),
			"cannot be a plugin's name"},
		"no kind": {raw(func(s *artifact.Statement) { s.Manifest.Kind = "virus" }),
			"source, transform or sink"},
		"no protocol": {raw(func(s *artifact.Statement) { s.Manifest.Protocol = 0 }), "protocol"},
		"permissions": {raw(func(
			s *artifact.Statement) {
			s.Manifest.Permissions = sdk.Permissions{HTTP: []string{"*"}}
		}), "permissions"},
		"no index": {raw(func(s *artifact.Statement) { s.Index = "" }), "not a digest"},
		"a weak digest": {raw(func(s *artifact.Statement) { s.Index = digest.Digest("md5:" + longer("0", 32)) }),
			"not a digest"},
		"a bad key":      {raw(func(s *artifact.Statement) { s.Key = "RWx" }), "not a minisign public key"},
		"no platforms":   {raw(func(s *artifact.Statement) { s.Targets = nil }), "0 platforms"},
		"a bad platform": {raw(one("../x", ok)), "not a platform"},
		"no archive":     {raw(one("linux_amd64", artifact.Target{Size: 1, Binary: ok.Binary})), "linux_amd64"},
		"no binary":      {raw(one("linux_amd64", artifact.Target{Size: 1, Archive: ok.Archive})), "linux_amd64"},
		"no size": {raw(one("linux_amd64", artifact.Target{Archive: ok.Archive, Binary: ok.Binary})),
			"0 bytes"},
		"a huge archive": {raw(one("linux_amd64",
			artifact.Target{Size: artifact.MaxArchive + 1, Archive: ok.Archive, Binary: ok.Binary})), "bytes"},
	} {
		if s, err := artifact.ParseStatement(c.raw); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v (%v), want %q", title, s, err, c.want)
		}
	}
}

func TestSums(t *testing.T) {
	t.Parallel()
	sum := digest.FromString("x")
	for _, text := range []string{sum.Encoded() + "  a.tar.gz\n", strings.ToUpper(sum.Encoded()) + " *a.tar.gz\r\n\n"} {
		sums, err := artifact.ParseSums([]byte(text))
		if name, ok := sums.Named(sum); err != nil || !ok || name != "a.tar.gz" {
			t.Errorf("%q: %v (%v)", text, sums, err)
		}
	}
	for text, want := range map[string]string{
		"<html>":                                    "SHA256SUMS:1",
		"\n\nabc  a.tar.gz":                         "SHA256SUMS:3",
		sum.Encoded():                               "SHA256SUMS:1",
		sum.Encoded() + "  ../a":                    "plain file name",
		sum.Encoded() + "  a/b":                     "plain file name",
		sum.Encoded() + "  .hidden":                 "plain file name",
		sum.Encoded() + "  a?x=y":                   "plain file name",
		sum.Encoded() + "  " + longer("a", 300):     "plain file name",
		longer(sum.Encoded()+"  a\n", 2):            "twice",
		manyFiles(sum, 1001):                        "more than 1000 files",
		longer(" ", artifact.MaxMetadata+1):         "longer than",
		sum.Encoded() + "  " + longer("a", 100_000): "SHA256SUMS",
	} {
		if sums, err := artifact.ParseSums([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v (%v), want %q", text, sums, err, want)
		}
	}
}

func manyFiles(sum digest.Digest, n int) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(sum.Encoded() + "  f" + longer("x", i%100) + string(rune('a'+i/100)) + "\n")
	}
	return out.String()
}
