// State folders of somebody else's.

//go:build unix

package core

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/state"
)

func TestStateFolderOfAnother(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can make a folder of somebody else's")
	}
	const another = 12345
	for name, lay := range map[string]func(dir string) error{
		"the folder":             func(dir string) error { return os.Lchown(dir, another, another) },
		"the one around it":      func(dir string) error { return os.Lchown(filepath.Dir(dir), another, another) },
		"one that all may write": func(dir string) error { return os.Chmod(dir, 0o777) },
	} {
		dir := filepath.Join(t.TempDir(), ".scrapekit", "p")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(target, []byte("hunter2"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, link := range []string{"holder.json", "file"} {
			if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		if err := lay(dir); err != nil {
			t.Fatal(err)
		}
		if unlock, err := lockState("p", state.Home(dir)); err == nil ||
			!strings.Contains(err.Error(), "state folder: ") {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				_ = unlock()
			}
		}
		if raw, err := os.ReadFile(target); string(raw) != "hunter2" {
			t.Errorf("%s: the file behind the link is %q, %v", name, raw, err)
		}
	}
}

// TestStateFollowsNoLink: what was laid out before the folder was closed to others is replaced, not
// written through.
func TestStateFollowsNoLink(t *testing.T) {
	t.Parallel()
	dir, target := filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(target, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"holder.json", "file"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := lockState("p", state.Home(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := claim(state.Home(dir), "p", "p.hcl"); err != nil {
		t.Error(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(target); string(raw) != "hunter2" {
		t.Errorf("the file behind the links is %q, %v", raw, err)
	}
	for _, name := range []string{"holder.json", "file"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
