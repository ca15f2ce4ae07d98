package artifact_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/sdk"
)

const (
	source  = "registry.example.com/acme/scrapekit-hello"
	program = "#!/bin/sh\necho hello\n"
)

// pack makes an archive of a script.
func pack(t *testing.T, script string) []byte {
	t.Helper()
	var out bytes.Buffer
	licence := artifact.File{Name: "LICENSE", Size: 3, Content: strings.NewReader("MIT")}
	if err := artifact.WriteArchive(&out,
		artifact.File{Name: "hello", Size: int64(len(script)), Content: strings.NewReader(script)},
		[]artifact.File{licence}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// aStatement is one that is right, but for its key.
func aStatement(t *testing.T) artifact.Statement {
	t.Helper()
	raw := pack(t, program)
	target := artifact.Target{Archive: digest.FromBytes(raw), Size: int64(len(raw)), Binary: digest.FromString(program)}
	return withIndex(t, artifact.Statement{
		Source: source,
		Manifest: artifact.Manifest{
			Name: "hello", Version: "1.4.2", Kind: sdk.KindSource, Protocol: 1, Description: "Says <hello>.",
			Permissions: sdk.Permissions{HTTP: []string{"https://api.example.com"}},
		},
		Targets: map[artifact.Platform]artifact.Target{"linux_amd64": target, "darwin_arm64": target},
	})
}

func withIndex(t *testing.T, s artifact.Statement) artifact.Statement {
	t.Helper()
	form, err := artifact.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Index = form.Index.Descriptor.Digest
	return s
}

func newSigner(t *testing.T) *artifact.Signer {
	t.Helper()
	_, private, err := artifact.GenerateKey("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := artifact.OpenSigner(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t *testing.T, s artifact.Statement, by *artifact.Signer) artifact.Signed {
	t.Helper()
	if by != nil {
		s.Key = by.Public
	}
	raw, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		return artifact.Signed{Statement: raw}
	}
	return artifact.Signed{Statement: raw, Signature: by.Sign(raw, s.Source)}
}

// TestIdentityStays holds the identity of a release to what it was when this was written: it stands
// in lock files. A library whose new version writes other JSON would change it.
func TestIdentityStays(t *testing.T) {
	t.Parallel()
	s := aStatement(t)
	s.Targets = map[artifact.Platform]artifact.Target{
		"linux_amd64":  {Archive: digest.FromString("a"), Size: 1, Binary: digest.FromString("b")},
		"darwin_arm64": {Archive: digest.FromString("c"), Size: 2, Binary: digest.FromString("d")},
	}
	if got := withIndex(t, s).Index; got != "sha256:28927a88c08b4e33e271a9d6f6011cc1f77596eb0281acd76f57e829dc3164bc" {
		t.Errorf("the identity is %s", got)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	mine, theirs := newSigner(t), newSigner(t)
	good := aStatement(t)
	change := func(f func(*artifact.Statement)) artifact.Signed {
		s := good
		f(&s)
		return sign(t, s, mine)
	}
	signedByOther := sign(t, good, mine)
	signedByOther.Signature = theirs.Sign(signedByOther.Statement, "")
	tampered := sign(t, good, mine)
	tampered.Statement = bytes.Replace(tampered.Statement, []byte("api.example.com"), []byte("bad.example.com"), 1)
	garbage := sign(t, good, mine)
	garbage.Signature = []byte("garbage\nand more\n\x00")

	for title, c := range map[string]struct {
		signed []artifact.Signed
		want   string // of the error; "": none
	}{
		"right":                   {[]artifact.Signed{sign(t, good, mine)}, ""},
		"the second is mine":      {[]artifact.Signed{sign(t, good, theirs), garbage, sign(t, good, mine)}, ""},
		"no statement":            {nil, "no statement"},
		"another key":             {[]artifact.Signed{sign(t, good, theirs)}, "not trusted"},
		"not signed":              {[]artifact.Signed{sign(t, good, nil)}, "signed by nobody"},
		"key claimed":             {[]artifact.Signed{signedByOther}, "does not match"},
		"changed after signing":   {[]artifact.Signed{tampered}, "does not match"},
		"garbage for a signature": {[]artifact.Signed{garbage}, "does not match"},
		"garbage for a statement": {[]artifact.Signed{{Statement: []byte("{"), Signature: []byte("x")}}, "not JSON"},
		"another name": {[]artifact.Signed{change(
			func(s *artifact.Statement) { s.Source = "registry.example.com/acme/other" })}, `not of "` + source},
		"another version": {[]artifact.Signed{change(
			func(s *artifact.Statement) { s.Manifest.Version = "1.4.1"; *s = withIndex(t, *s) })},
			"version 1.4.1, not of 1.4.2"},
		"another index": {[]artifact.Signed{change(
			func(s *artifact.Statement) { s.Index = digest.FromString("x") })}, "another release"},
		"is inconsistent": {[]artifact.Signed{change(
			func(s *artifact.Statement) { s.Manifest.Permissions = sdk.Permissions{} })}, "is inconsistent"},
		"mine is the seventeenth": {append(repeat(sign(t, good, theirs), artifact.MaxSignatures), sign(t, good, mine)),
			"not trusted"},
		"signed, but names no key": {[]artifact.Signed{{Statement: sign(t, good, nil).Statement,
			Signature: mine.Sign(sign(t, good, nil).Statement, "")}}, "names no key"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			form, err := artifact.Build(good)
			if err != nil {
				t.Fatal(err)
			}
			v, err := artifact.ParseVersion(good.Manifest.Version)
			if err != nil {
				t.Fatal(err)
			}
			r := artifact.Release{Name: source, Version: v, Index: form.Index, Signed: c.signed}
			got, err := r.Verify(source, func(k artifact.Key) bool { return k == mine.Public })
			switch {
			case c.want == "" && (err != nil || got.Key != mine.Public):
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func repeat(s artifact.Signed, n int) []artifact.Signed {
	var out []artifact.Signed
	for range n {
		out = append(out, s)
	}
	return out
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	raw, dir := pack(t, program), t.TempDir()
	target := artifact.Target{Archive: digest.FromBytes(raw), Size: int64(len(raw)), Binary: digest.FromString(program)}
	r := artifact.Exactly(io.NopCloser(bytes.NewReader(raw)), target.Archived())
	if err := artifact.Unpack(r, "linux_amd64", target, dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "plugin"))
	if err != nil || string(got) != program {
		t.Errorf("%q (%v)", got, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "plugin")); err != nil || runtime.GOOS != "windows" &&
		info.Mode() != 0o555 {
		t.Errorf("%v (%v)", info.Mode(), err)
	}
	target.Binary = digest.FromString("another")
	if err := artifact.Unpack(bytes.NewReader(raw), "linux_amd64", target, t.TempDir()); err == nil {
		t.Error("another program than the statement names was taken")
	}
	if err := artifact.Unpack(bytes.NewReader(raw), "linux_amd64", target, dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("what is there was overwritten: %v", err)
	}
}
