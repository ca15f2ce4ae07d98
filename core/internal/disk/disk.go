// Package disk is what all that keep something on disk must know of it: when a name lasts, and how a file is replaced as
// a whole.
package disk

import (
	"errors"
	"os"
	"path/filepath"
)

// Replace puts raw in the place of a file, as a whole and readable by its owner alone: whoever opens it sees the old content
// or the new, and of two processes the last one wins. synced: the new content is on the disk before it takes the place.
func Replace(path string, raw []byte, synced bool) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if synced {
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
