// Drafts: programs on their way into the store.

package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scrapekit/scrapekit/core/internal/disk"
)

// Draft is a folder that is to become one of the store.
type Draft struct {
	store *Store
	dir   string
}

// New begins a draft. The caller holds [Store.Use], and ends the draft by Publish or Discard.
func (s *Store) New() (*Draft, error) {
	tmp := filepath.Join(s.dir, "tmp")
	if err := s.makeDir(tmp); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(tmp, "draft-")
	if err != nil {
		return nil, fmt.Errorf("store of plugins: %w", err)
	}
	return &Draft{s, dir}, nil
}

// Dir is the folder to unpack into: the program, and what comes with it, as plain files.
func (d *Draft) Dir() string { return d.dir }

// Discard removes the draft. After Publish it does nothing.
func (d *Draft) Discard() error { return os.RemoveAll(d.dir) }

// Publish puts the draft into the store under the digest of its program, which has the name, and
// returns the program's path. If it is there already, and is right, that stays.
func (d *Draft) Publish(digest, name string) (string, error) {
	if err := d.seal(name); err != nil {
		return "", fmt.Errorf("store of plugins: %w", err)
	}
	got, err := digestOf(filepath.Join(d.dir, name))
	if err != nil {
		return "", err
	}
	if got != digest {
		return "", fmt.Errorf("the program has the digest %s, not %s", got, digest)
	}
	if there, err := d.store.Has(digest, name); err != nil || there {
		if err != nil {
			return "", err
		}
		path, err := d.store.Program(digest, name)
		return path, errors.Join(err, d.store.Keep(digest), d.Discard())
	}
	dir, err := d.store.folder("sha256", digest)
	if err == nil {
		err = d.place(dir)
	}
	if err != nil {
		return "", fmt.Errorf("store of plugins: %w", err)
	}
	return d.store.Program(digest, name)
}

// seal makes all files read-only, and their content last.
func (d *Draft) seal(program string) error {
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		path, mode := filepath.Join(d.dir, file.Name()), fs.FileMode(0o444)
		if file.Name() == program {
			mode = 0o555
		}
		if !file.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", path)
		}
		if err := syncAs(path, mode); err != nil {
			return err
		}
	}
	return nil
}

// syncAs opens the file for writing, without which Windows syncs nothing.
func syncAs(path string, mode fs.FileMode) error {
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), os.Chmod(path, mode))
}

// place renames the draft to its folder. A folder that is there and is not right goes away as a
// whole first.
func (d *Draft) place(dir string) error {
	if err := disk.SyncDir(d.dir); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := d.store.makeDir(parent); err != nil {
		return err
	}
	err := os.Rename(d.dir, dir)
	if err != nil {
		if _, statErr := os.Lstat(dir); statErr != nil {
			return err
		}
		if err := d.replace(dir); err != nil {
			return err
		}
	}
	return disk.SyncDir(parent)
}

// replace takes what is wrong out of the way. Another process may do the same: then what it has put
// there is as good.
func (d *Draft) replace(dir string) error {
	if err := os.Rename(dir, d.dir+".old"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.Rename(d.dir, dir)
	if err != nil {
		if _, statErr := os.Lstat(dir); statErr == nil {
			err = d.Discard()
		}
	}
	return errors.Join(err, os.RemoveAll(d.dir+".old"))
}

// digestOf reads a file whole.
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}
