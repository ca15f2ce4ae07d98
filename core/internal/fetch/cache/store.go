// Store: the folder of entries, with a limit of its size.

package cache

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// aside is the prefix of entries being written.
	aside = "new-"
	// abandoned is the age at which such a file counts as left by a killed process.
	abandoned = time.Hour
	saltFile  = "salt"
	saltSize  = 32
)

// Store keeps entries in a folder. Several processes may use the folder, and several goroutines the
// methods.
type Store struct {
	dir  string
	max  int64
	age  time.Duration
	salt []byte

	mu    sync.Mutex
	grown int64 // bytes written since the last sweep
}

// Open opens the store in the folder dir, which need not exist. It keeps about maxBytes, and evicts
// the least recently used entries. Entries not used for maxAge are removed too; 0: never.
func Open(dir string, maxBytes int64, maxAge time.Duration) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	s := &Store{dir: dir, max: maxBytes, age: maxAge}
	var err error
	if s.salt, err = saltOf(dir); err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	if err := s.sweep(); err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	return s, nil
}

// saltOf returns the folder's random salt, so that file names reveal nothing about URLs and
// accounts.
func saltOf(dir string) ([]byte, error) {
	path := filepath.Join(dir, saltFile)
	for range 2 {
		salt, err := os.ReadFile(path)
		if err == nil && len(salt) == saltSize {
			return salt, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err := makeSalt(dir, path); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: damaged; remove the folder", path)
}

// makeSalt makes the salt, unless another process is faster.
func makeSalt(dir, path string) error {
	f, err := os.CreateTemp(dir, aside+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // its hard link stays
	salt := make([]byte, saltSize)
	rand.Read(salt)
	_, err = f.Write(salt)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return os.Rename(f.Name(), path) // the file system has no hard links
	}
	return nil
}

// name hashes texts that must not be readable in the folder.
func (s *Store) name(parts ...string) string {
	mac := hmac.New(sha256.New, s.salt)
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(mac.Sum(nil)[:20])
}

func (s *Store) path(key string) string { return filepath.Join(s.dir, key[:2], key[2:]) }

// get opens an entry; nil: none. It removes a damaged entry.
func (s *Store) get(key string) *entry {
	e, err := openEntry(s.path(key))
	switch {
	case err == nil:
		return e
	case !errors.Is(err, fs.ErrNotExist):
		s.remove(key)
	}
	return nil
}

// has reports whether there is an entry, valid or not.
func (s *Store) has(key string) bool {
	_, err := os.Stat(s.path(key))
	return err == nil
}

// remove removes an entry.
func (s *Store) remove(key string) {
	_ = os.Remove(s.path(key)) // the next reply overwrites it otherwise
}

// added counts written bytes, and sweeps after a tenth of the limit.
func (s *Store) added(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grown += n
	if s.grown <= s.max/10 {
		return nil
	}
	return s.sweep()
}

// found is a file of the store.
type found struct {
	path string
	size int64
	used time.Time
}

// sweep removes leftovers of killed processes, entries that were not used for too long, and then
// the least recently used entries beyond nine tenths of the limit.
func (s *Store) sweep() error {
	var all []found
	var total int64
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == saltFile {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		if strings.HasPrefix(d.Name(), aside) {
			if time.Since(info.ModTime()) > abandoned {
				return ignoreGone(os.Remove(path))
			}
			return nil
		}
		if s.age > 0 && time.Since(info.ModTime()) > s.age {
			return ignoreGone(os.Remove(path))
		}
		all = append(all, found{path, info.Size(), info.ModTime()})
		total += info.Size()
		return nil
	})
	if err != nil {
		return err
	}
	s.grown = 0
	if total <= s.max {
		return nil
	}
	slices.SortFunc(all, func(a, b found) int { return a.used.Compare(b.used) })
	for _, f := range all {
		if total <= s.max/10*9 {
			break
		}
		if os.Remove(f.path) == nil {
			total -= f.size
		}
	}
	return nil
}

// ignoreGone ignores that another process has removed the file.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
