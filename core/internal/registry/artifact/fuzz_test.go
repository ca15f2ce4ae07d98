// What strangers write, fuzzed: go test -fuzz FuzzArchive ./core/internal/registry/artifact

package artifact_test

import (
	"archive/tar"
	"bytes"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/sdk"
)

// FuzzArchive: what is taken out of an archive has names of a top folder, one of them a program,
// and is bounded.
func FuzzArchive(f *testing.F) {
	f.Add(tarball(f, file("hello", program), file("LICENSE", "MIT")))
	f.Add(tarball(f, file("../hello", program)))
	f.Add(tarball(f, special(tar.TypeSymlink, "hello", "/bin/sh")))
	f.Add(tarball(f, file("hello", program), file("hello", program)))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		const most = 1 << 20
		names, programs, total := map[string]bool{}, 0, int64(0)
		err := artifact.ReadArchiveUpTo(bytes.NewReader(raw), most, func(f artifact.File, program bool) error {
			if names[strings.ToLower(f.Name)] || strings.ContainsAny(f.Name, "/\\:\x00\n") ||
				strings.HasPrefix(f.Name, ".") {
				t.Errorf("the name %q", f.Name)
			}
			names[strings.ToLower(f.Name)] = true
			if program {
				programs++
			}
			n, err := io.Copy(io.Discard, f.Content)
			total += n
			if err == nil && n != f.Size {
				t.Errorf("%q has %d bytes and says %d", f.Name, n, f.Size)
			}
			return err
		})
		if err == nil && programs != 1 || programs > 1 || total > most {
			t.Errorf("%d programs, %d bytes (%v)", programs, total, err)
		}
	})
}

