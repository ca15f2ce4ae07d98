// Package durable is what a plugin that keeps something on disk must know of it: when a name
// outlasts a power cut, and how a file is replaced as a whole.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace puts raw in the place of a file, as a whole and readable by its owner alone: whoever
// opens it sees the old content or the new, and of two processes the last one wins. synced: it
// outlasts a power cut once Replace has returned.
func Replace(path string, raw []byte, synced bool) error {
	return ReplaceMode(path, raw, synced, 0o600)
}

// ReplaceMode is [Replace] for a file of another mode.
func ReplaceMode(path string, raw []byte, synced bool, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return toMake(path, err)
	}
	_, err = f.Write(raw)
	if mode != 0o600 {
		err = errors.Join(err, f.Chmod(mode))
	}
	if synced {
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if synced {
		return SyncDir(filepath.Dir(path))
	}
	return nil
}

// MakeDir makes a folder with its parents, so that its name lasts. One that is there may have been
// made by a process that was killed before it came to that, so its name is made to last too.
func MakeDir(dir string, mode os.FileMode) error {
	parent := filepath.Dir(dir)
	switch err := os.Mkdir(dir, mode); {
	case errors.Is(err, fs.ErrNotExist) && parent != dir:
		if err := MakeDir(parent, mode); err != nil {
			return err
		}
		return MakeDir(dir, mode)
	case errors.Is(err, fs.ErrExist):
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("it is a file, and should be a folder")}
		}
		if err != nil {
			return err
		}
	case err != nil:
		return err
	}
	if err := SyncDir(parent); !errors.Is(err, fs.ErrPermission) { // whose folder that is has made it long ago
		return err
	}
	return nil
}

// TempDirFor makes a folder beside the one that it is to become.
func TempDirFor(dir string) (string, error) {
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".new-*")
	if err != nil {
		return "", toMake(dir, err)
	}
	return temp, nil
}

// toMake names what was to be made: the name that it has until then says nothing to anybody.
func toMake(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return &fs.PathError{Op: "make", Path: path, Err: at.Err}
	}
	return err
}
