// Overwriting: replaced files are kept aside until the host has saved a token for the new ones.

package filesink

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/scrapekit/scrapekit/sdk/durable"
)

// check refuses entries that the sink never writes, and paths that lead out of the output folder.
func (a *aside) check() error {
	if a.ID == "" {
		return errors.New("files that were set aside, without an id")
	}
	for _, p := range a.Paths {
		if !filepath.IsLocal(filepath.FromSlash(p)) || path.Clean(p) != p {
			return fmt.Errorf("file %q is not in the output folder", p)
		}
	}
	return nil
}

// asideOf is the hidden path, in the same folder, at which a replaced file is kept.
func asideOf(path string) string {
	return filepath.Join(filepath.Dir(path), ".scrapekit-old-"+filepath.Base(path))
}

// setAside moves files away so that this run can write its own.
func (s *Files) setAside(paths []string) error {
	a := aside{ID: rand.Text(), Run: s.run, Paths: paths}
	s.journal.pending = true
	if err := s.journal.add(line{Aside: &a}); err != nil {
		return err
	}
	moved := map[string]bool{} // folders
	for _, p := range paths {
		path := s.abs(p)
		err := os.Rename(path, asideOf(path))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the user has removed it
		}
		if err != nil {
			return err
		}
		moved[filepath.Dir(path)] = true
	}
	for dir := range moved {
		if err := durable.SyncDir(dir); err != nil {
			return err
		}
	}
	s.aside = a.ID
	s.waiting = append(s.waiting, paths...)
	return nil
}

// replace moves the files of earlier runs aside. It is called with the first records of a run, so
// that a run that finds nothing, or does not reach its source, removes nothing.
func (s *Files) replace() error {
	if len(s.old) == 0 {
		return nil
	}
	var paths []string
	for _, f := range s.old {
		paths = append(paths, f.path())
	}
	s.old = nil
	return s.setAside(paths)
}

// drop deletes the files that were set aside before the last token. A further call by the host
// means that it has saved that token.
func (s *Files) drop() error {
	if len(s.replaced) == 0 {
		return nil
	}
	if err := s.journal.add(line{Dropped: s.dropUpTo}); err != nil {
		return err
	}
	for _, p := range s.replaced {
		if err := os.Remove(asideOf(s.abs(p))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s.replaced = nil
	return nil
}

// asides restores the files that a run has set aside and not replaced, and deletes those that it
// has replaced. A restored file overwrites the run's own, so the journal's lines about that one are
// void.
func (r *restore) asides(j *journal, t token) error {
	done := max(indexOf(j.asides, t.Aside), indexOf(j.asides, j.dropped))
	for i, a := range j.asides {
		// Without a token of this folder, the state was reset: files that a token was handed out
		// for belong to the user.
		back := i > done && (t.Mark == j.mark || !a.handed || a.Run == r.start.Run)
		for _, p := range a.Paths {
			if err := r.settleAside(p, back); err != nil {
				return err
			}
			if back {
				j.begun = slices.DeleteFunc(j.begun, func(b begun) bool { return b.path() == p })
			}
		}
	}
	return nil
}

func (r *restore) settleAside(p string, back bool) error {
	path := r.sink.abs(p)
	r.touched[filepath.Dir(path)] = true
	var err error
	if back {
		err = os.Rename(asideOf(path), path)
	} else {
		err = os.Remove(asideOf(path))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was restored before a crash, or never moved
	}
	return err
}

// indexOf returns the index of the entry with that id, or -1.
func indexOf(all []aside, id string) int {
	return slices.IndexFunc(all, func(a aside) bool { return a.ID == id })
}
