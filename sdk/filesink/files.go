// Files: writing payloads to files, and the commit.

package filesink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/durable"
)

// Files writes files that can be restored to a token. Its methods are called one at a time.
type Files struct {
	name      string // name of the sink, part of the journal's name
	template  template
	rotate    int64
	format    format
	turns     bool // a series goes on with its last file
	overwrite bool
	patience  time.Duration // how long to wait for another writer of the path
	remote    *remote       // nil: the files are on a disk

	// Set by Open.
	run      string
	names    names
	journal  *journal
	files    map[string]*file   // files that the next token names, by path
	byPath   map[string]*series // by the series' name
	byStream map[string]*series
	unsynced map[string]bool // folders with new files since the last commit
	open     int
	clock    int64

	// For overwriting; see aside.go.
	old       []*file // files of earlier runs, until the first records arrive
	oldFormat format
	aside     string   // id of the last aside
	waiting   []string // paths that were set aside since the last token
	replaced  []string // paths that were set aside before the last token
	dropUpTo  string

	token sdk.Token // of the last commit, if nothing was written since
	// broken is the first error of a write or commit. How much of it reached the disk is unknown,
	// so the sink takes no records and gives no token until it is opened again.
	broken error
}

// ready prepares for writes with what Open has found.
func (s *Files) ready(r *restore, j *journal) {
	s.run, s.names, s.journal, s.open, s.broken, s.token = r.start.Run, r.names, j, 0, nil, nil
	s.old, s.oldFormat, s.aside, s.waiting, s.replaced, s.dropUpTo = r.old, r.token.Format, r.token.Aside, nil, nil, ""
	s.files = map[string]*file{}
	s.byPath = map[string]*series{}
	s.byStream = map[string]*series{}
	s.unsynced = map[string]bool{}
	for _, f := range r.kept {
		s.files[f.path()] = f
		sr := s.byPath[f.Series]
		if sr == nil {
			sr = &series{name: f.Series}
			s.byPath[f.Series] = sr
		}
		sr.last = max(sr.last, f.N)
	}
}

func (s *Files) abs(path string) string {
	return filepath.Join(s.template.root, filepath.FromSlash(path))
}

// Append writes a payload to the file of a stream. In a compressed or numbered file, a new frame or
// file may begin between two payloads.
func (s *Files) Append(stream string, payload []byte) error {
	if err := s.usable(); err != nil || len(payload) == 0 {
		return err
	}
	if err := s.append(stream, payload); err != nil {
		return s.fail(err)
	}
	return nil
}

func (s *Files) append(stream string, payload []byte) error {
	s.token = nil
	if err := s.replace(); err != nil {
		return err
	}
	o, err := s.output(stream)
	if err != nil {
		return err
	}
	return o.write(payload)
}

// Commit implements [sdk.Sink].
func (s *Files) Commit(ctx context.Context) (sdk.Token, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if s.remote != nil {
		return s.commitRemote(ctx)
	}
	return s.commitLocal()
}

func (s *Files) commitLocal() (sdk.Token, error) {
	if err := errors.Join(s.drop(), s.settle()); err != nil {
		return nil, s.fail(err)
	}
	raw, err := s.tokenNow().encode()
	if err != nil {
		return nil, s.fail(err)
	}
	s.token = raw
	s.replaced, s.waiting, s.dropUpTo = append(s.replaced, s.waiting...), nil, s.aside
	return raw, nil
}

func (s *Files) tokenNow() token {
	t := token{Version: tokenVersion, Mark: s.journal.mark, Format: s.format, Aside: s.aside,
		Files: make([]file, 0, len(s.files))}
	if len(s.old) > 0 {
		t.Format = s.oldFormat // no file has another format then
	}
	for _, f := range s.files {
		t.Files = append(t.Files, *f)
	}
	for _, f := range s.old {
		t.Files = append(t.Files, *f)
	}
	slices.SortFunc(t.Files, func(a, b file) int {
		return cmp.Or(cmp.Compare(a.Series, b.Series), cmp.Compare(a.N, b.N))
	})
	return t
}

// settle makes all files and their names durable, and then the journal's line for the token.
func (s *Files) settle() error {
	for _, sr := range s.byPath {
		if sr.current != nil {
			if err := sr.current.settle(); err != nil {
				return err
			}
		}
	}
	for dir := range s.unsynced {
		if err := durable.SyncDir(dir); err != nil {
			return err
		}
		delete(s.unsynced, dir)
	}
	return s.journal.hand()
}

// Close ends the sink. Uncommitted records may stay in the files until the next Open.
func (s *Files) Close() error {
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
	if s.broken == nil {
		err = errors.Join(err, s.drop())
	}
	if s.broken == nil && s.token != nil && err == nil {
		err = s.journal.add(line{Closed: id(s.token)})
	}
	err = errors.Join(err, s.journal.close())
	s.journal = nil
	return err
}

// Abandon leaves the files as a kill would, and frees what the system would free when a process is
// killed. It is for tests that kill a sink within their own process.
func (s *Files) Abandon() {
	if s.journal == nil {
		return
	}
	for _, sr := range s.byPath {
		if sr.current != nil {
			_ = sr.current.out.Close() // buffered bytes are lost, as in a kill
		}
	}
	_ = s.journal.close()
	s.journal = nil
}

func (s *Files) usable() error {
	if s.broken != nil {
		return fmt.Errorf("not opened again since: %w", s.broken)
	}
	if s.journal == nil {
		return errors.New("the sink is not open")
	}
	return nil
}

// fail remembers the first error. System errors name the file already.
func (s *Files) fail(err error) error {
	s.broken = err
	if hopeless(err) {
		s.broken = sdk.Permanent(err)
	}
	return s.broken
}

// hopeless reports whether a retry is useless until a person acts: reading everything again onto a
// full disk would only load the remote system.
func hopeless(err error) bool {
	for _, target := range []error{os.ErrPermission, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
