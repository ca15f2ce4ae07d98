package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"aead.dev/minisign"
)

// TestRelease makes a release for this machine, checks what is in it, and installs from it; made
// again, it is the same.
func TestRelease(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the program twice")
	}
	if runtime.GOOS == "windows" {
		t.Skip("it unpacks a tar")
	}
	dir := filepath.Join(t.TempDir(), "dist")
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := private.MarshalText()
	key := filepath.Join(t.TempDir(), "key")
	if err = errors.Join(err, os.WriteFile(key, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	args := []string{"-version", "0.1.0", "-root", filepath.Join("..", ".."), "-platforms", thisPlatform}
	if err := run(t.Context(), append(args, "-dir", dir, "-key", key)); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), append(args, "-compare", dir)); err != nil {
		t.Error(err)
	}
	sums := read(t, dir, sumsFile)
	if !minisign.Verify(public, sums, read(t, dir, sumsFile+".minisig")) {
		t.Error("the signature is not that of the key")
	}
	if n := bytes.Count(sums, []byte("\n")); n != 4 {
		t.Errorf("%d files, want an archive, the changes, a recipe and a bill of materials:\n%s", n, sums)
	}
	check := exec.Command("sha256sum", "-c", sumsFile)
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("%v\n%s", err, out)
	}
	checkBill(t, read(t, dir, "scrapekit_0.1.0_sbom.json"))
	if !bytes.Contains(read(t, dir, "CHANGES.md"), []byte("The first release.")) ||
		!bytes.Contains(read(t, dir, "Containerfile"), []byte("ADD scrapekit_0.1.0_linux_")) {
		t.Error("the changes or the recipe are of something else")
	}
	install(t, dir)
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func checkBill(t *testing.T, raw []byte) {
	t.Helper()
	var bill struct {
		BomFormat  string
		Components []component
	}
	if err := json.Unmarshal(raw, &bill); err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(bill.Components,
		func(c component) bool { return c.Name == "modernc.org/sqlite" }); bill.BomFormat != "CycloneDX" || i < 0 {
		t.Errorf("%s: %d components, and sqlite is not one", bill.BomFormat, len(bill.Components))
	} else if c := bill.Components[i]; c.URL != "pkg:golang/modernc.org/sqlite@"+c.Version ||
		!strings.HasPrefix(c.Properties[0].Value, "h1:") {
		t.Errorf("%+v", c)
	}
}

// install unpacks the archive and runs what is in it.
func install(t *testing.T, dir string) {
	t.Helper()
	archive := "scrapekit_0.1.0_" + strings.ReplaceAll(thisPlatform, "/", "_") + ".tar.gz"
	packed, err := gzip.NewReader(bytes.NewReader(read(t, dir, archive)))
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	var names []string
	for r := tar.NewReader(packed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		path := filepath.Join(to, filepath.FromSlash(h.Name))
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755)); err == nil {
			err = os.WriteFile(path, raw, h.FileInfo().Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimPrefix(h.Name, "scrapekit_0.1.0/"))
	}
	for _, name := range []string{
		"scrapekit", "LICENSE", "README.md", "completions/scrapekit.bash", "completions/_scrapekit",
		"man/man1/scrapekit.1", "man/man1/scrapekit-plugins-new.1",
		"licences/go/LICENSE", "licences/modernc.org/sqlite/LICENSE",
	} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not in the archive", name)
		}
	}
	program := filepath.Join(to, "scrapekit_0.1.0", "scrapekit")
	out, err := exec.Command(program, "version").CombinedOutput()
	if err != nil || !regexp.MustCompile(`^scrapekit 0\.1\.0, commit [0-9a-f]{12} of 20\d\d-\d\d-\d\d, `).Match(out) {
		t.Errorf("%v: %s", err, out)
	}
	demo := exec.Command(program, "demo", "--issues", "6", "--rate", "0", "--calm", "--output", "plain")
	demo.Dir = t.TempDir()
	if out, err := demo.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("is complete")) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"name the version": nil,
		"no section":       {"-version", "99.0.0", "-root", "../.."},
		"file exists":      {"-version", "0.1.0", "-root", "../..", "-dir", t.TempDir()},
	} {
		if err := run(t.Context(), args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
