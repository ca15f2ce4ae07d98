package install_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/store"
)

func TestOutdated(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.must(install.Mode{}, want(hello, "~> 1.0"))
	all, err := w.Outdated(t.Context())
	if err != nil || len(all) != 1 || all[0].Behind() || all[0].Problem != nil {
		t.Errorf("%+v, %v", all, err)
	}
	for _, version := range []string{"1.3.0", "2.0.0", "2.1.0-rc.1"} {
		w.publish(acme, release{name: hello, version: version})
	}
	all, err = w.Outdated(t.Context())
	if err != nil || !all[0].Behind() || all[0].Wanted.String() != "1.3.0" || all[0].Newest.String() != "2.0.0" {
		t.Errorf("%+v, %v", all, err)
	}
	w.offline, w.published = true, t.TempDir()
	if all, err = w.Outdated(t.Context()); err != nil || all[0].Problem == nil {
		t.Errorf("what cannot be asked is no error of the whole: %+v, %v", all, err)
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	w, acme, evil := newWorld(t), newPublisher(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.publish(acme, release{name: hello, version: "1.1.0"})
	a, err := w.About(t.Context(), install.Demand{Source: hello, Constraint: "< 1.1"})
	if err != nil || a.Statement.Manifest.Version != "1.0.0" || len(a.Versions) != 2 || !a.FirstUse ||
		a.KeyError != nil || a.Locked.Name != "" {
		t.Errorf("%+v, %v", a, err)
	}
	w.must(install.Mode{}, want(hello, ""))
	w.publish(evil, release{name: hello, version: "1.2.0"})
	a, err = w.About(t.Context(), install.Demand{Source: hello})
	if err != nil || a.Statement.Manifest.Version != "1.2.0" || a.KeyError == nil ||
		a.Locked.Version.String() != "1.1.0" {
		t.Errorf("%+v, %v", a, err)
	}
	if w.lockText() == "" || len(w.programs()) != 1 {
		t.Error("looking has changed something")
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	const list = `{"plugins": [
		{"source": "registry.example.com/acme/forum", "name": "forum", "kind": "source",
			"description": "Reads forums, politely."},
		{"source": "registry.example.com/acme/sheets", "name": "sheets", "kind": "sink", "description": "Writes spreadsheets."}]}`
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if in.URL.Path == "/away" {
			http.Redirect(out, in, "http://index.invalid/list.json", http.StatusFound)
			return
		}
		if in.URL.Path != "/list.json" {
			http.NotFound(out, in)
			return
		}
		_, _ = out.Write([]byte(list))
	}))
	t.Cleanup(server.Close)
	if err := os.WriteFile(filepath.Join(w.dir, "list.json"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, index := range []string{"list.json", server.URL + "/list.json"} {
		for term, want := range map[string]int{"": 2, "forum": 1, "SOURCE polite": 1, "acme": 2, "nothing": 0} {
			if found, err := install.Search(t.Context(), []string{index, index}, w.dir, term); err != nil ||
				len(found) != want {
				t.Errorf("%s, %q: %+v, %v", index, term, found, err)
			}
		}
	}
	if found, err := install.Search(t.Context(), []string{"oci-layout:" + w.published}, w.dir, "hello"); err != nil ||
		len(found) != 1 || found[0].Source != "oci-layout:"+w.published+"#"+hello {
		t.Errorf("%+v, %v", found, err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "bad.json"), []byte(`{"plugins": [{"source": "./x"}]}`),
		0o644); err != nil {
		t.Fatal(err)
	}
	for index, want := range map[string]string{
		"none.json": "no such file", server.URL + "/none": "404", server.URL + "/away": "away from HTTPS",
		"http://192.0.2.1/x": "only https", "bad.json": "source",
	} {
		if _, err := install.Search(t.Context(), []string{index}, w.dir, ""); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", index, err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), install.SettingsFile)
	if s, err := install.ReadSettings(path); err != nil || s.Trust != install.TrustFirstUse {
		t.Errorf("no file: %+v, %v", s, err)
	}
	right := `trust_default = "require"
indexes       = ["/srv/index.json"]

mirror "registry.example.com/*" {
  to = "mirror.example.com/{path}"
}

dev_override "registry.example.com/acme/hello" {
  path = "/home/me/hello"
}
`
	if err := os.WriteFile(path, []byte(right), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := install.ReadSettings(path)
	if err != nil || s.Trust != install.TrustRequire || len(s.Mirrors) != 1 || len(s.Indexes) != 1 ||
		s.Dev[0] != (install.Override{Source: "registry.example.com/acme/hello", Path: "/home/me/hello"}) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, c := range [][3]string{
		{`"require"`, `"sometimes"`, ":1: trust_default: it is \"sometimes\": want first-use, require or none"},
		{"mirror.example.com/{path}", "http://mirror.example.com/{path}", ":5: mirror"},
		{"registry.example.com/*", "registry*com", ":4: pattern"},
		{"path =", "paths =", "path is missing"},
		{"mirror \"", "mirrors \"", ":4: there is no block"},
	} {
		if err := os.WriteFile(path, []byte(strings.Replace(right, c[0], c[1], 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := install.ReadSettings(path); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: %v", c[1], err)
		}
	}
}

// TestPruneKeepsWhatIsLocked: what lock files name stays, for every platform.
func TestPruneKeepsWhatIsLocked(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.Platforms = usual
	w.must(install.Mode{}, want(hello, ""))
	w.publish(acme, release{name: hello, version: "1.1.0"})
	w.Platforms = []artifact.Platform{artifact.Here()}
	w.must(install.Mode{Upgrade: true}, want(hello, ""))
	gone, err := w.Store.Prune(t.Context(), false, install.InUse)
	if err != nil || len(gone) != len(usual) || len(w.programs()) != 1 {
		t.Errorf("%d gone, %v", len(gone), err)
	}
	if err := os.WriteFile(w.LockFile, []byte("<<<<<<< ours\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Store.Prune(t.Context(), false, install.InUse); err == nil ||
		!strings.Contains(err.Error(), "in use is not known") || len(w.programs()) != 1 {
		t.Errorf("%v", err)
	}
	if err := os.Remove(w.LockFile); err != nil {
		t.Fatal(err)
	}
	if gone, err := w.Store.Prune(t.Context(), false, install.InUse); err != nil || len(gone) != 1 {
		t.Errorf("%v, %v", gone, err)
	}
	if _, err := store.At(filepath.Join(t.TempDir(), "none")).Prune(t.Context(), false, install.InUse); err != nil {
		t.Errorf("no store: %v", err)
	}
}
