// Series: the file that a stream's records are written to.

package filesink

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/durable"
)

// series is the sequence of files of one or more streams. Records go to the last one.
type series struct {
	name    string
	last    int // the highest number so far
	current *output
}

// Next returns the path of the file that the next payload of a stream goes to, and whether that
// payload will be the first in it. It changes nothing.
func (s *Files) Next(stream string) (path string, empty bool, err error) {
	if err := s.usable(); err != nil {
		return "", false, err
	}
	sr, err := s.seriesOf(stream)
	if err != nil {
		return "", false, err
	}
	if o := sr.current; o != nil && !s.full(o.file) {
		return o.out.Name(), o.file.Size == 0 && !o.inFrame, nil
	}
	f, _, err := s.next(sr)
	if err != nil {
		return "", false, err
	}
	return s.abs(f.path()), f.Size == 0, nil
}

// Turn has the next payload of a stream begin another file than the one that [Files.Next] names,
// behind it in number. The options must say that the sink turns.
func (s *Files) Turn(stream string) error {
	if err := s.usable(); err != nil {
		return err
	}
	sr, err := s.seriesOf(stream)
	if err != nil {
		return err
	}
	f, _, err := s.next(sr)
	if err == nil && sr.current != nil {
		err = s.retire(sr)
	}
	if err != nil {
		return s.fail(err)
	}
	sr.last = f.N + 1
	return nil
}

// Reader reads a file from its beginning, without compression. What has come into it since the last
// commit may be missing.
func (s *Files) Reader(path string) (io.ReadCloser, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	out, err := s.format.decoder(in)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), in.Close())
	}
	return out, nil
}

func (s *Files) seriesOf(stream string) (*series, error) {
	if sr := s.byStream[stream]; sr != nil {
		return sr, nil
	}
	sr, err := s.newSeries(s.names.series(stream))
	if err == nil {
		s.byStream[stream] = sr
	}
	return sr, err
}

// full reports whether nothing more goes into a file.
func (s *Files) full(f *file) bool { return s.rotate > 0 && f.Size >= s.rotate }

// output returns the open file that a stream goes to.
func (s *Files) output(stream string) (*output, error) {
	sr, err := s.seriesOf(stream)
	if err != nil {
		return nil, err
	}
	if sr.current != nil && s.full(sr.current.file) {
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

// newSeries finds or creates a series. It refuses a name that differs from another only in case,
// because some disks treat them as one file.
func (s *Files) newSeries(name string) (*series, error) {
	if sr := s.byPath[name]; sr != nil {
		return sr, nil
	}
	for other := range s.byPath {
		if strings.EqualFold(other, name) {
			return nil, sdk.Permanent(fmt.Errorf("%s and %s differ in case alone, and would be one file on some disks",
				other, name))
		}
	}
	sr := &series{name: name}
	s.byPath[name] = sr
	return sr, nil
}

// begin opens the file that a series continues, or a new one.
func (s *Files) begin(sr *series) error {
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
	first := !f.begun
	if first {
		if err := s.prepare(f, fresh); err != nil {
			return err
		}
	}
	o, err := openOutput(path, f, s.format)
	if err != nil {
		return err
	}
	s.files[f.path()] = f
	sr.last, sr.current = f.N, o
	s.open++
	if first {
		return o.endLine()
	}
	return nil
}

// prepare writes the journal's line for a file before the first write since Open, and moves a file
// that is in its place aside.
func (s *Files) prepare(f *file, fresh bool) error {
	path := s.abs(f.path())
	if fresh {
		if err := durable.MakeDir(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		s.unsynced[filepath.Dir(path)] = true
	}
	if _, err := os.Lstat(path); fresh && s.overwrite && err == nil {
		if err := s.setAside([]string{f.path()}); err != nil {
			return err
		}
	}
	f.Run, f.begun = s.run, true
	return s.journal.begin(f, !fresh)
}

// next chooses the file that a series continues: the last one if it has room, else a new one.
func (s *Files) next(sr *series) (f *file, fresh bool, err error) {
	n := 0
	if s.turns {
		n = sr.last
	}
	if s.rotate > 0 {
		n = max(sr.last, 1)
	}
	for {
		if known := s.files[numbered(sr.name, n)]; known != nil {
			if !s.full(known) {
				return known, false, nil
			}
			n++
			continue
		}
		f, err := s.fresh(sr.name, n)
		if err != nil || s.rotate == 0 || f.New {
			return f, true, err
		}
		n++ // not the sink's file: take the next number instead of appending
	}
}

// fresh inspects the path of a file that no token names.
func (s *Files) fresh(name string, n int) (*file, error) {
	f := &file{Series: name, N: n, New: true, Run: s.run}
	info, err := os.Stat(s.abs(f.path()))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return f, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, sdk.Permanent(fmt.Errorf("%s is a folder, and should be the output file", s.abs(f.path())))
	case !info.Mode().IsRegular():
		return nil, sdk.Permanent(fmt.Errorf("%s is not a regular file", s.abs(f.path())))
	case s.overwrite:
		return f, nil
	}
	f.New, f.Base, f.Size = false, info.Size(), info.Size()
	return f, nil
}

// retire makes a file durable and closes it.
func (s *Files) retire(sr *series) error {
	o := sr.current
	sr.current = nil
	s.open--
	return errors.Join(o.settle(), o.out.Close())
}

// retireOldest closes the least recently used file.
func (s *Files) retireOldest() error {
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
