package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/registry/store"
)

func digestOf(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

// put publishes a program of this text.
func put(s *store.Store, text string) (path string, err error) {
	release, err := s.Use(context.Background())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	d, err := s.New()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.Discard()) }()
	for name, text := range map[string]string{"LICENSE": "free", "plugin": text} {
		if err := os.WriteFile(filepath.Join(d.Dir(), name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return d.Publish(digestOf(text), "plugin")
}

func TestPublish(t *testing.T) {
	t.Parallel()
	s := store.At(filepath.Join(t.TempDir(), "deep", "store"))
	if _, err := s.Program(digestOf("one"), "plugin"); !errors.Is(err, store.ErrNotThere) {
		t.Errorf("an empty store: %v", err)
	}
	path, err := put(s, "one")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Program(digestOf("one"), "plugin"); err != nil || got != path {
		t.Errorf("%s (%v), want %s", got, err, path)
	}
	for name, want := range map[string]os.FileMode{"plugin": 0o555, "LICENSE": 0o444} {
		info, err := os.Stat(filepath.Join(filepath.Dir(path), name))
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode() != want {
			t.Errorf("%s: %v, want %v", name, info.Mode(), want)
		}
	}
	if again, err := put(s, "one"); err != nil || again != path {
		t.Errorf("a second time: %s, %v", again, err)
	}
	if left, err := os.ReadDir(filepath.Join(s.Dir(), "tmp")); err != nil || len(left) != 0 {
		t.Errorf("drafts are left: %v (%v)", left, err)
	}
}

func TestPublishRefusesAnotherDigest(t *testing.T) {
	t.Parallel()
	s := store.At(t.TempDir())
	d, err := s.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Dir(), "plugin"), []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Publish(digestOf("two"), "plugin"); err == nil || !strings.Contains(err.Error(), digestOf("one")) {
		t.Errorf("published under the digest of another: %v", err)
	}
	if items, err := s.Items(); err != nil || len(items) != 0 {
		t.Errorf("%v, %v", items, err)
	}
}

// TestPublishMends puts a program in the place of one that was changed, or lost.
func TestPublishMends(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(string) error{
		"changed": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("evil"), 0o755))
		},
		"gone":   os.Remove,
		"a link": func(path string) error { return errors.Join(os.Remove(path), os.Symlink(os.Args[0], path)) },
		"the folder a file": func(path string) error {
			d := filepath.Dir(path)
			return errors.Join(os.RemoveAll(d), os.WriteFile(d, nil, 0o644))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := store.At(t.TempDir())
			path, err := put(s, "one")
			if err != nil {
				t.Fatal(err)
			}
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			if ok, err := s.Has(digestOf("one"), "plugin"); ok {
				t.Errorf("it is said to be there (%v)", err)
			}
			if _, err := put(s, "one"); err != nil {
				t.Fatal(err)
			}
			if ok, err := s.Has(digestOf("one"), "plugin"); !ok || err != nil {
				t.Errorf("not mended: %v", err)
			}
		})
	}
}

