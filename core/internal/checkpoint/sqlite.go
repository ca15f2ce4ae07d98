// SQLite: opening the state file, and the one way in which a transaction is made.

package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/scrapekit/scrapekit/core/internal/disk"
)

// SQLite is a [Store] in one file, with a write-ahead log beside it while it is open. There is one
// connection: transactions are short, and one after another is as fast as the disk goes.
type SQLite struct {
	db   *sql.DB
	path string
}

// How far a transaction is pushed to the disk before it counts as done.
const (
	durable = "EXTRA"  // it outlives a power failure
	kept    = "NORMAL" // it outlives the process; a later durable one pushes it along
)

// logSize is what the log may keep of the disk, in bytes: about what it grows to between two
// checkpoints of small commits.
const logSize = 8 << 20

// OpenSQLite opens the state file at path, or makes it if there is none; its folder must exist. A
// file that is damaged (an empty one is), is of a newer version or is something else is left as it
// is: the error names it and says what to do. After a kill what was committed last may be in the
// log beside the file (its name and "-wal") alone. If that one is lost, nothing tells: the state is
// then that of an earlier commit. Who copies or moves the file takes the log along.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(ctx, path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("state file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("state file %s: it is not a file", path)
	case info.Size() == 0:
		return nil, &FileError{Path: path, Problem: "it is damaged: it is empty"}
	default:
		keepOwn(path, info.Mode())
	}
	if err := clearUnfinished(path); err != nil {
		return nil, fmt.Errorf("state file %s: %w", path, err)
	}
	s, err := connect(path, path, "rw")
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(s.explain(err), s.Close())
	}
	return s, nil
}

// connect makes ready to open file, as mode says: "rw" or, if it may be made, "rwc". Errors speak
// of path.
func connect(file, path, mode string) (*SQLite, error) {
	name, err := dsn(file, mode)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("state file %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return &SQLite{db: db, path: path}, nil
}

// dsn names the file as a URI, so that a '?' or '%' in a path stays a part of it.
func dsn(path, mode string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("state file %s: %w", path, err)
	}
	abs = filepath.ToSlash(abs)
	if !strings.HasPrefix(abs, "/") {
		abs = "/" + abs // C:/…
	}
	u := url.URL{Scheme: "file", Path: abs, RawQuery: "_busy_timeout=5000&_foreign_keys=on&mode=" + mode}
	return u.String(), nil
}

// prepare checks that the file is ours, before anything is written to it.
func (s *SQLite) prepare(ctx context.Context) error {
	version, err := s.inspect(ctx)
	if err != nil {
		return err
	}
	if err := s.keepLog(ctx); err != nil || version == schemaVersion {
		return err
	}
	return s.write(ctx, durable, migrate)
}

// keepLog has the file keep a write-ahead log. A file is made with one: SQLite changes over only
// while nobody else has the file open, and does not wait for that. Where no such log can be had
// (some network folders) it stays with its rollback journal, which is as durable with
// synchronous=EXTRA. A log that a large plan has made long is cut when it begins anew.
func (s *SQLite) keepLog(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=%d", logSize))
	return err
}

// syncParents makes the names of the file, of its folder and of the folder around that durable:
// they may all be new.
func syncParents(path string) error {
	for range 3 {
		dir := filepath.Dir(path)
		if err := disk.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		path = dir
	}
	return nil
}

// Close implements [Store].
func (s *SQLite) Close() error {
	if err := s.db.Close(); err != nil {
		return s.explain(err)
	}
	return nil
}

// write runs f in one transaction that has the write lock from its beginning. Once begun it is not
// cancelled: it is short, and nobody has to guess whether it happened.
func (s *SQLite) write(ctx context.Context, level string, f func(ctx context.Context, tx *sql.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	c, err := s.db.Conn(ctx)
	if err != nil {
		return s.explain(err)
	}
	defer func() { _ = c.Close() }() // it goes back to the pool
	if _, err := c.ExecContext(ctx, "PRAGMA synchronous="+level); err != nil {
		return s.explain(err)
	}
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return s.explain(err)
	}
	if err := f(ctx, c); err != nil {
		return s.explain(rollback(ctx, c, err))
	}
	if _, err := c.ExecContext(ctx, "COMMIT"); err != nil {
		return s.explain(rollback(ctx, c, err))
	}
	return nil
}

// rollback ends a transaction that did not go well. SQLite has done so by itself after some errors
// (a full disk), and says then that there is none.
func rollback(ctx context.Context, c *sql.Conn, cause error) error {
	_, err := c.ExecContext(ctx, "ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		return errors.Join(cause, err)
	}
	return cause
}

// read runs f in one transaction that only reads.
func (s *SQLite) read(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	if err := f(ctx, tx); err != nil {
		return s.explain(errors.Join(err, tx.Rollback()))
	}
	return s.explain(tx.Rollback())
}
