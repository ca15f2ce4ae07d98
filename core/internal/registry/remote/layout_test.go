package remote_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/oci"
	orasremote "oras.land/oras-go/v2/registry/remote"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
)

// TestSeveralPluginsInOneLayout: published at the same time, none loses another, and each is found
// by its name.
func TestSeveralPluginsInOneLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all []published
	for _, plugin := range []string{"a", "b", "c", "d"} {
		all = append(all, publish(t, "registry.example.com/acme/"+plugin, "1.0.0"))
	}
	var wg sync.WaitGroup
	for _, p := range all {
		r := open(t, "oci-layout:"+dir, remote.Options{})
		wg.Go(func() {
			if err := r.Push(t.Context(), p.release, p.open); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, p := range all {
		testRead(t, openRemote(t, "oci-layout:"+dir+"#"+p.statement.Source, remote.Options{}), p)
	}
	names, err := remote.Names(dir)
	if err != nil || len(names) != 4 || !slices.IsSorted(names) {
		t.Errorf("%v (%v)", names, err)
	}
	if _, err := openRemote(t, "oci-layout:"+dir, remote.Options{}).Versions(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "say which, as in oci-layout:"+dir+"#registry.example.com/acme/a") {
		t.Errorf("%v", err)
	}
	if _, err := openRemote(t, "oci-layout:"+dir+"#registry.example.com/acme/e",
		remote.Options{}).Versions(t.Context()); !errors.Is(err, remote.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// TestMirror copies a release from files to a layout to a registry: the identity and the signature
// stay what they were.
func TestMirror(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	p := publish(t, name, "1.4.2")
	var from remote.Remote = remote.OpenFolder(t.TempDir())
	if err := from.(remote.Pusher).Push(t.Context(), p.release, p.open); err != nil {
		t.Fatal(err)
	}
	for _, to := range []remote.Pusher{
		open(t, "oci-layout:"+t.TempDir(), remote.Options{}),
		open(t, strings.TrimPrefix(server.URL, "http://")+"/mirror/hello", remote.Options{}),
		remote.OpenFolder(t.TempDir()),
	} {
		r, err := from.Release(t.Context(), version(t, "1.4.2"), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := to.Push(t.Context(), r, remote.CopyFrom(from, r)); err != nil {
			t.Fatal(err)
		}
		testRead(t, to, p)
		from = to
	}
}

// TestSecondSignature: while a key is being replaced, a release is signed by both, and either will
// do.
func TestSecondSignature(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	for _, source := range []string{"oci-layout:" + t.TempDir() + "#" + name,
		strings.TrimPrefix(server.URL, "http://") + "/acme/hello"} {
		first, second := publish(t, name, "1.4.2"), publish(t, name, "1.4.2")
		if first.key == second.key || first.statement.Index != second.statement.Index {
			t.Fatal("not what this test needs")
		}
		for _, p := range []published{first, second, second} {
			if err := open(t, source, remote.Options{}).Push(t.Context(), p.release, p.open); err != nil {
				t.Fatal(err)
			}
		}
		r, err := openRemote(t, source, remote.Options{}).Release(t.Context(), version(t, "1.4.2"), "")
		if err != nil || len(r.Signed) != 2 {
			t.Fatalf("%d signatures (%v)", len(r.Signed), err)
		}
		for _, p := range []published{first, second} {
			if s, err := r.Verify(name, func(k artifact.Key) bool { return k == p.key }); err != nil || s.Key != p.key {
				t.Errorf("%s: %v", s.Key, err)
			}
		}
	}
}

// TestLayoutsOfOtherTools: a layout that oras copied out of a registry will do, with the tag that
// it had there.
func TestLayoutsOfOtherTools(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithReferrersSupport(true)))
	t.Cleanup(server.Close)
	source := strings.TrimPrefix(server.URL, "http://") + "/acme/scrapekit-hello"
	p := publish(t, source, "1.4.2")
	if err := open(t, source, remote.Options{}).Push(t.Context(), p.release, p.open); err != nil {
		t.Fatal(err)
	}
	repo, err := orasremote.NewRepository(source)
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	dir := t.TempDir()
	layout, err := oci.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oras.ExtendedCopy(t.Context(), repo, "1.4.2", layout, "1.4.2",
		oras.DefaultExtendedCopyOptions); err != nil {
		t.Fatal(err)
	}
	testRead(t, openRemote(t, "oci-layout:"+dir, remote.Options{}), p)
	testRead(t, openRemote(t, "oci-layout:"+dir+"#"+source, remote.Options{}), p)
}

// TestLayoutsThatAreRefused: a folder that somebody brought along.
func TestLayoutsThatAreRefused(t *testing.T) {
	t.Parallel()
	for title, c := range map[string]struct {
		change func(t *testing.T, dir string, p published)
		want   string
	}{
		"no index.json": {func(t *testing.T, dir string, _ published) { remove(t, dir, "index.json") },
			"it is not an OCI layout"},
		"garbage": {func(t *testing.T, dir string, _ published) { write(t, dir, "index.json", []byte("<html>")) },
			"index.json"},
		"a huge index.json": {func(t *testing.T, dir string, _ published) {
			write(t, dir, "index.json", make([]byte, artifact.MaxMetadata+1))
		}, "longer than"},
		"a tampered index": {func(t *testing.T, dir string, p published) {
			write(t, dir, blob(p.statement.Index),
				bytes.Replace(p.release.Index.Content, []byte("linux"), []byte("plan9"), 1))
		}, artifact.ErrContent.Error()},
		"a tampered archive": {func(t *testing.T, dir string, p published) {
			write(t, dir, blob(p.statement.Targets["linux_amd64"].Archive),
				bytes.Repeat([]byte("x"), int(p.statement.Targets["linux_amd64"].Size)))
		}, artifact.ErrContent.Error()},
		"no archive": {func(t *testing.T, dir string, p published) {
			remove(t, dir, blob(p.statement.Targets["linux_amd64"].Archive))
		}, "not found"},
		"an archive that is a link out of the folder": {func(t *testing.T, dir string, p published) {
			path := filepath.Join(dir, blob(p.statement.Targets["linux_amd64"].Archive))
			outside := filepath.Join(t.TempDir(), "outside")
			if err := os.Rename(path, outside); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, path); err != nil {
				t.Skip(err) // Windows may not let us
			}
		}, "escapes"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			source := "oci-layout:" + dir
			p := publish(t, name, "1.4.2")
			if err := open(t, source, remote.Options{}).Push(t.Context(), p.release, p.open); err != nil {
				t.Fatal(err)
			}
			c.change(t, dir, p)
			r := openRemote(t, source, remote.Options{})
			release, err := r.Release(t.Context(), version(t, "1.4.2"), "")
			if err == nil {
				_, err = readArchive(t, r, release, p.statement.Targets["linux_amd64"])
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func blob(d digest.Digest) string { return filepath.Join("blobs", "sha256", d.Encoded()) }

func remove(t *testing.T, dir, path string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, path)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, path string, raw []byte) {
	t.Helper()
	path = filepath.Join(dir, path)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPushRefusesWhatWasNotPromised: an archive that is another than the statement says is not
// published, and neither is its version.
func TestPushRefusesWhatWasNotPromised(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	for _, to := range []remote.Pusher{
		remote.OpenFolder(t.TempDir()), open(t, "oci-layout:"+t.TempDir()+"#"+name, remote.Options{}),
		open(t, strings.TrimPrefix(server.URL, "http://")+"/acme/hello", remote.Options{}),
	} {
		p := publish(t, name, "1.4.2")
		p.archives["windows_amd64"][5] ^= 1
		if err := to.Push(t.Context(), p.release, p.open); err == nil {
			t.Error("published")
		}
		if r, err := to.Release(t.Context(), version(t, "1.4.2"), ""); !errors.Is(err, remote.ErrNotFound) {
			t.Errorf("%v (%v)", r, err)
		}
	}
}
