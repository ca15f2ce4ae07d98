// Package store keeps the programs of installed plugins, each in a folder named by its SHA-256, so
// that its content can be verified by its name and never changes. The lock files of pipelines say
// which programs are in use.
//
//	sha256/HEX/plugin       the program, read-only, and its texts
//	releases/HEX/…          signed statement, by the digest of the release's index
//	users/HEX               path of a lock file that uses the store
//	tmp/                    folders being written
//	lock                    shared by installers, exclusive for pruning
//
// A program appears atomically, by a rename after a sync. So a killed process leaves at most a
// folder in tmp, and of two processes that install the same, the second finds it installed.
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

// EnvDir is the environment variable with the store's folder.
const EnvDir = "SCRAPEKIT_PLUGIN_STORE"

// DefaultDir returns this user's store: EnvDir, or a folder in the user's data folder.
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

// Store is a folder of programs. Its methods may be called by several goroutines and processes at
// the same time.
type Store struct{ dir string }

// At returns the store in a folder, which is made on first use.
func At(dir string) *Store { return &Store{dir} }

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

var digests = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// hexOf returns the hex part of a SHA-256 digest. It refuses others, so that no name becomes a
// path.
func hexOf(digest string) (string, error) {
	if !digests.MatchString(digest) {
		return "", fmt.Errorf("%.100q is not a digest: want sha256: and 64 hexadecimal digits", digest)
	}
	return strings.TrimPrefix(digest, "sha256:"), nil
}

// folder returns the folder for a digest; kind is "sha256" or "releases".
func (s *Store) folder(kind, digest string) (string, error) {
	hex, err := hexOf(digest)
	return filepath.Join(s.dir, kind, hex), err
}

// ErrNotThere says that the store does not contain the item.
var ErrNotThere = errors.New("not in the store of plugins")

// Program returns the path of the program with a digest and file name, or ErrNotThere. It does not
// verify the digest; starting the program does.
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

// retryEvery is the interval of trying to take a lock.
const retryEvery = 50 * time.Millisecond

// Use prevents pruning until release is called: a new program is not in a lock file yet.
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

// makeDir makes a folder of the store durably.
func (s *Store) makeDir(dir string) error {
	if err := disk.MakeDir(dir, 0o755); err != nil {
		return fmt.Errorf("store of plugins: %w; %s names another folder", err, EnvDir)
	}
	return nil
}

// Has reports whether the program is there and matches its digest.
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

// Keep syncs the name of an existing program, because the process that installed it may have been
// killed before that.
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

// Serially calls f under a lock across processes, for files outside the store.
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
