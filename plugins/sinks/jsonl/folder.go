// Folders that are there for good when their files are.

package jsonl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// makeFolder makes dir with its parents, and syncs each folder in which one was made. One that is there may have been made by a
// process that was killed before it came to that.
func makeFolder(dir string) error {
	parent := filepath.Dir(dir)
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is a file, and should be a folder", dir)
	case err == nil:
		if err := syncDir(parent); !errors.Is(err, fs.ErrPermission) { // whose folder that is has made it long ago
			return err
		}
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if parent != dir {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}
