// Whose a folder is.

//go:build unix

package disk_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/disk"
)

func TestOurs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string, mode os.FileMode, uid int) string {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(path, uid, -1); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(name, to string, uid int) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(path, uid, -1); err != nil {
			t.Fatal(err)
		}
		return path
	}
	me := os.Geteuid()
	own := at("own", 0o755, me)
	type row struct {
		path        string
		ours, above string // what is said; "": nothing
	}
	rows := []row{
		{filepath.Join(dir, "missing"), "", ""},
		{own, "", ""},
		{at("group", 0o775, me), "others may write", ""},
		{at("all", 0o777, me), "others may write", "others may write"},
		{at("sticky", 0o777|os.ModeSticky, me), "others may write", ""},
		{link("link", own, me), "", ""},
	}
	if me == 0 {
		rows = append(rows,
			row{at("foreign", 0o755, 12345), "belongs to user 12345, and this is root", "belongs to"},
			row{link("foreign link", own, 12345), "belongs to user 12345", "belongs to"},
			row{link("to foreign", filepath.Join(dir, "foreign"), me), "belongs to user 12345", "belongs to"})
	}
	for _, r := range rows {
		for name, c := range map[string]struct {
			err  error
			want string
		}{"ours": {disk.Ours(r.path), r.ours}, "above": {disk.Above(r.path), r.above}} {
			if (c.err == nil) != (c.want == "") || c.err != nil && !strings.Contains(c.err.Error(), c.want) {
				t.Errorf("%s: %s: %v, not %q", filepath.Base(r.path), name, c.err, c.want)
			}
		}
	}
}
