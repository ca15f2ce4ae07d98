// Sink: batches into files, and the commit.

package jsonl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/scrapekit/scrapekit/sdk"
)

// Sink writes JSON Lines files. Calls come one at a time.
type Sink struct {
	template  template
	rotate    int64
	format    format
	overwrite bool

	// Set by Open.
	run      string
	names    names
	journal  *journal
	files    map[string]*file   // all that the next token names, by path
	byPath   map[string]*series // by the series' name
	byStream map[string]*series
	unsynced map[string]bool // folders with new files since the last commit
	open     int
	clock    int64
	// broken is the first error of a write or commit: how much of it reached the disk is not known, so
	// nothing more is taken and no token is given until the sink is opened again.
	broken error
}

// series is the files of one or more streams, of which the last one is written.
type series struct {
	name    string
	last    int // the highest number
	current *output
}

// ready makes the sink ready for writes after the files in kept.
func (s *Sink) ready(start sdk.Start, n names, j *journal, kept []*file) {
	s.run, s.names, s.journal, s.open, s.broken = start.Run, n, j, 0, nil
	s.files = map[string]*file{}
	s.byPath = map[string]*series{}
	s.byStream = map[string]*series{}
	s.unsynced = map[string]bool{}
	for _, f := range kept {
		s.files[f.path()] = f
		sr := s.byPath[f.Series]
		if sr == nil {
			sr = &series{name: f.Series}
			s.byPath[f.Series] = sr
		}
		sr.last = max(sr.last, f.N)
	}
}

func (s *Sink) abs(path string) string {
	return filepath.Join(s.template.root, filepath.FromSlash(path))
}

// Write implements [sdk.Sink].
func (s *Sink) Write(_ context.Context, b sdk.Batch) error {
	if err := s.usable(); err != nil {
		return err
	}
	payload, rejects := lines(b)
	if len(payload) == 0 {
		return rejects.Err()
	}
	o, err := s.output(b.Stream)
	if err == nil {
		err = o.write(payload)
	}
	if err != nil {
		return s.fail(err)
	}
	return rejects.Err()
}

// Commit implements [sdk.Sink].
func (s *Sink) Commit(context.Context) (sdk.Token, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if err := s.settle(); err != nil {
		return nil, s.fail(err)
	}
	t := token{Version: tokenVersion, Mark: s.journal.mark, Format: s.format, Files: make([]file, 0, len(s.files))}
	for _, f := range s.files {
		t.Files = append(t.Files, *f)
	}
	slices.SortFunc(t.Files, func(a, b file) int {
		return cmp.Or(cmp.Compare(a.Series, b.Series), cmp.Compare(a.N, b.N))
	})
	return t.encode()
}

// settle makes all files and their names durable, and then the note that a token speaks of them.
func (s *Sink) settle() error {
	for _, sr := range s.byPath {
		if sr.current != nil {
			if err := sr.current.settle(); err != nil {
				return err
			}
		}
	}
	for dir := range s.unsynced {
		if err := syncDir(dir); err != nil {
			return err
		}
		delete(s.unsynced, dir)
	}
	return s.journal.hand()
}

// Close ends the sink. What was not committed may stay in the files until the next Open.
func (s *Sink) Close() error {
	if s.journal == nil {
		return nil
	}
	var err error
	for _, sr := range s.byPath {
		if sr.current != nil {
			err = errors.Join(err, sr.current.out.Close())
			sr.current = nil
		}
	}
	err = errors.Join(err, s.journal.close())
	s.journal = nil
	return err
}

func (s *Sink) usable() error {
	if s.broken != nil {
		return fmt.Errorf("not opened again since: %w", s.broken)
	}
	if s.journal == nil {
		return errors.New("the sink is not open")
	}
	return nil
}

// fail remembers the first error. The system's own names the file.
func (s *Sink) fail(err error) error {
	s.broken = err
	if hopeless(err) {
		s.broken = sdk.Permanent(err)
	}
	return s.broken
}

