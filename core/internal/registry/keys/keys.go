// Package keys stores the publishers' keys that a user trusts, each with a pattern of plugin names:
// keys that the user provided, and first-seen keys. It also stores what plugins were granted, so
// that a user is asked once, with any lock file.
package keys

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/hclfile"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/sdk"
)

// FileName is the name of the file in the folder of the user's settings.
const FileName = "trust.hcl"

// Entry is a key with the names that it may sign.
type Entry struct {
	Pattern string       `json:"pattern"` // "registry.example.com/acme/*", or one name
	Key     artifact.Key `json:"key"`
	Since   string       `json:"since"` // date: 2026-11-23
	// FirstUse: the key is unconfirmed; it was the first seen for a matching plugin.
	FirstUse bool `json:"first_use,omitempty"`
}

// Grant is what a plugin was granted at its last installation here.
type Grant struct {
	Name        string // name in the statement
	Permissions sdk.Permissions
	Paths       artifact.Paths
}

// Keys are the entries, sorted by pattern and key, and the grants, sorted by name.
type Keys struct {
	Entries []Entry
	Grants  []Grant
}

// Grant replaces the grant of a plugin, so former permissions that it no longer asks for are
// forgotten.
func (k *Keys) Grant(g Grant) {
	i, known := slices.BinarySearchFunc(k.Grants, g.Name,
		func(g Grant, name string) int { return cmp.Compare(g.Name, name) })
	if known {
		k.Grants[i] = g
		return
	}
	k.Grants = slices.Insert(k.Grants, i, g)
}

// Granted returns the grant of a plugin; false: it was never installed here.
func (k *Keys) Granted(name string) (Grant, bool) {
	for _, g := range k.Grants {
		if g.Name == name {
			return g, true
		}
	}
	return Grant{}, false
}

func compare(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Key, b.Key))
}

// Add adds an entry, and replaces one with the same pattern and key. A provided key also removes
// the first-seen keys of the pattern.
func (k *Keys) Add(e Entry) {
	k.Entries = slices.DeleteFunc(k.Entries, func(o Entry) bool {
		return compare(o, e) == 0 || !e.FirstUse && o.FirstUse && o.Pattern == e.Pattern
	})
	i, _ := slices.BinarySearchFunc(k.Entries, e, compare)
	k.Entries = slices.Insert(k.Entries, i, e)
}

// Remove removes the entries of a pattern, or only that of the given key, and returns them.
func (k *Keys) Remove(pattern string, key artifact.Key) []Entry {
	var gone, kept []Entry
	for _, e := range k.Entries {
		if e.Pattern == pattern && (key == "" || e.Key == key) {
			gone = append(gone, e)
		} else {
			kept = append(kept, e)
		}
	}
	k.Entries = kept
	return gone
}

// For returns the entries for a plugin: those with the most specific matching pattern. Provided
// keys replace first-seen ones.
func (k *Keys) For(name string) []Entry {
	for _, firstUse := range []bool{false, true} {
		var best []Entry
		for _, e := range k.Entries {
			if e.FirstUse != firstUse || !artifact.Matches(e.Pattern, name) {
				continue
			}
			if best != nil && closeness(e.Pattern) > closeness(best[0].Pattern) {
				best = nil
			}
			if best == nil || e.Pattern == best[0].Pattern {
				best = append(best, e)
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

// closeness ranks patterns that match a name by length; a name ranks above any pattern with a star.
func closeness(pattern string) int {
	if n := len(pattern); n > 0 && pattern[n-1] == '*' {
		return n - 1
	}
	return len(pattern) + 1
}

// Read reads the file. Without a file there are no keys.
func Read(path string) (*Keys, error) {
	in, err := hclfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Keys{}, nil
	}
	if err != nil {
		return nil, err
	}
	k := &Keys{}
	for _, b := range in.Body().Blocks("trust") {
		e := Entry{Pattern: b.Label, Since: b.Need("since"), FirstUse: b.Flag("first_use")}
		if err := artifact.CheckPattern(e.Pattern); err != nil {
			in.Fail(b.Line, "%v", err)
		}
		if e.Key, err = artifact.ParseKey(b.Need("key")); err != nil {
			b.Fail("key", "%v", err)
		}
		if _, err := time.Parse(time.DateOnly, e.Since); err != nil {
			b.Fail("since", "%q is not a date: want one such as 2026-11-23", e.Since)
		}
		b.Done()
		k.Add(e)
	}
	for _, b := range in.Body().Blocks("granted") {
		g := Grant{Name: b.Label}
		g.Permissions, g.Paths = lock.ReadAsked(b.Body)
		if _, err := artifact.ParseSource(g.Name); err != nil {
			in.Fail(b.Line, "%v", err)
		}
		b.Done()
		k.Grant(g)
	}
	in.Body().Done()
	if err := in.Err(); err != nil {
		return nil, err
	}
	return k, nil
}

// Bytes returns the text of the file.
func (k *Keys) Bytes() []byte {
	var w hclfile.Writer
	w.Comment("Whose signatures under plugins are taken, and what plugins were granted. Made by `scrapekit plugins " +
		"trust` and `scrapekit init`.")
	for _, e := range k.Entries {
		w.Blank()
		w.Block("trust", e.Pattern, func() {
			w.Text("key", string(e.Key))
			w.Text("since", e.Since)
			w.Flag("first_use", e.FirstUse)
		})
	}
	for _, g := range k.Grants {
		w.Blank()
		w.Block("granted", g.Name, func() { lock.WriteAsked(&w, g.Permissions, g.Paths) })
	}
	return w.Bytes()
}

// Update changes the file under a lock across processes.
func Update(path string, change func(*Keys)) (err error) {
	if err := disk.MakeDir(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("%s: %w", FileName, err)
	}
	l := flock.New(path + ".lock")
	if err := l.Lock(); err != nil {
		return fmt.Errorf("lock of %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, l.Unlock()) }()
	k, err := Read(path)
	if err != nil {
		return err
	}
	change(k)
	if err := disk.ReplaceMode(path, k.Bytes(), true, 0o644); err != nil {
		return fmt.Errorf("%s: %w", FileName, err)
	}
	return nil
}
