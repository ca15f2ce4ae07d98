package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
	"github.com/scrapekit/scrapekit/sdk"
)

// published is a release with all that belongs to it.
type published struct {
	release   *artifact.Release
	statement artifact.Statement
	archives  map[artifact.Platform][]byte
	key       artifact.Key
}

// name is what the tests publish.
const name = "registry.example.com/acme/scrapekit-hello"

// publish makes a release for two platforms, signed by a new key.
func publish(t *testing.T, source, version string) published {
	t.Helper()
	_, private, err := artifact.GenerateKey("")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := artifact.OpenSigner(private, "")
	if err != nil {
		t.Fatal(err)
	}
	p := published{key: signer.Public, archives: map[artifact.Platform][]byte{}}
	p.statement = artifact.Statement{
		Source: source, Key: signer.Public, Targets: map[artifact.Platform]artifact.Target{},
		Manifest: artifact.Manifest{Name: "hello", Version: version, Kind: sdk.KindSource, Protocol: 1,
			Description: "Says hello."},
	}
	for _, platform := range []artifact.Platform{"linux_amd64", "windows_amd64"} {
		program := "#!/bin/sh\necho " + version + " " + string(platform) + "\n"
		var raw bytes.Buffer
		if err := artifact.WriteArchive(&raw,
			artifact.File{Name: "hello", Size: int64(len(program)), Content: strings.NewReader(program)},
			nil); err != nil {
			t.Fatal(err)
		}
		p.archives[platform] = raw.Bytes()
		p.statement.Targets[platform] = artifact.Target{Archive: digest.FromBytes(raw.Bytes()), Size: int64(raw.Len()),
			Binary: digest.FromString(program)}
	}
	form, err := artifact.Build(p.statement)
	if err != nil {
		t.Fatal(err)
	}
	p.statement.Index = form.Index.Descriptor.Digest
	raw, err := p.statement.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if p.release, err = artifact.NewRelease(artifact.Signed{Statement: raw,
		Signature: signer.Sign(raw, source+" "+version)}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p published) open(_ context.Context, platform artifact.Platform, _ artifact.Target) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(p.archives[platform])), nil
}

func open(t *testing.T, source string, o remote.Options) remote.Pusher {
	t.Helper()
	s, err := artifact.ParseSource(source)
	if err != nil {
		t.Fatal(err)
	}
	r, err := remote.Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r.(remote.Pusher)
}

// testPushed checks that a remote gives what was published to it, and refuses what it must.
func testPushed(t *testing.T, r remote.Pusher, source string) {
	t.Helper()
	old, fresh := publish(t, source, "1.9.0"), publish(t, source, "1.10.0-rc.1")
	for _, p := range []published{old, fresh, old} { // again is no error
		if err := r.Push(t.Context(), p.release, p.open); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := r.Versions(t.Context())
	if err != nil || len(versions) != 2 || versions[0].String() != "1.10.0-rc.1" || versions[1].String() != "1.9.0" {
		t.Fatalf("versions %v (%v)", versions, err)
	}
	for _, pinned := range []digest.Digest{"", old.statement.Index} {
		got, err := r.Release(t.Context(), versions[1], pinned)
		if err != nil {
			t.Fatal(err)
		}
		s, err := got.Verify(source, func(k artifact.Key) bool { return k == old.key })
		if err != nil {
			t.Fatal(err)
		}
		for platform, want := range old.archives {
			body, err := r.Archive(t.Context(), got, s.Targets[platform])
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(body)
			if err = errors.Join(err, body.Close()); err != nil || !bytes.Equal(raw, want) {
				t.Errorf("%s: %d bytes (%v), want %d", platform, len(raw), err, len(want))
			}
		}
	}
	if _, err := r.Release(t.Context(), version(t, "3.0.0"), ""); !errors.Is(err, remote.ErrNotFound) {
		t.Errorf("a version that there is not: %v", err)
	}
	if _, err := r.Release(t.Context(), versions[0], digest.FromString("x")); !errors.Is(err, remote.ErrNotFound) {
		t.Errorf("a digest that there is not: %v", err)
	}
	other := publish(t, source, "1.9.0")
	other.statement.Manifest.Description = "Says something else."
	other = other.again(t)
	if err := r.Push(t.Context(), other.release, other.open); !errors.Is(err, remote.ErrExists) {
		t.Errorf("a version published twice: %v", err)
	}
}

// again makes the release anew after its statement was changed; it is not signed.
func (p published) again(t *testing.T) published {
	t.Helper()
	form, err := artifact.Build(p.statement)
	if err != nil {
		t.Fatal(err)
	}
	p.statement.Index = form.Index.Descriptor.Digest
	raw, err := p.statement.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if p.release, err = artifact.NewRelease(artifact.Signed{Statement: raw}); err != nil {
		t.Fatal(err)
	}
	return p
}

func version(t *testing.T, text string) artifact.Version {
	t.Helper()
	v, err := artifact.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	testPushed(t, open(t, "oci-layout:mirror#"+name, remote.Options{Dir: dir}), name)
}
