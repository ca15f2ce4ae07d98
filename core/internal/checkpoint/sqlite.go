// SQLite: opens the state file, and runs all transactions.

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

// SQLite is a [Store] in one file, with a write-ahead log beside it while it is open. It has one
// connection: transactions are short, and running them one after another is as fast as the disk.
type SQLite struct {
	db   *sql.DB
	path string
}

// Levels of durability of a transaction (PRAGMA synchronous).
const (
	durable = "EXTRA"  // survives a power failure
	kept    = "NORMAL" // survives a crash of the process; the next durable transaction syncs it too
)

// logSize bounds the disk space of an empty log, in bytes: about its size between two checkpoints
// with small commits.
const logSize = 8 << 20

// OpenSQLite opens the state file at path, or makes it; its folder must exist. It does not change a
// file that is damaged or empty, has a newer version or another format: the error names it and says
// what to do. After a kill, the latest commits may be only in the log beside the file (suffix
// "-wal"). If the log is lost, this is not detected, and the state is that of an earlier commit.
// Copy or move the two files together.
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

// connect prepares opening file with a mode: "rw", or "rwc" to create it. Its errors name path.
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

// dsn returns the file as a URI, so that '?' and '%' stay part of the path.
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

// prepare checks the format of the file before anything is written to it.
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

// keepLog enables the write-ahead log. create makes files with it, because SQLite switches only
// while nobody else has the file open, and does not wait for that. File systems that do not support
// the log (some network ones) keep the rollback journal, which is as durable with
// synchronous=EXTRA. A log that a large plan made long is truncated when it is reset.
func (s *SQLite) keepLog(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=%d", logSize))
	return err
}

// syncParents makes the names of the file and of the two folders above it durable, since all may be
// new.
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

// write runs f in one transaction, with the write lock from the start. It cannot be cancelled after
// its start, so its result is always known; it is short.
func (s *SQLite) write(ctx context.Context, level string, f func(ctx context.Context, tx *sql.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	c, err := s.db.Conn(ctx)
	if err != nil {
		return s.explain(err)
	}
	defer func() { _ = c.Close() }() // returns it to the pool
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

// rollback rolls back a failed transaction. After some errors (such as a full disk), SQLite has
// done so itself and reports that there is none.
func rollback(ctx context.Context, c *sql.Conn, cause error) error {
	_, err := c.ExecContext(ctx, "ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		return errors.Join(cause, err)
	}
	return cause
}

// read runs f in one read-only transaction.
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
