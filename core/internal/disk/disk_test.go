package disk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/disk"
)

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kept")
	for _, c := range []struct {
		text   string
		synced bool
	}{{"first, and longer", false}, {"second", true}} {
		if err := disk.Replace(path, []byte(c.text), c.synced); err != nil {
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
	if err := disk.Replace(dir, []byte("x"), true); err == nil {
		t.Error("a folder was replaced")
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 2 {
		t.Errorf("left: %v (%v)", left, err)
	}
}
