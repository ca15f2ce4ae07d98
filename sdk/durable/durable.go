// Package durable writes files and folders that outlast a power cut, and replaces a file as a
// whole.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace replaces a file with raw as a whole, readable by its owner alone (0600). A reader sees
// the old content or the new; of two concurrent calls the last one wins. synced: the new content
// outlasts a power cut once Replace has returned.
func Replace(path string, raw []byte, synced bool) error {
	return ReplaceMode(path, raw, synced, 0o600)
}

// ReplaceMode is [Replace] for a file with another mode.
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

// MakeDir makes a folder and its parents, with durable names. The name of an existing folder is
// synced too, because its creator may have been killed before the sync.
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
	if err := SyncDir(parent); !errors.Is(err, fs.ErrPermission) { // the folder of another user has existed for long
		return err
	}
	return nil
}

// TempDirFor makes a folder beside the one that it will become.
func TempDirFor(dir string) (string, error) {
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".new-*")
	if err != nil {
		return "", toMake(dir, err)
	}
	return temp, nil
}

// toMake makes an error name the final path, since the temporary one tells a user nothing.
func toMake(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return &fs.PathError{Op: "make", Path: path, Err: at.Err}
	}
	return err
}
