package remote_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
)

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "site")
	testPushed(t, remote.OpenFolder(dir), name)
	if raw, err := os.ReadFile(filepath.Join(dir, "versions.json")); err != nil ||
		!strings.Contains(string(raw), `"1.10.0-rc.1",`) {
		t.Errorf("%s (%v)", raw, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".new-*")); err != nil || left != nil {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// openRemote opens a source that cannot be published to.
func openRemote(t *testing.T, source string, o remote.Options) remote.Remote {
	t.Helper()
	s, err := artifact.ParseSource(source)
	if err != nil {
		t.Fatal(err)
	}
	r, err := remote.Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// testRead checks that a remote gives a release that is published there.
func testRead(t *testing.T, r remote.Remote, p published) {
	t.Helper()
	versions, err := r.Versions(t.Context())
	if err != nil || len(versions) != 1 || versions[0].String() != p.statement.Manifest.Version {
		t.Fatalf("versions %v (%v)", versions, err)
	}
	got, err := r.Release(t.Context(), versions[0], p.statement.Index)
	if err != nil {
		t.Fatal(err)
	}
	s, err := got.Verify(p.statement.Source, func(k artifact.Key) bool { return k == p.key })
	if err != nil {
		t.Fatal(err)
	}
	for platform := range p.archives {
		raw, err := readArchive(t, r, got, s.Targets[platform])
		if err != nil || !bytes.Equal(raw, p.archives[platform]) {
			t.Errorf("%s: %d bytes (%v)", platform, len(raw), err)
		}
	}
	if _, err := r.Release(t.Context(), versions[0], digest.FromString("x")); !errors.Is(err, remote.ErrNotFound) {
		t.Errorf("a release that was replaced: %v", err)
	}
	if _, err := r.Release(t.Context(), version(t, "9.9.9"), ""); !errors.Is(err, remote.ErrNotFound) {
		t.Errorf("a version that there is not: %v", err)
	}
}

func readArchive(t *testing.T, r remote.Remote, release *artifact.Release, target artifact.Target) ([]byte, error) {
	t.Helper()
	body, err := r.Archive(t.Context(), release, target)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(body)
	return raw, errors.Join(err, body.Close())
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	site := t.TempDir()
	server := httptest.NewTLSServer(http.FileServer(http.Dir(site)))
	t.Cleanup(server.Close)
	p := publish(t, server.URL+"/plugins/hello", "1.4.2")
	if err := remote.OpenFolder(filepath.Join(site, "plugins", "hello")).Push(t.Context(), p.release,
		p.open); err != nil {
		t.Fatal(err)
	}
	testRead(t, openRemote(t, p.statement.Source, remote.Options{Client: server.Client()}), p)

	r := openRemote(t, server.URL+"/nothing", remote.Options{Client: server.Client()})
	if _, err := r.Versions(t.Context()); !errors.Is(err, remote.ErrNotFound) ||
		!strings.Contains(err.Error(), "exact version") {
		t.Errorf("no list of versions: %v", err)
	}
}

// TestHTTPSRefuses holds what a host may answer against what is taken.
func TestHTTPSRefuses(t *testing.T) {
	t.Parallel()
	for title, c := range map[string]struct {
		change func(files map[string][]byte)
		want   string
	}{
		"sums of another statement": {func(f map[string][]byte) {
			f["SHA256SUMS"] = bytes.Replace(f["SHA256SUMS"], []byte("a"), []byte("b"), 1)
		}, "SHA256SUMS"},
		"no sums":                 {func(f map[string][]byte) { delete(f, "SHA256SUMS") }, "not found"},
		"garbage for sums":        {func(f map[string][]byte) { f["SHA256SUMS"] = []byte("<html>") }, "SHA256SUMS:1"},
		"garbage for a statement": {func(f map[string][]byte) { f["statement.json"] = []byte("<html>") }, "not JSON"},
		"a huge statement": {func(f map[string][]byte) {
			f["statement.json"] = make([]byte,
				artifact.MaxMetadata+1)
		}, "too long"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				raw, ok := files[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
				if !ok {
					http.NotFound(w, r)
					return
				}
				if len(raw) > artifact.MaxMetadata {
					w.(http.Flusher).Flush() // so that its length is not known before
				}
				w.Write(raw) //nolint:errcheck // the client ends it
			}))
			t.Cleanup(server.Close)
			p := publish(t, server.URL+"/hello", "1.0.0")
			signed := p.release.Signed[0]
			files["statement.json"], files["statement.json.minisig"] = signed.Statement, signed.Signature
			files["SHA256SUMS"] = p.statement.Sums(files["statement.json"]).Bytes()
			r := openRemote(t, p.statement.Source, remote.Options{})
			if _, err := r.Release(t.Context(), version(t, "1.0.0"), ""); err != nil {
				t.Fatal(err)
			}
			c.change(files)
			if _, err := r.Release(t.Context(), version(t, "1.0.0"), ""); err == nil ||
				!strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestArchiveIsHeldToItsDigest answers with archives that are not the ones that were published.
func TestArchiveIsHeldToItsDigest(t *testing.T) {
	t.Parallel()
	for title, change := range map[string]func(w http.ResponseWriter, raw []byte) []byte{
		"tampered": func(_ http.ResponseWriter, raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw },
		"cut off":  func(_ http.ResponseWriter, raw []byte) []byte { return raw[:len(raw)-1] },
		"longer, as it says": func(_ http.ResponseWriter, raw []byte) []byte {
			return append(raw, 0)
		},
		"longer than it says": func(w http.ResponseWriter, raw []byte) []byte {
			w.(http.Flusher).Flush()
			return append(raw, make([]byte, 1<<20)...)
		},
		"a page for people": func(http.ResponseWriter, []byte) []byte { return []byte("<html>") },
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			site := t.TempDir()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				raw, err := os.ReadFile(filepath.Join(site, r.URL.Path))
				if err != nil {
					http.NotFound(w, r)
					return
				}
				if strings.HasSuffix(r.URL.Path, ".tar.gz") {
					raw = change(w, raw)
				}
				w.Write(raw) //nolint:errcheck // the client ends it
			}))
			t.Cleanup(server.Close)
			p := publish(t, server.URL+"/hello", "1.0.0")
			if err := remote.OpenFolder(filepath.Join(site, "hello")).Push(t.Context(), p.release, p.open); err != nil {
				t.Fatal(err)
			}
			r := openRemote(t, p.statement.Source, remote.Options{})
			got, err := r.Release(t.Context(), version(t, "1.0.0"), "")
			if err != nil {
				t.Fatal(err)
			}
			if raw, err := readArchive(t, r, got, p.statement.Targets["linux_amd64"]); err == nil {
				t.Errorf("%d bytes were taken", len(raw))
			} else if !errors.Is(err, artifact.ErrContent) && !errors.Is(err, artifact.ErrTooLong) {
				t.Errorf("refused, but for %v", err)
			}
		})
	}
}

