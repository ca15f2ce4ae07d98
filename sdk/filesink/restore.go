// Open: restore every file to the state that the token or the journal says. decide implements the
// table in doc.go.

package filesink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/durable"
)

// Open implements [sdk.Opener].
func (s *Files) Open(ctx context.Context, start sdk.Start) error {
	if err := s.Close(); err != nil {
		return err
	}
	if s.remote != nil {
		return s.openRemote(ctx, start)
	}
	return s.openLocal(ctx, start)
}

func (s *Files) openLocal(ctx context.Context, start sdk.Start) error {
	t, err := decodeToken(start.Token)
	if err != nil {
		return sdk.Permanent(err)
	}
	j, err := openJournal(ctx, s.name, s.template, s.patience)
	if err != nil {
		return err
	}
	r := &restore{sink: s, start: start, names: s.template.names(start), touched: map[string]bool{}}
	if err := r.from(ctx, t, j); err != nil {
		return errors.Join(err, j.close())
	}
	s.ready(r, j)
	return nil
}

// restore is the state of one Open.
type restore struct {
	sink    *Files
	start   sdk.Start
	names   names
	token   token
	kept    []*file         // files to continue
	old     []*file         // files to replace with the first records
	touched map[string]bool // folders in which a file was moved or removed
	gone    []string        // paths of files that are missing or empty
	strange []string        // paths that exist in a folder with another mark
}

// from restores everything to the token, with the help of the journal, and then empties the
// journal. An earlier process may have done part of it and been killed before the sync, so
// everything is synced as if it were done now.
func (r *restore) from(ctx context.Context, t token, j *journal) error {
	if t.Mark != j.mark && len(t.Files) > 0 {
		if r.start.Resume {
			return sdk.Permanent(fmt.Errorf(
				"%s is not the folder that this run wrote to (%s is new, or another's): put back the folder, or "+
					"the path in the settings, or start over with a full run",
				r.sink.template.root, filepath.Base(j.path)))
		}
		if err := r.lost(t.Files); err != nil {
			return err
		}
		t = token{}
	}
	r.token = t
	if j.closed == id(r.start.Token) {
		j.begun = nil // closed at this token: the sink wrote nothing after it
	}
	if err := r.asides(j, t); err != nil {
		return fmt.Errorf("bringing back what was set aside: %w", err)
	}
	if err := r.all(t.Files, j.begun); err != nil {
		return err
	}
	r.tellGone(ctx)
	r.tellStrange(ctx, filepath.Base(j.path))
	if len(r.kept) > 0 && t.Format != r.sink.format {
		return sdk.Permanent(fmt.Errorf(
			"the files in %s were written with compression %s, the settings say %s: set another path, or "+
				"start over with a full run",
			r.sink.template.root, t.Format, r.sink.format))
	}
	return j.clear()
}

// tellGone logs that output of earlier runs is gone, unless this run delivers everything again or
// would have replaced it. The message appears once; a user who removed the files on purpose need do
// nothing.
func (r *restore) tellGone(ctx context.Context) {
	if len(r.gone) == 0 || r.start.Full || r.sink.overwrite {
		return
	}
	sdk.Log(ctx).Warn("output of earlier runs is not here any more, or is empty: this run adds only what is new "+
		"since then; to have everything delivered again, run with --full",
		"folder", r.sink.template.root, "gone", listed(r.gone))
}

// tellStrange logs that files exist at the paths of earlier runs' files, and that the sink no
// longer treats them as its own.
func (r *restore) tellStrange(ctx context.Context, mark string) {
	if len(r.strange) == 0 || r.sink.overwrite {
		return
	}
	text := "the hidden file that marks the folder is new, or another's, so it is not known who " +
		"wrote these files: they " +
		"stay, and this run "
	if r.start.Full {
		text += "adds everything to them, or behind them: if it is in them already, stop it, move " +
			"them away, and run with " +
			"--full again"
	} else {
		text += "adds only what is new since the run before to them, or behind them; if they are " +
			"not its output, move them " +
			"away and run with --full"
	}
	sdk.Log(ctx).Warn(text, "folder", r.sink.template.root, "mark", mark, "files", listed(r.strange))
}

// listed formats some names for a message.
func listed(names []string) string {
	const shown = 5
	slices.Sort(names)
	if n := len(names); n > shown {
		names = append(names[:shown:shown], fmt.Sprintf("… %d more", n-shown))
	}
	return strings.Join(names, ", ")
}

