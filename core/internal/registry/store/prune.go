// Prune: removes what no lock file uses.

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

// Register records a lock file that uses the store. Call it before the lock file is written.
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
		err = disk.SyncDir(dir) // the process that wrote it may have been killed before this sync
	} else {
		err = disk.Replace(note, []byte(path), true)
	}
	if err != nil {
		return fmt.Errorf("store of plugins: %w", err)
	}
	return nil
}

// Users returns the existing lock files that use the store.
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
			out = append(out, string(raw)) // keep a file that cannot be read: it may be in use
		}
	}
	slices.Sort(out)
	return out, nil
}

// Item is a program of the store.
type Item struct {
	Digest string `json:"digest"`
	Dir    string `json:"dir"`
	Size   int64  `json:"size"` // of all its files, in bytes
}

// Items returns the programs, sorted by digest.
func (s *Store) Items() ([]Item, error) {
	folders, err := entries(filepath.Join(s.dir, "sha256"))
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, f := range folders {
		item := Item{Digest: "sha256:" + f.Name(), Dir: filepath.Join(s.dir, "sha256", f.Name())}
		if _, err := hexOf(item.Digest); err != nil {
			continue // not made by the store
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

// Check returns what is wrong with the program of an item.
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

// InUse is what a prune must keep: digests of programs and of releases' indexes.
type InUse struct{ Programs, Releases []string }

// Prune removes programs and releases that inUse does not return, and leftovers of killed
// processes. It returns the removed programs. It waits until nobody installs, then calls inUse with
// the lock files that use the store. With dry, it removes nothing.
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
		// Rename first, so that no incomplete folder has the digest as its name.
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

// forgetUsers removes the records of missing lock files.
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

// entries returns the entries of a folder, without temporary ones, which begin with a dot. A
// missing folder is empty.
func entries(dir string) ([]fs.DirEntry, error) {
	all, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }), err
}
