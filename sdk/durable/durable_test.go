package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/durable"
)

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kept")
	for _, c := range []struct {
		text   string
		synced bool
	}{{"first, and longer", false}, {"second", true}} {
		if err := durable.Replace(path, []byte(c.text), c.synced); err != nil {
			t.Fatal(err)
		}
		if raw, err := os.ReadFile(path); err != nil || string(raw) != c.text {
			t.Errorf("%q (%v), want %q", raw, err, c.text)
		}
	}
	// A folder cannot be replaced by a file: nothing of the attempt is left.
	dir := filepath.Join(filepath.Dir(path), "folder")
	if err := os.MkdirAll(filepath.Join(dir, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(dir, []byte("x"), true); err == nil {
		t.Error("a folder was replaced")
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 2 {
		t.Errorf("left: %v (%v)", left, err)
	}
}

func TestMakeDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		if err := durable.MakeDir(filepath.Join(dir, "a", "b", "c"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "a", "b", "c")); err != nil || !info.IsDir() {
		t.Errorf("%v (%v)", info, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if err := durable.MakeDir(path, 0o755); err == nil {
			t.Errorf("%s was made in place of a file", path)
		}
	}
}

// TestWhatCannotBeMade: an error names what was to be made, not what it is called until it is
// whole.
func TestWhatCannotBeMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "gone", "scrapekit.lock.hcl")
	_, dirErr := durable.TempDirFor(path)
	for _, err := range []error{durable.Replace(path, nil, false), dirErr} {
		if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "make "+path+": ") {
			t.Errorf("%v", err)
		}
	}
}