// lost records what became of the files that this run may write to, in a folder with another mark.
func (r *restore) lost(files []file) error {
	for _, f := range files {
		if !r.names.has(f.Series) {
			continue
		}
		info, err := os.Stat(r.sink.abs(f.path()))
		switch {
		case errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 && f.Size > 0:
			r.gone = append(r.gone, f.path())
		case err != nil:
			return err
		default:
			r.strange = append(r.strange, f.path())
		}
	}
	return nil
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
		if err := durable.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// decide restores one file. One of entry, in the token, and line, in the journal, may be nil.
func (r *restore) decide(entry *file, line *begun) error {
	switch {
	case line != nil && line.Run == r.start.Run && (entry == nil || entry.Run != r.start.Run):
		if entry == nil || !line.on {
			return r.unwrite(line)
		}
		entry.Size = line.Size
		return r.goOn(entry, true)
	case line != nil && entry != nil && entry.Run == r.start.Run && line.Run != r.start.Run:
		return sdk.Permanent(fmt.Errorf("run %s wrote to it after this one was interrupted: start over with a full run",
			line.Run))
	case entry != nil:
		return r.entry(entry, line != nil && line.Run == entry.Run)
	case r.start.Full && r.names.has(line.Series):
		return r.undo(&line.file)
	case !line.handed:
		return r.unwrite(line)
	}
	return nil // a token named it and the state was reset since: it is the user's
}

// entry restores a file that the token names: to the token's size, or to nothing if the run starts
// over. open says that the run that wrote the file has not closed it, so bytes beyond the token's
// size are the sink's.
func (r *restore) entry(f *file, open bool) error {
	current := r.names.has(f.Series)
	switch {
	case current && r.start.Full:
		return r.discard(f, open)
	case current && (!r.sink.overwrite || f.Run == r.start.Run):
		return r.goOn(f, open)
	case current:
		r.old = append(r.old, f)
	}
	if !open {
		return nil // finished: it is the user's
	}
	return r.shorten(f, f.Size)
}

// goOn keeps a file for the run to continue, if it still exists.
func (r *restore) goOn(f *file, open bool) error {
	there, err := r.cut(f, open)
	switch {
	case err != nil:
	case there:
		r.kept = append(r.kept, f)
	default:
		r.gone = append(r.gone, f.path())
	}
	return err
}

// unwrite removes what was written to a file since a line of the journal.
func (r *restore) unwrite(l *begun) error {
	if l.New && !l.on {
		return r.remove(&l.file)
	}
	return r.shorten(&l.file, l.Size)
}

// discard is undo for a file that another program may have appended to. It does not remove what
// others appended.
func (r *restore) discard(f *file, open bool) error {
	info, err := os.Stat(r.sink.abs(f.path()))
	if err == nil && (f.Shared || info.Size() > f.Size && !open) {
		return sdk.Permanent(errors.New(
			"a full run would remove it, and something else has written to it too: move it away, then run again"))
	}
	return r.undo(f)
}

// undo removes all that the sink ever wrote to a file. What was there before stays.
func (r *restore) undo(f *file) error {
	if f.New {
		return r.remove(f)
	}
	return r.shorten(f, f.Base)
}

// shorten truncates a file that is longer than size, and leaves a shorter one alone.
func (r *restore) shorten(f *file, size int64) error {
	path := r.sink.abs(f.path())
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() < size {
		return nil
	}
	if err != nil {
		return err
	}
	return truncate(path, size)
}

func (r *restore) remove(f *file) error {
	path := r.sink.abs(f.path())
	r.touched[filepath.Dir(path)] = true
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// cut truncates a file to the size in the token and reports whether it still exists: a reader of an
// earlier run's output may have moved it away, or appended to it.
func (r *restore) cut(f *file, open bool) (bool, error) {
	path := r.sink.abs(f.path())
	ours := f.Run == r.start.Run
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && ours:
		return false, sdk.Permanent(errors.New(
			"it is gone, and the run that wrote it is not finished: put it back, or start over with a full run"))
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, sdk.Permanent(errors.New("it is not a file"))
	case info.Size() == 0 && f.Size > 0 && !ours:
		return false, nil
	case info.Size() < f.Size:
		return false, sdk.Permanent(fmt.Errorf(
			"it has %d bytes, and %d were committed: something else has cut it; put it back, or "+
				"start over with a full run",
			info.Size(), f.Size))
	case open:
		return true, truncate(path, f.Size)
	case info.Size() == f.Size:
		return true, nil
	case r.token.Format != plain:
		return false, sdk.Permanent(fmt.Errorf(
			"it has %d bytes, and %d were committed: something else has written to it, and it is compressed; "+
				"move it away, then run again",
			info.Size(), f.Size))
	}
	f.Size, f.Shared = info.Size(), true // continue at the end of what is there
	return true, nil
}

// truncate truncates a file and syncs it.
func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}
