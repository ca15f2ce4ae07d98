// Pruning: what no lock file names goes.

package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/disk"
)

// Register notes that a lock file uses the store. It is to be called before the lock file is
// written.
func (s *Store) Register(lockFile string) error {
	path, err := filepath.Abs(lockFile)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.dir, "users")
	if err := s.makeDir(dir); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(path))
	note := filepath.Join(dir, hex.EncodeToString(sum[:]))
	if raw, readErr := os.ReadFile(note); readErr == nil && string(raw) == path {
		err = disk.SyncDir(dir) // who wrote it may have been killed before it came to that
	} else {
		err = disk.Replace(note, []byte(path), true)
	}
	if err != nil {
		return fmt.Errorf("store of plugins: %w", err)
	}
	return nil
}

// Users returns the lock files that use the store, and are still there.
func (s *Store) Users() ([]string, error) {
	notes, err := entries(filepath.Join(s.dir, "users"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, note := range notes {
		raw, err := os.ReadFile(filepath.Join(s.dir, "users", note.Name()))
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(string(raw)); err == nil || !errors.Is(err, fs.ErrNotExist) {
			out = append(out, string(raw)) // one that cannot be looked at may be in use
		}
	}
	slices.Sort(out)
	return out, nil
}

// Item is a program of the store.
type Item struct {
	Digest string `json:"digest"`
	Dir    string `json:"dir"`
	Size   int64  `json:"size"` // of all its files
}

// Items lists the programs, sorted by digest.
func (s *Store) Items() ([]Item, error) {
	folders, err := entries(filepath.Join(s.dir, "sha256"))
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, f := range folders {
		item := Item{Digest: "sha256:" + f.Name(), Dir: filepath.Join(s.dir, "sha256", f.Name())}
		if _, err := hexOf(item.Digest); err != nil {
			continue // none of ours
		}
		files, err := entries(item.Dir)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if info, err := file.Info(); err == nil {
				item.Size += info.Size()
			}
		}
		out = append(out, item)
	}
	return out, nil
}

// Check reads the program of an item and returns what is wrong with it.
func (i Item) Check() error {
	files, err := entries(i.Dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Name() != "plugin" && f.Name() != "plugin.exe" {
			continue
		}
		got, err := digestOf(filepath.Join(i.Dir, f.Name()))
		if err == nil && got != i.Digest {
			err = fmt.Errorf("%s was changed: its digest is %s", filepath.Join(i.Dir, f.Name()), got)
		}
		return err
	}
	return fmt.Errorf("%s holds no program", i.Dir)
}

// InUse says what a prune must leave: digests of programs and of releases' indexes.
type InUse struct{ Programs, Releases []string }

// Prune removes what inUse does not name, and what killed processes left, and returns the programs
// that went. It waits until nobody installs. inUse is asked when nobody does, and gets the lock
// files that use the store. With dry nothing is removed.
func (s *Store) Prune(ctx context.Context, dry bool, inUse func(lockFiles []string) (InUse, error)) (gone []Item,
	err error) {
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	release, err := s.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	users, err := s.Users()
	if err != nil {
		return nil, err
	}
	keep, err := inUse(users)
	if err != nil {
		return nil, err
	}
	items, err := s.Items()
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if !slices.Contains(keep.Programs, item.Digest) {
			gone = append(gone, item)
		}
	}
	if dry {
		return gone, nil
	}
	return gone, s.remove(gone, keep.Releases)
}

func (s *Store) remove(gone []Item, releases []string) error {
	tmp := filepath.Join(s.dir, "tmp")
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := s.makeDir(tmp); err != nil {
		return err
	}
	for _, item := range gone {
		// By a rename first, so that no half of a program is ever there under its digest.
		away := filepath.Join(tmp, filepath.Base(item.Dir))
		if err := errors.Join(os.Rename(item.Dir, away), os.RemoveAll(away)); err != nil {
			return err
		}
	}
	kept, err := entries(filepath.Join(s.dir, "releases"))
	if err != nil {
		return err
	}
	for _, r := range kept {
		if !slices.Contains(releases, "sha256:"+r.Name()) {
			if err := os.RemoveAll(filepath.Join(s.dir, "releases", r.Name())); err != nil {
				return err
			}
		}
	}
	return s.forgetUsers()
}

// forgetUsers removes the notes of lock files that are gone.
func (s *Store) forgetUsers() error {
	users, err := s.Users()
	if err != nil {
		return err
	}
	notes, err := entries(filepath.Join(s.dir, "users"))
	if err != nil {
		return err
	}
	for _, note := range notes {
		path := filepath.Join(s.dir, "users", note.Name())
		raw, err := os.ReadFile(path)
		if err == nil && !slices.Contains(users, string(raw)) {
			err = os.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entries lists a folder, but for what begins with a dot: that is being written. A folder that is
// not there is empty.
func entries(dir string) ([]fs.DirEntry, error) {
	all, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }), err
}
