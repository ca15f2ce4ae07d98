// Run directories: made, locked, swept.

//go:build unix

package pluginhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestRunDirIsPrivateAndRemoved(t *testing.T) {
	t.Parallel()
	parent := shortDir(t)
	d, err := openRunDir(parent, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(d.path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != dirMode() {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if left := files(t, parent); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSweepTakesTheDeadAndSparesTheLiving(t *testing.T) {
	t.Parallel()
	parent := shortDir(t)
	alive, err := openRunDir(parent, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	defer alive.close()
	dead := filepath.Join(parent, runPrefix+"dead")
	if err := os.MkdirAll(filepath.Join(dead, "plugin-dir1"), 0o700); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(parent, "notes")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	second, err := openRunDir(parent, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	defer second.close()
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the dead run's directory is still there: %v", err)
	}
	for _, dir := range []string{alive.path, second.path, other} {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("gone: %v", err)
		}
	}
}

func TestRunDirTooLong(t *testing.T) {
	t.Parallel()
	parent := filepath.Join(shortDir(t), strings.Repeat("long", 20))
	_, err := openRunDir(parent, hclog.NewNullLogger())
	if err == nil || !strings.Contains(err.Error(), "too long") || !strings.Contains(err.Error(), "TMPDIR") {
		t.Fatalf("got %v", err)
	}
	if left := files(t, parent); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDefaultRunParent(t *testing.T) {
	xdg := shortDir(t)
	t.Setenv("XDG_RUNTIME_DIR", xdg)
	// Root's plugins could not get there.
	if got, err := runParent(""); err != nil || (got == filepath.Join(xdg, "scrapekit")) != (dirMode() == 0o700) {
		t.Errorf("with XDG_RUNTIME_DIR: %q, %v", got, err)
	}
	tmp := shortDir(t)
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(xdg, "missing"))
	t.Setenv("TMPDIR", tmp)
	got, err := runParent("")
	if err != nil || filepath.Dir(got) != tmp {
		t.Fatalf("without: %q, %v", got, err)
	}
	if err := os.Chmod(got, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := runParent(""); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(got); err != nil || info.Mode().Perm() != dirMode() {
		t.Errorf("mode not mended: %v, %v", info.Mode(), err)
	}
}

func TestDefaultRunParentRefusesALink(t *testing.T) {
	tmp := shortDir(t)
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", tmp)
	own, err := runParent("")
	if err != nil || filepath.Dir(own) != tmp {
		t.Fatalf("%q is not in %s: %v", own, tmp, err)
	}
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), own); err != nil {
		t.Fatal(err)
	}
	if got, err := runParent(""); err == nil || !strings.Contains(err.Error(), "is no folder") {
		t.Errorf("took %q, %v", got, err)
	}
}
