package publish_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/publish"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// aPacking is one of two scripts.
func aPacking(t *testing.T) publish.Packing {
	t.Helper()
	dir := t.TempDir()
	return publish.Packing{
		Source:   "registry.example.com/acme/scrapekit-hello",
		Manifest: artifact.Manifest{Name: "hello", Version: "1.4.2", Kind: sdk.KindSource, Protocol: 1},
		Programs: []publish.Program{
			{Platform: "linux_amd64", Path: write(t, filepath.Join(dir, "one"), "#!/bin/sh\necho one\n")},
			{Platform: "windows_amd64", Path: write(t, filepath.Join(dir, "two"), "#!/bin/sh\necho two\n")},
		},
		Include: []string{write(t, filepath.Join(dir, "LICENSE"), "MIT")},
		Dir:     filepath.Join(dir, "dist"),
	}
}

// files are the names and contents of a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range all {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name()] = string(raw)
	}
	return out
}

func TestPackingAgainGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	p := aPacking(t)
	if _, err := publish.Pack(p); err != nil {
		t.Fatal(err)
	}
	before := files(t, p.Dir)
	slices.Reverse(p.Programs)
	if err := os.Chtimes(p.Programs[0].Path, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Pack(p); err != nil {
		t.Fatal(err)
	}
	after := files(t, p.Dir)
	if len(before) != 4 || len(after) != 4 {
		t.Errorf("files %v, then %v", before, after)
	}
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("%s is another", name)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(p.Dir), ".new-*")); err != nil || left != nil {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// TestWhatIsPackedIsInstalled: an archive of a packed folder unpacks to the program.
func TestWhatIsPackedIsInstalled(t *testing.T) {
	t.Parallel()
	p := aPacking(t)
	s, err := publish.Pack(p)
	if err != nil {
		t.Fatal(err)
	}
	f, err := publish.Open(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range p.Programs {
		target, dir := s.Targets[program.Platform], t.TempDir()
		r, err := f.Archive(t.Context(), program.Platform, target)
		if err != nil {
			t.Fatal(err)
		}
		err = artifact.Unpack(artifact.Exactly(r, target.Archived()), program.Platform, target, dir)
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(program.Path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, program.Platform.Program()))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q (%v), want %q", got, err, want)
		}
	}
}

func TestSigned(t *testing.T) {
	t.Parallel()
	p := aPacking(t)
	if _, err := publish.Pack(p); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "keys", "acme.key")
	public, file, err := publish.Keygen(key, "")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(key); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the private key: %v (%v)", info.Mode(), err)
	}
	raw, err := os.ReadFile(file)
	if again, errKey := artifact.ParseKey(string(raw)); err != nil || errKey != nil || again != public {
		t.Errorf("%s: %s (%v, %v)", file, again, err, errKey)
	}
	signer, err := publish.OpenSigner(key, func() (string, error) { return "", errors.New("asked for a password") })
	if err != nil {
		t.Fatal(err)
	}
	f, err := publish.Open(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if by, err := f.Signer(); err != nil || by != "" {
		t.Errorf("before: %q (%v)", by, err)
	}
	for range 2 { // again is no error
		if err := publish.Sign(f, signer); err != nil {
			t.Fatal(err)
		}
		if f, err = publish.Open(p.Dir); err != nil {
			t.Fatal(err)
		}
		if by, err := f.Signer(); err != nil || by != public {
			t.Errorf("%q (%v), want %q", by, err, public)
		}
	}
	all := files(t, p.Dir)
	if err := public.Verify([]byte(all[artifact.SumsFile]), []byte(all[artifact.SumsMinisig])); err != nil {
		t.Errorf("SHA256SUMS: %v", err)
	}
	if _, err := publish.Pack(p); err != nil {
		t.Fatal(err)
	}
	if _, there := files(t, p.Dir)[artifact.StatementMinisig]; there {
		t.Error("packed anew, and the signature of the former release is still there")
	}
}

// TestEncryptedKey takes a GiB of memory; with the race detector it takes several.
//
//ci:plain
func TestEncryptedKey(t *testing.T) {
	t.Parallel()
	if crashtest.Raced || testing.Short() {
		t.Skip("it takes too much memory here; .ci/run plain runs it")
	}
	key := filepath.Join(t.TempDir(), "acme.key")
	public, _, err := publish.Keygen(key, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(key)
	if err != nil || !artifact.IsEncrypted(raw) {
		t.Errorf("not encrypted: %s (%v)", raw, err)
	}
	if _, err := artifact.OpenSigner(raw, "wrong"); err == nil ||
		!strings.Contains(err.Error(), "the password is wrong") {
		t.Errorf("another password: %v", err)
	}
	signer, err := publish.OpenSigner(key, func() (string, error) { return "correct horse", nil })
	if err != nil || signer.Public != public {
		t.Fatalf("%v (%v)", signer, err)
	}
}

func TestParseProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := publish.ParseProgram(self)
	if err != nil || p.Platform != artifact.Here() || p.Path != self {
		t.Errorf("%+v (%v)", p, err)
	}
	script := write(t, filepath.Join(dir, "a=b"), "#!/bin/sh\n")
	if p, err := publish.ParseProgram("linux_arm64=" + script); err != nil || p.Platform != "linux_arm64" ||
		p.Path != script {
		t.Errorf("%+v (%v)", p, err)
	}
	for text, want := range map[string]string{
		script:                                   "its header does not tell",
		"linux_riscv64=" + self:                  "not for linux_riscv64",
		filepath.Join(dir, "nothing"):            "no such file",
		dir:                                      "is no file",
		"linux_amd64=" + filepath.Join(dir, "x"): "no such file",
	} {
		if runtime.GOOS == "windows" && want == "no such file" {
			want = "cannot find"
		}
		if p, err := publish.ParseProgram(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v (%v), want %q", text, p, err, want)
		}
	}
}
