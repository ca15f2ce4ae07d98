// Drafts: programs that are being put into the store.

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

// Draft is a temporary folder that will become one of the store.
type Draft struct {
	store *Store
	dir   string
}

// New starts a draft. The caller holds [Store.Use], and ends the draft with Publish or Discard.
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

// Dir is the folder to unpack into: plain files, one of which is the program.
func (d *Draft) Dir() string { return d.dir }

// Discard removes the draft. After Publish it does nothing.
func (d *Draft) Discard() error { return os.RemoveAll(d.dir) }

// Publish moves the draft into the store under the digest of its program, whose file has this name,
// and returns the program's path. A correct existing folder stays.
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

// seal makes all files read-only and syncs them.
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

// syncAs opens the file for writing, because Windows syncs no others.
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

// place renames the draft to its folder, after removing an incorrect existing one.
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

// replace moves an incorrect folder away. If another process has replaced it meanwhile, that is
// fine.
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

// digestOf reads a file and returns its digest.
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