// FuzzStatement: a statement that is taken has an identity, and is the same when it was written and
// read again.
func FuzzStatement(f *testing.F) {
	s := artifact.Statement{
		Source: source, Index: digest.FromString("x"), Key: minisignKey,
		Manifest: artifact.Manifest{Name: "hello", Version: "1.4.2", Kind: sdk.KindSource, Protocol: 1,
			Permissions: sdk.Permissions{Dial: []string{"db.example.com:5432"}}},
		Targets: map[artifact.Platform]artifact.Target{"linux_amd64": {Archive: digest.FromString("a"), Size: 1,
			Binary: digest.FromString("b")}},
	}
	raw, err := s.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.Replace(raw, []byte("{"), []byte(`{"x":1,`), 1))
	f.Add([]byte(`{"statement":"scrapekit.plugin/1"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := artifact.ParseStatement(raw)
		if err != nil {
			return
		}
		form, err := artifact.Build(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		s2, err := artifact.ParseStatement(again)
		if err != nil {
			t.Fatalf("%v: %s", err, again)
		}
		form2, err := artifact.Build(s2)
		if err != nil || form2.Index.Descriptor.Digest != form.Index.Descriptor.Digest {
			t.Errorf("another identity after it was written (%v)\n%s\n%s", err, raw, again)
		}
		if err := artifact.CheckIndex(form.Index.Content); err != nil {
			t.Error(err)
		}
		if err := s.Sums(raw).CheckRelease(raw); err != nil {
			t.Error(err)
		}
	})
}

// FuzzManifest: the manifest of a signature leads to nothing that is too long, and to nothing for
// another release.
func FuzzManifest(f *testing.F) {
	s := artifact.Statement{Targets: map[artifact.Platform]artifact.Target{"linux_amd64": {}}}
	form, err := artifact.Build(s)
	if err != nil {
		f.Fatal(err)
	}
	m, _, err := artifact.SignatureForm(form.Index.Descriptor,
		artifact.Signed{Statement: []byte("{}"), Signature: []byte("x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.Content)
	f.Add(form.Index.Content)
	f.Add(bytes.Replace(m.Content, []byte(`"size":2`), []byte(`"size":99999999999`), 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_ = artifact.CheckIndex(raw) // it ends
		statement, signature, err := artifact.SignatureLayers(raw, form.Index.Descriptor.Digest)
		if err != nil {
			return
		}
		if err := artifact.CheckBlob(statement); err != nil {
			t.Error(err)
		}
		if signature != nil && (artifact.CheckBlob(*signature) != nil || signature.MediaType != artifact.TypeMinisig) {
			t.Errorf("%+v", signature)
		}
	})
}

// FuzzSignature: of all signatures under a message, those that fit are the one that was made, but
// for what nobody signs.
func FuzzSignature(f *testing.F) {
	f.Add([]byte(minisignSignature), minisignPublic)
	f.Add([]byte("untrusted comment: x\n\n\n\n"), "RW")
	f.Fuzz(func(t *testing.T, signature []byte, public string) {
		if key, err := artifact.ParseKey(public); err == nil {
			if again, err := artifact.ParseKey(string(key)); err != nil || again != key || len(key.ID()) != 16 {
				t.Errorf("%q is the key %q, and that %q (%v)", public, key, again, err)
			}
		}
		_, _ = artifact.KeyID(signature)          // it ends
		_, _ = artifact.OpenSigner(signature, "") // it ends
		if artifact.Key(minisignKey).Verify([]byte(minisignMessage), signature) != nil {
			return
		}
		want := strings.Split(minisignSignature, "\n")
		for _, line := range []string{want[1], want[3]} {
			if !bytes.Contains(signature, []byte(line)) {
				t.Errorf("another signature fits: %q", signature)
			}
		}
		if !bytes.Contains(signature, []byte(want[2])) {
			t.Errorf("another signed comment fits: %q", signature)
		}
	})
}

// FuzzSums: what is taken is the same when it was written and read again, and its names lead
// nowhere else.
func FuzzSums(f *testing.F) {
	f.Add([]byte(digest.FromString("x").Encoded() + "  hello_1.4.2_linux_amd64.tar.gz\n"))
	f.Add([]byte(digest.FromString("x").Encoded() + " *../hello\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		sums, err := artifact.ParseSums(raw)
		if err != nil {
			return
		}
		again, err := artifact.ParseSums(sums.Bytes())
		if err != nil || !reflect.DeepEqual(sums, again) {
			t.Errorf("%v, and then %v (%v)", sums, again, err)
		}
		for name := range sums {
			if strings.ContainsAny(name, "/\\%?#: ") || strings.HasPrefix(name, ".") {
				t.Errorf("the name %q", name)
			}
		}
	})
}

// FuzzSource: a source is named as it was written, and its path goes down only.
func FuzzSource(f *testing.F) {
	for _, text := range []string{source, "github.com/acme/x", "github.com/acme/..", "https://example.com/a/b",
		"oci-layout:./x#" + source, "file:./x", "./x", "[::1]:80/x", "https://a@b/c", "http://127.0.0.1:1/x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, local := artifact.LocalPath(text)
		s, err := artifact.ParseSource(text)
		if err != nil {
			return
		}
		if local {
			t.Errorf("%q is a path and a source", text)
		}
		if s.Text != text || s.Kind != artifact.Layout && (s.Name != text || s.Host == "") {
			t.Errorf("%q: %+v", text, s)
		}
		if s.Kind == artifact.Layout {
			return
		}
		for part := range strings.SplitSeq(s.Path, "/") {
			if part == "" || part == "." || part == ".." {
				t.Errorf("%q has the path %q", text, s.Path)
			}
		}
		if strings.ContainsAny(text, " @%\\\n\"'`$") || strings.ToLower(s.Host) != s.Host {
			t.Errorf("%q was taken", text)
		}
		if !artifact.Matches(artifact.Namespace(text)+"/*", text) {
			t.Errorf("%q is not in its own namespace", text)
		}
	})
}

var tag = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`) // of the specification of OCI

// FuzzVersion: a version is the tag that it was, and its order is one.
func FuzzVersion(f *testing.F) {
	f.Add("1.4.2", "2.0.0-rc.1", "~> 1.4")
	f.Add("0.0.0", "0.0.0-0", ">= 1, < 2, != 1.5")
	f.Fuzz(func(t *testing.T, a, b, demand string) {
		c, errC := artifact.ParseConstraint(demand)
		v, errV := artifact.ParseVersion(a)
		w, errW := artifact.ParseVersion(b)
		if errV == nil && (v.String() != a || !tag.MatchString(a) || v.Compare(v) != 0) {
			t.Errorf("%q is the version %s", a, v)
		}
		if errV == nil && errW == nil && v.Compare(w) != -w.Compare(v) {
			t.Errorf("%s and %s have no order", v, w)
		}
		if errC == nil && errV == nil && v.Prerelease() && c.Allows(v) && !strings.Contains(demand, "-") {
			t.Errorf("%q allows the prerelease %s", demand, v)
		}
	})
}
