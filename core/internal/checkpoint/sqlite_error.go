// Errors of the state file, with their causes and what to do.

package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// startOver says how to continue without the state. A run without --full would deliver everything a
// second time.
const startOver = "start over with `scrapekit run --full`: the outputs hold what the lost state knew, " +
	"and a plain run would deliver everything again behind it"

// FileError says that the state file cannot be used. It was not changed.
type FileError struct {
	Path    string
	Problem string
	Advice  string // "": move it away and start over
	Err     error  // may be nil
}

func (e *FileError) Error() string {
	advice := e.Advice
	if advice == "" {
		advice = "move it away (with " + filepath.Base(e.Path) + "-wal, if there is one), then " + startOver +
			"; nothing was deleted"
	}
	return fmt.Sprintf("state file %s: %s; %s", e.Path, e.Problem, advice)
}

func (e *FileError) Unwrap() error { return e.Err }

// explain adds the file and the cause to an error of SQLite. Errors of the store's own rules stay
// as they are.
func (s *SQLite) explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return &FileError{Path: s.path, Problem: "it is damaged or not a state file: " + e.Error(), Err: err}
	case sqlite3.SQLITE_FULL:
		return s.full(err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return s.unwritable(err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return &FileError{
			Path: s.path, Problem: "another process has locked it",
			Advice: "wait until it is done, or end it, and try again", Err: err,
		}
	case sqlite3.SQLITE_IOERR:
		if errors.Is(probe(filepath.Dir(s.path)), syscall.ENOSPC) {
			return s.full(err) // SQLite's only message for a full disk when it grows the log's index
		}
		return &FileError{
			Path: s.path, Problem: "the disk failed: " + e.Error(),
			Advice: "see the log of the system; what was committed is kept", Err: err,
		}
	}
	return fmt.Errorf("state file %s: %w", s.path, err)
}

// unwritable finds out why the file cannot be written, which SQLite does not report.
func (s *SQLite) unwritable(err error) error {
	const advice = "the file and its folder must be writable"
	dir := filepath.Dir(s.path)
	if _, stat := os.Stat(dir); stat != nil {
		return &FileError{Path: s.path, Problem: stat.Error(), Advice: "make the folder first",
			Err: errors.Join(stat, err)}
	}
	failed := probe(dir)
	if errors.Is(failed, syscall.ENOSPC) {
		return s.full(err)
	}
	if failed != nil {
		return &FileError{Path: s.path, Problem: failed.Error(), Advice: advice, Err: errors.Join(failed, err)}
	}
	return &FileError{Path: s.path, Problem: err.Error(), Advice: advice, Err: errors.Join(fs.ErrPermission, err)}
}

func (s *SQLite) full(err error) error {
	return &FileError{
		Path: s.path, Problem: "no space left on the disk",
		Advice: "free some and run again: what was committed is kept", Err: errors.Join(syscall.ENOSPC, err),
	}
}

// probe writes and removes a small file in a folder, to get the system's own error.
func probe(dir string) error {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