// hopeless reports whether somebody has to do something before another try can do better: reading everything
// again onto a full disk would only burden the far end.
func hopeless(err error) bool {
	for _, target := range []error{os.ErrPermission, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// output returns the open file that a stream goes to.
func (s *Sink) output(stream string) (*output, error) {
	sr := s.byStream[stream]
	if sr == nil {
		var err error
		if sr, err = s.newSeries(s.names.series(stream)); err != nil {
			return nil, err
		}
		s.byStream[stream] = sr
	}
	if o := sr.current; o != nil && s.rotate > 0 && o.file.Size >= s.rotate {
		if err := s.retire(sr); err != nil {
			return nil, err
		}
	}
	if sr.current == nil {
		if err := s.begin(sr); err != nil {
			return nil, err
		}
	}
	s.clock++
	sr.current.used = s.clock
	return sr.current, nil
}

// newSeries finds or makes a series. Two names that differ in case alone are one file on some disks.
func (s *Sink) newSeries(name string) (*series, error) {
	if sr := s.byPath[name]; sr != nil {
		return sr, nil
	}
	for other := range s.byPath {
		if strings.EqualFold(other, name) {
			return nil, sdk.Permanent(fmt.Errorf("%s and %s differ in case alone, and would be one file on some disks", other, name))
		}
	}
	sr := &series{name: name}
	s.byPath[name] = sr
	return sr, nil
}

// begin opens the file that a series goes on with, or begins one.
func (s *Sink) begin(sr *series) error {
	if s.open >= s.format.maxOpen() {
		if err := s.retireOldest(); err != nil {
			return err
		}
	}
	f, fresh, err := s.next(sr)
	if err != nil {
		return err
	}
	path := s.abs(f.path())
	if fresh {
		if err := makeFolder(filepath.Dir(path)); err != nil {
			return err
		}
		if err := s.journal.begin(f); err != nil {
			return err
		}
		s.unsynced[filepath.Dir(path)] = true
	}
	o, err := openOutput(path, f, s.format)
	if err != nil {
		return err
	}
	f.Run = s.run
	s.files[f.path()] = f
	sr.last, sr.current = f.N, o
	s.open++
	if fresh {
		return o.endLine()
	}
	return nil
}

// next chooses the file that a series goes on with: the last one if there is room, or a fresh one.
func (s *Sink) next(sr *series) (f *file, fresh bool, err error) {
	n := 0
	if s.rotate > 0 {
		n = max(sr.last, 1)
	}
	for {
		if known := s.files[numbered(sr.name, n)]; known != nil {
			if s.rotate == 0 || known.Size < s.rotate {
				return known, false, nil
			}
			n++
			continue
		}
		f, err := s.fresh(sr.name, n)
		if err != nil || s.rotate == 0 || f.New {
			return f, true, err
		}
		n++ // somebody else's: with numbers there is no need to append to it
	}
}

// fresh looks at what is in the place of a file that no token names.
func (s *Sink) fresh(name string, n int) (*file, error) {
	f := &file{Series: name, N: n, New: true, Run: s.run}
	info, err := os.Stat(s.abs(f.path()))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return f, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, sdk.Permanent(fmt.Errorf("%s is a folder, and should be the output file", s.abs(f.path())))
	case s.overwrite:
		return f, nil
	case !info.Mode().IsRegular():
		return nil, sdk.Permanent(fmt.Errorf("%s is not a regular file", s.abs(f.path())))
	}
	f.New, f.Base, f.Size = false, info.Size(), info.Size()
	return f, nil
}

// retire makes a file durable and closes it.
func (s *Sink) retire(sr *series) error {
	o := sr.current
	sr.current = nil
	s.open--
	return errors.Join(o.settle(), o.out.Close())
}

// retireOldest closes the file that was not used for the longest time.
func (s *Sink) retireOldest() error {
	var oldest *series
	for _, sr := range s.byPath {
		if sr.current != nil && (oldest == nil || sr.current.used < oldest.current.used) {
			oldest = sr
		}
	}
	if oldest == nil {
		return nil
	}
	return s.retire(oldest)
}
