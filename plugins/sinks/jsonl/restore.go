// Open: every file back to where the token, or the journal, says. The table in doc.go is decide.

package jsonl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/scrapekit/scrapekit/sdk"
)

// Open implements [sdk.Opener].
func (s *Sink) Open(ctx context.Context, start sdk.Start) error {
	if err := s.Close(); err != nil {
		return err
	}
	t, err := decodeToken(start.Token)
	if err != nil {
		return sdk.Permanent(err)
	}
	j, err := readJournal(s.template)
	if err != nil {
		return sdk.Permanent(err)
	}
	r := &restore{sink: s, start: start, names: s.template.names(start), touched: map[string]bool{}}
	if t.Mark != j.mark && len(t.Files) > 0 {
		if start.Resume {
			return sdk.Permanent(fmt.Errorf("%s is not the folder that this run wrote to (%s is not there, or is another's): put back the folder, or the path in the settings, or start over with a full run",
				s.template.root, filepath.Base(j.path)))
		}
		sdk.Log(ctx).Warn("the files of earlier runs are not here any more: beginning anew", "folder", s.template.root)
		t.Files = nil
	}
	if err := r.all(t.Files, j.begun); err != nil {
		return err
	}
	if len(r.kept) > 0 && t.Format != s.format {
		return sdk.Permanent(fmt.Errorf("the files in %s were written with compression %s, the settings say %s: set another path, or start over with a full run",
			s.template.root, t.Format, s.format))
	}
	if err := j.clear(); err != nil {
		return err
	}
	s.ready(start, r.names, j, r.kept)
	return nil
}

// restore is the work of one Open.
type restore struct {
	sink    *Sink
	start   sdk.Start
	names   names
	kept    []*file
	touched map[string]bool // folders in which a file was removed
}

func (r *restore) all(files []file, lines []begun) error {
	entries := map[string]*file{}
	begun := map[string]*begun{}
	var paths []string
	for i := range files {
		entries[files[i].path()] = &files[i]
		paths = append(paths, files[i].path())
	}
	for i := range lines {
		begun[lines[i].path()] = &lines[i]
		paths = append(paths, lines[i].path())
	}
	slices.Sort(paths)
	for _, p := range slices.Compact(paths) {
		if err := r.decide(entries[p], begun[p]); err != nil {
			return fmt.Errorf("bringing %s back to the last commit: %w", r.sink.abs(p), err)
		}
	}
	for dir := range r.touched {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// decide brings one file back. One of entry, in the token, and line, in the journal, may be nil.
func (r *restore) decide(entry *file, line *begun) error {
	switch {
	case line != nil && line.Run == r.start.Run && (entry == nil || entry.Run != r.start.Run):
		return r.undo(&line.file)
	case entry != nil:
		return r.entry(entry)
	case !line.handed, r.start.Full && r.names.has(line.Series):
		return r.undo(&line.file)
	}
	return nil // a token named it once, and the state was reset since: it is the user's
}

// entry brings a file of the token back: to the token's size, or to nothing if the run starts over.
func (r *restore) entry(f *file) error {
	current := r.names.has(f.Series)
	switch {
	case current && r.start.Full:
		return r.undo(f)
	case current && r.sink.overwrite && !r.start.Resume:
		return r.remove(f)
	}
	if !current {
		return r.shorten(f, f.Size) // of another day or run: it is closed, and whoever uses it may cut it
	}
	there, err := r.cut(f)
	if err == nil && there {
		r.kept = append(r.kept, f)
	}
	return err
}

// undo takes away what the sink wrote to a file, and leaves what was there before.
func (r *restore) undo(f *file) error {
	if f.New {
		return r.remove(f)
	}
	return r.shorten(f, f.Base)
}

// shorten cuts a file that is longer, and leaves it alone otherwise.
func (r *restore) shorten(f *file, size int64) error {
	path := r.sink.abs(f.path())
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() <= size {
		return nil
	}
	if err != nil {
		return err
	}
	return truncate(path, size)
}

func (r *restore) remove(f *file) error {
	path := r.sink.abs(f.path())
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r.touched[filepath.Dir(path)] = true
	return err
}

// cut brings a file to the size of the token. It reports whether the file is there still: who uses the
// output of an earlier run may have moved it away.
func (r *restore) cut(f *file) (bool, error) {
	path := r.sink.abs(f.path())
	ours := r.start.Resume && f.Run == r.start.Run
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && ours:
		return false, sdk.Permanent(errors.New("it is gone, and the run that wrote it is not finished: put it back, or start over with a full run"))
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, sdk.Permanent(errors.New("it is not a file"))
	case info.Size() == 0 && f.Size > 0 && !ours:
		return false, nil
	case info.Size() < f.Size:
		return false, sdk.Permanent(fmt.Errorf("it has %d bytes, and %d were committed: something else has cut it; put it back, or start over with a full run",
			info.Size(), f.Size))
	case info.Size() > f.Size:
		return true, truncate(path, f.Size)
	}
	return true, nil
}

// truncate cuts a file for good.
func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}
