// Registries that answer what they should not.

package remote_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
)

// answer is what the registry would say.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// attacker stands before a registry and may change each answer. It returns the name of a plugin
// there.
func attacker(t *testing.T, change func(r *http.Request, a *answer)) string {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		inner.ServeHTTP(recorded, r)
		a := &answer{recorded.Code, recorded.Header(), recorded.Body.Bytes()}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			change(r, a)
		}
		for key, values := range a.header {
			w.Header()[key] = values
		}
		w.WriteHeader(a.status)
		if r.Method != http.MethodHead {
			w.Write(a.body)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/acme/scrapekit-hello"
}

// get reads a release and an archive of it, as an installer would.
func get(t *testing.T, source string, p published, pinned digest.Digest) error {
	t.Helper()
	r := openRemote(t, source, remote.Options{Client: &http.Client{}}) // which tries nothing twice
	release, err := r.Release(t.Context(), version(t, p.statement.Manifest.Version), pinned)
	if err != nil {
		return err
	}
	s, err := release.Verify(source, func(k artifact.Key) bool { return k == p.key })
	if err != nil {
		return err
	}
	raw, err := readArchive(t, r, release, s.Targets["linux_amd64"])
	if err == nil && !bytes.Equal(raw, p.archives["linux_amd64"]) {
		t.Errorf("another archive was taken: %q", raw)
	}
	return err
}

func TestAttacksByRegistry(t *testing.T) {
	t.Parallel()
	isArchive := func(r *http.Request, p published) bool {
		return strings.HasSuffix(r.URL.Path, p.statement.Targets["linux_amd64"].Archive.String())
	}
	isTag := func(r *http.Request, _ published) bool {
		return strings.HasSuffix(r.URL.Path, "/manifests/1.4.2")
	}
	isIndex := func(r *http.Request, p published) bool {
		return strings.HasSuffix(r.URL.Path, "/manifests/"+p.statement.Index.String())
	}
	resize := func(a *answer, body []byte) {
		a.body = body
		a.header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	for title, c := range map[string]struct {
		where  func(*http.Request, published) bool
		change func(r *http.Request, a *answer)
		want   string // of the error
	}{
		"an archive with a bit changed": {isArchive, func(_ *http.Request, a *answer) { a.body[30] ^= 1 },
			artifact.ErrContent.Error()},
		"an archive cut off": {isArchive, func(_ *http.Request, a *answer) { a.body = a.body[:20] }, "EOF"},
		"a shorter archive": {isArchive, func(_ *http.Request, a *answer) { resize(a, a.body[:20]) },
			"mismatch Content-Length"},
		"a longer archive": {isArchive, func(_ *http.Request, a *answer) { resize(a, append(a.body, 0)) },
			"mismatch Content-Length"},
		"a longer archive that hides it": {isArchive, func(_ *http.Request, a *answer) {
			a.body = append(a.body, make([]byte, 1<<20)...)
			a.header.Del("Content-Length")
		}, artifact.ErrContent.Error()},
		"an index that is not what its digest says": {isIndex, func(_ *http.Request, a *answer) { a.body[20] ^= 1 },
			artifact.ErrContent.Error()},
		"an index that says it is huge": {isTag, func(r *http.Request, a *answer) {
			a.header.Set("Content-Length", "99999999999")
		}, "at most"},
		"no index but an image": {isTag, func(_ *http.Request, a *answer) {
			a.header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		}, "not a plugin"},
		"referrers without an end": {func(r *http.Request,
			_ published) bool {
			return strings.Contains(r.URL.Path, "/referrers/")
		}, func(r *http.Request, a *answer) {
			a.header.Set("Link", fmt.Sprintf("<%s?n=%s0>; rel=\"next\"", r.URL.Path, r.URL.Query().Get("n")))
			resize(a, []byte(`{"schemaVersion":2,"manifests":[]}`))
		}, "page"},
		"referrers that are too long": {func(r *http.Request,
			_ published) bool {
			return strings.Contains(r.URL.Path, "/referrers/")
		}, func(_ *http.Request, a *answer) {
			resize(a, append([]byte(`{"schemaVersion":2,"manifests":[`), bytes.Repeat([]byte("{},"), 2<<20)...))
		}, "unexpected EOF"},
		"no referrers": {func(r *http.Request, _ published) bool { return strings.Contains(r.URL.Path, "/referrers/") },
			func(_ *http.Request, a *answer) {
				resize(a, []byte(`{"schemaVersion":2,"manifests":[]}`))
			}, "no statement"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			var p published
			var armed atomic.Bool
			source := attacker(t, func(r *http.Request, a *answer) {
				if armed.Load() && c.where(r, p) {
					c.change(r, a)
				}
			})
			p = publish(t, source, "1.4.2")
			if err := open(t, source, remote.Options{}).Push(t.Context(), p.release, p.open); err != nil {
				t.Fatal(err)
			}
			if err := get(t, source, p, ""); err != nil {
				t.Fatalf("before the attack: %v", err)
			}
			armed.Store(true)
			if err := get(t, source, p, ""); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestSwappedTag: whoever has the digest of a release gets it, whatever its tag says by now;
// whoever has not does not take what was published as another version.
func TestSwappedTag(t *testing.T) {
	t.Parallel()
	var other published
	var swapped atomic.Bool
	source := attacker(t, func(r *http.Request, a *answer) {
		if swapped.Load() && strings.HasSuffix(r.URL.Path, "/manifests/1.4.2") {
			a.body = other.release.Index.Content
			a.header.Set("Docker-Content-Digest", other.statement.Index.String())
			a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
		}
	})
	p := publish(t, source, "1.4.2")
	other = publish(t, source, "1.4.1")
	for _, p := range []published{p, other} {
		if err := open(t, source, remote.Options{}).Push(t.Context(), p.release, p.open); err != nil {
			t.Fatal(err)
		}
	}
	swapped.Store(true)
	if err := get(t, source, p, p.statement.Index); err != nil {
		t.Errorf("by digest: %v", err)
	}
	if err := get(t, source, p, ""); err == nil || !strings.Contains(err.Error(), "is of version 1.4.1, not of 1.4.2") {
		t.Errorf("by tag: %v", err)
	}
}

// TestSignatureOfAnotherName: what was signed for one name is nothing under another.
func TestSignatureOfAnotherName(t *testing.T) {
	t.Parallel()
	source := attacker(t, func(*http.Request, *answer) {})
	p := publish(t, name, "1.4.2")
	if err := open(t, source, remote.Options{}).Push(t.Context(), p.release, p.open); err != nil {
		t.Fatal(err)
	}
	if err := get(t, source, p, ""); err == nil ||
		!strings.Contains(err.Error(), fmt.Sprintf("the statement is of %q, not of %q", name, source)) {
		t.Errorf("%v", err)
	}
}

// TestNothingThere says what is wrong in words.
func TestNothingThere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	source := strings.TrimPrefix(server.URL, "http://") + "/acme/nothing"
	r := openRemote(t, source, remote.Options{Client: &http.Client{}})
	if _, err := r.Release(t.Context(), version(t, "1.0.0"), ""); !errors.Is(err, remote.ErrNotFound) {
		t.Error(err)
	}
	if all, err := r.Versions(t.Context()); !errors.Is(err, remote.ErrNotFound) {
		t.Errorf("%v %v", all, err)
	}
	server.Close()
	if _, err := r.Versions(t.Context()); err == nil || errors.Is(err, remote.ErrNotFound) {
		t.Errorf("nobody there: %v", err)
	}
}
