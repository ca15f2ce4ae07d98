// Package store keeps the programs of installed plugins, each in a folder that is named by its
// SHA-256, so that what is in it can be checked by its name alone and nothing in it ever changes.
// The lock files of pipelines say which of them are in use.
//
//	sha256/HEX/plugin       the program, read-only, and what came with it
//	releases/HEX/…          what the publisher signed, by the digest of the release's index
//	users/HEX               the path of a lock file that uses programs of the store
//	tmp/                    what is being written
//	lock                    held together by those who install, alone by those who prune
//
// A program appears as a whole, by a rename, after all of it is on the disk. So a process that is
// killed leaves at most a folder in tmp, and of two that install the same the second finds it
// there.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/scrapekit/scrapekit/core/internal/disk"
)

// EnvDir is the variable of the environment that names the store's folder.
const EnvDir = "SCRAPEKIT_PLUGIN_STORE"

// DefaultDir is the store of this user: what EnvDir says, or a folder in the user's data folder.
func DefaultDir() (string, error) {
	if dir := os.Getenv(EnvDir); dir != "" {
		return filepath.Abs(dir)
	}
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("LOCALAPPDATA"); dir != "" {
			return filepath.Join(dir, "scrapekit", "plugins"), nil
		}
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "scrapekit", "plugins"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("where plugins are kept: %w; set %s to a folder", err, EnvDir)
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "scrapekit", "plugins"), nil
	}
	return filepath.Join(home, ".local", "share", "scrapekit", "plugins"), nil
}

// Store is a folder of programs. Its methods may be called by several goroutines, and by several
// processes, at once.
type Store struct{ dir string }

// At returns the store in a folder; the folder is made when something is put into it.
func At(dir string) *Store { return &Store{dir} }

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

var digests = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// hexOf takes only SHA-256, and so keeps strange names from becoming paths.
func hexOf(digest string) (string, error) {
	if !digests.MatchString(digest) {
		return "", fmt.Errorf("%.100q is not a digest: want sha256: and 64 hexadecimal digits", digest)
	}
	return strings.TrimPrefix(digest, "sha256:"), nil
}

// folder is where a digest's things are: of kind "sha256" or "releases".
func (s *Store) folder(kind, digest string) (string, error) {
	hex, err := hexOf(digest)
	return filepath.Join(s.dir, kind, hex), err
}

// ErrNotThere says that the store has not what was asked for.
var ErrNotThere = errors.New("not in the store of plugins")

// Program returns the path of the program with a digest, by its name. It does not read it: whoever
// starts it does. The error is ErrNotThere if there is none.
func (s *Store) Program(digest, name string) (string, error) {
	dir, err := s.folder("sha256", digest)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "", fmt.Errorf("%s: %w at %s", digest, ErrNotThere, s.dir)
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s: %w: %s is not a regular file", digest, ErrNotThere, path)
	}
	return path, nil
}

// retryEvery is how often a lock that is held is tried again.
const retryEvery = 50 * time.Millisecond

// Use keeps the store from being pruned until release is called: between a program's arrival and
// the lock file that names it nothing else says that it is in use.
func (s *Store) Use(ctx context.Context) (release func() error, err error) {
	return s.lock(ctx, (*flock.Flock).TryRLockContext)
}

func (s *Store) alone(ctx context.Context) (release func() error, err error) {
	return s.lock(ctx, (*flock.Flock).TryLockContext)
}

func (s *Store) lock(ctx context.Context,
	take func(*flock.Flock, context.Context, time.Duration) (bool, error)) (func() error, error) {
	if err := s.makeDir(s.dir); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(s.dir, "lock"))
	if _, err := take(l, ctx, retryEvery); err != nil {
		return nil, fmt.Errorf("lock of the store of plugins %s: %w", s.dir, err)
	}
	return l.Unlock, nil
}

// makeDir makes a folder of the store, so that its name lasts.
func (s *Store) makeDir(dir string) error {
	if err := disk.MakeDir(dir, 0o755); err != nil {
		return fmt.Errorf("store of plugins: %w; %s names another folder", err, EnvDir)
	}
	return nil
}

// Has reports whether the program is there and, read whole, is what its digest says.
func (s *Store) Has(digest, name string) (bool, error) {
	path, err := s.Program(digest, name)
	if errors.Is(err, ErrNotThere) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	got, err := digestOf(path)
	return got == digest, err
}

// Keep makes the name of a program last that is there: the process that put it there may have been
// killed before it came to that.
func (s *Store) Keep(digest string) error {
	dir, err := s.folder("sha256", digest)
	if err == nil {
		err = disk.SyncDir(filepath.Dir(dir))
	}
	if err != nil {
		return fmt.Errorf("store of plugins: %w", err)
	}
	return nil
}

// Serially calls f while no other process is in it: for files outside of the store that several
// processes change.
func (s *Store) Serially(ctx context.Context, f func() error) (err error) {
	if err := s.makeDir(s.dir); err != nil {
		return err
	}
	l := flock.New(filepath.Join(s.dir, "serial"))
	if _, err := l.TryLockContext(ctx, retryEvery); err != nil {
		return fmt.Errorf("lock of the store of plugins %s: %w", s.dir, err)
	}
	defer func() { err = errors.Join(err, l.Unlock()) }()
	return f()
}