func TestNamesOfDigests(t *testing.T) {
	t.Parallel()
	s := store.At(t.TempDir())
	for _, digest := range []string{"", "sha256:", "sha256:../../x", "sha512:" + strings.Repeat("a", 64),
		"sha256:" + strings.Repeat("A", 64), strings.Repeat("a", 64)} {
		if _, err := s.Program(digest, "plugin"); err == nil || errors.Is(err, store.ErrNotThere) {
			t.Errorf("%q: %v", digest, err)
		}
		if err := s.PutRelease(digest, nil, nil); err == nil {
			t.Errorf("%q: a release was kept", digest)
		}
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	s := store.At(t.TempDir())
	if _, _, err := s.Release(digestOf("index")); !errors.Is(err, store.ErrNotThere) {
		t.Errorf("an empty store: %v", err)
	}
	if err := s.PutRelease(digestOf("index"), []byte("what"), []byte("who")); err != nil {
		t.Fatal(err)
	}
	if what, who, err := s.Release(digestOf("index")); string(what) != "what" || string(who) != "who" || err != nil {
		t.Errorf("%s, %s, %v", what, who, err)
	}
	if err := s.PutRelease(digestOf("other"), []byte("what"), nil); err != nil {
		t.Fatal(err)
	}
	if what, who, err := s.Release(digestOf("other")); string(what) != "what" || who != nil || err != nil {
		t.Errorf("%s, %s, %v", what, who, err)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	s := store.At(t.TempDir())
	for _, text := range []string{"kept", "unused"} {
		if _, err := put(s, text); err != nil {
			t.Fatal(err)
		}
		if err := s.PutRelease(digestOf("of "+text), []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	lockFile, gone := filepath.Join(t.TempDir(), "lock"), filepath.Join(t.TempDir(), "gone")
	if err := errors.Join(os.WriteFile(lockFile, nil, 0o644), s.Register(lockFile), s.Register(lockFile),
		s.Register(gone)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.New(); err != nil { // a draft of a process that was killed
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		items, err := s.Prune(t.Context(), dry, func(users []string) (store.InUse, error) {
			if len(users) != 1 || users[0] != lockFile {
				t.Errorf("users: %q", users)
			}
			return store.InUse{Programs: []string{digestOf("kept")}, Releases: []string{digestOf("of kept")}}, nil
		})
		if err != nil || len(items) != 1 || items[0].Digest != digestOf("unused") ||
			items[0].Size != int64(len("unused")+len("free")) {
			t.Errorf("dry %v: %+v, %v", dry, items, err)
		}
		for text, want := range map[string]bool{"kept": true, "unused": dry} {
			if ok, err := s.Has(digestOf(text), "plugin"); ok != want || err != nil {
				t.Errorf("dry %v: %s is there: %v (%v)", dry, text, ok, err)
			}
			if _, _, err := s.Release(digestOf("of " + text)); (err == nil) != want {
				t.Errorf("dry %v: the release of %s: %v", dry, text, err)
			}
		}
	}
	for folder, want := range map[string]int{"tmp": 0, "users": 1, "sha256": 1} {
		if left, err := os.ReadDir(filepath.Join(s.Dir(), folder)); err != nil || len(left) != want {
			t.Errorf("%s: %v (%v)", folder, left, err)
		}
	}
	failing := errors.New("no")
	if _, err := s.Prune(t.Context(), false,
		func([]string) (store.InUse, error) { return store.InUse{}, failing }); !errors.Is(err, failing) {
		t.Error(err)
	}
	if ok, _ := s.Has(digestOf("kept"), "plugin"); !ok {
		t.Error("pruned although nobody knows what is in use")
	}
}

// TestPruneWaits: who installs has a program that no lock file names yet.
func TestPruneWaits(t *testing.T) {
	t.Parallel()
	s := store.At(t.TempDir())
	release, err := s.Use(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Use(t.Context()) // two may install at once
	if err != nil {
		t.Fatal(err)
	}
	if err := second(); err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := s.Prune(context.Background(), false,
			func([]string) (store.InUse, error) { close(asked); return store.InUse{}, nil })
		done <- err
	}()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Prune(ended, false, func([]string) (store.InUse, error) {
		return store.InUse{},
			nil
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("pruned while somebody installs: %v", err)
	}
	select {
	case <-asked:
		t.Error("pruned while somebody installs")
	default:
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := store.At(t.TempDir())
	path, err := put(s, "one")
	if err != nil {
		t.Fatal(err)
	}
	check := func() error {
		items, err := s.Items()
		if err != nil || len(items) != 1 {
			t.Fatalf("%v, %v", items, err)
		}
		return items[0].Check()
	}
	if err := check(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("two"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := check(); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("a changed program: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := check(); err == nil || !strings.Contains(err.Error(), "no program") {
		t.Errorf("a missing program: %v", err)
	}
}

func TestDefaultDir(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(store.EnvDir, dir)
	if got, err := store.DefaultDir(); got != dir || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv(store.EnvDir, "")
	t.Setenv("XDG_DATA_HOME", dir)
	t.Setenv("LOCALAPPDATA", dir)
	if got, err := store.DefaultDir(); got != filepath.Join(dir, "scrapekit", "plugins") || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}