// TestRedirects follows them, but not away from HTTPS.
func TestRedirects(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		fmt.Fprint(w, `{"versions":["1.0.0"]}`)
	}))
	t.Cleanup(plain.Close)
	var to string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			fmt.Fprint(w, `{"versions":["2.0.0"]}`)
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	t.Cleanup(server.Close)
	r := openRemote(t, server.URL+"/hello", remote.Options{Client: server.Client()})
	to = server.URL + "/there"
	if all, err := r.Versions(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%v (%v)", all, err)
	}
	to = plain.URL
	if all, err := r.Versions(t.Context()); err == nil || !strings.Contains(err.Error(), "away from HTTPS") {
		t.Errorf("%v (%v)", all, err)
	}
}

// fakeGitHub is one repository with its releases. private: its files are behind the API and a
// token.
type fakeGitHub struct {
	tag      string
	site     string // the files
	token    string
	private  bool
	limited  atomic.Bool
	requests atomic.Int64 // of the API
}

func (g *fakeGitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const repo = "/acme/scrapekit-hello"
	authorized := r.Header.Get("Authorization") == "Bearer "+g.token
	if name, ok := strings.CutPrefix(r.URL.Path, repo+"/releases/download/"+g.tag+"/"); ok && !g.private {
		http.ServeFile(w, r, filepath.Join(g.site, name))
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/repos"+repo)
	if !ok || g.private && !authorized {
		http.NotFound(w, r)
		return
	}
	g.requests.Add(1)
	if g.limited.Load() {
		w.Header().Set("X-Ratelimit-Remaining", "0")
		http.Error(w, "{}", http.StatusForbidden)
		return
	}
	var release map[string]any
	var assets []map[string]any
	files, err := os.ReadDir(g.site)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for i, f := range files {
		assets = append(assets, map[string]any{"id": i, "name": f.Name()})
	}
	release = map[string]any{"tag_name": g.tag, "assets": assets}
	var id int
	switch n, _ := fmt.Sscanf(path, "/releases/assets/%d", &id); {
	case n == 1 && r.Header.Get("Accept") == "application/octet-stream":
		http.ServeFile(w, r, filepath.Join(g.site, files[id].Name()))
	case path == "/releases/tags/"+g.tag:
		json.NewEncoder(w).Encode(release) //nolint:errcheck // the client notices
	case path == "/releases" && r.URL.Query().Get("page") == "1":
		all := []any{map[string]any{"tag_name": "v7.0.0", "draft": true}, map[string]any{"tag_name": "nightly"},
			map[string]any{"tag_name": "v8.0.0", "prerelease": true}}
		for range 96 { // so that there is a second page
			all = append(all, map[string]any{"tag_name": "weekly"})
		}
		json.NewEncoder(w).Encode(append(all,
			map[string]any{"tag_name": "daily"})) //nolint:errcheck // the client notices
	case path == "/releases":
		json.NewEncoder(w).Encode([]any{release}) //nolint:errcheck // the client notices
	default:
		http.NotFound(w, r)
	}
}

func TestGitHub(t *testing.T) {
	t.Parallel()
	const source = "github.com/acme/scrapekit-hello"
	for title, g := range map[string]*fakeGitHub{
		"public":               {tag: "v1.4.2"},
		"public, with a token": {tag: "v1.4.2", token: "secret"},
		"tags without a v":     {tag: "1.4.2"},
		"private":              {tag: "v1.4.2", token: "secret", private: true},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			p := publish(t, source, "1.4.2")
			dir := t.TempDir()
			if err := remote.OpenFolder(dir).Push(t.Context(), p.release, p.open); err != nil {
				t.Fatal(err)
			}
			g.site = filepath.Join(dir, "1.4.2")
			server := httptest.NewServer(g)
			t.Cleanup(server.Close)
			o := remote.Options{GitHubURL: server.URL, GitHubAPI: server.URL + "/api", GitHubToken: g.token}
			testRead(t, openRemote(t, source, o), p)

			g.limited.Store(true)
			_, err := openRemote(t, source, o).Versions(t.Context())
			if err == nil || !strings.Contains(err.Error(), "GITHUB_TOKEN") {
				t.Errorf("no requests left: %v", err)
			}
			before := g.requests.Load()
			_, err = openRemote(t, source, o).Release(t.Context(), version(t, "1.4.2"), "")
			if asked := g.requests.Load() > before; asked != (g.token != "") || (err == nil) != (g.token == "") {
				t.Errorf("an exact version: API asked %v, error %v", asked, err)
			}
		})
	}
}
