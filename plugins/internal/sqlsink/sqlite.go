// SQLite: a file, one writer, no server. Records wait for their commit, so that the file is free
// between commits.

package sqlsink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/scrapekit/scrapekit/sdk"
)

// SQLite is the dialect of SQLite.
type SQLite struct{ path string }

// NewSQLite returns the dialect for a file.
func NewSQLite(path string) *SQLite { return &SQLite{path} }

func (l *SQLite) open(context.Context, *sdk.Dialer) (*sql.DB, error) {
	query := url.Values{"_pragma": {"busy_timeout(60000)", "journal_mode(WAL)", "synchronous(FULL)",
		"temp_store(MEMORY)",
		"wal_autocheckpoint(0)"},
		"_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: l.path}).EscapedPath()+"?"+query.Encode())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func (l *SQLite) absent() bool {
	_, err := os.Stat(l.path)
	return errors.Is(err, fs.ErrNotExist)
}

func (l *SQLite) check(ctx context.Context, db *sql.DB, _ bool) error {
	_, err := db.ExecContext(ctx, "SELECT count(*) FROM sqlite_master")
	return err
}

func (l *SQLite) classed(err error) error {
	var e *sqlite.Error
	if err == nil || sdk.IsPermanent(err) || !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlitelib.SQLITE_IOERR:
		return fmt.Errorf("%s: %w: %w, or %w", l.path, err, syscall.EIO, syscall.ENOSPC)
	case sqlitelib.SQLITE_FULL:
		return fmt.Errorf("%s: %w: %w", l.path, syscall.ENOSPC, err)
	case sqlitelib.SQLITE_CANTOPEN:
		return sdk.Permanent(fmt.Errorf(
			"%s: %w: its folder is not there, it may not be written, or there is %w or an %w",
			l.path, err, syscall.ENOSPC, syscall.EIO))
	case sqlitelib.SQLITE_NOTADB, sqlitelib.SQLITE_PERM, sqlitelib.SQLITE_READONLY, sqlitelib.SQLITE_ERROR,
		sqlitelib.SQLITE_CORRUPT:
		return sdk.Permanent(fmt.Errorf("%s: %w", l.path, err))
	}
	return fmt.Errorf("%s: %w", l.path, err)
}

func (l *SQLite) isData(error) bool { return false }

func (l *SQLite) login() bool { return false }

func (l *SQLite) place() string { return l.path }

func (l *SQLite) names() namer {
	return namer{limit: 1000, fold: true, refused: map[string]bool{"": true}}
}

func (l *SQLite) maxColumns() int { return 2000 }

func (l *SQLite) table(name string) string { return l.quote(name) }

func (l *SQLite) quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// The affinity of a type decides what becomes of a text: NUMERIC would lose digits.
var sqliteTypes = map[kind]string{text: "TEXT", integer: "INTEGER", numeric: "DECIMAL_TEXT", double: "REAL",
	boolean: "BOOLEAN_INT", date: "DATE_TEXT", timestamp: "TIMESTAMP_TEXT", document: "JSON_TEXT"}

func (l *SQLite) typeOf(k kind, _ bool) string { return sqliteTypes[k] }

func (l *SQLite) kindOf(sqlType string) (kind, bool) {
	for k, name := range sqliteTypes {
		if name == sqlType {
			return k, true
		}
	}
	return 0, false
}

func (l *SQLite) cast(_ int, k kind) string {
	switch k {
	case integer, boolean:
		return "CAST(? AS INTEGER)"
	case double:
		return "CAST(? AS REAL)"
	}
	return "CAST(? AS TEXT)"
}

func (l *SQLite) distinct(a, b string) string { return a + " IS NOT " + b }

func (l *SQLite) bool(v bool) string {
	if v {
		return "1"
	}
	return "0"
}

func (l *SQLite) boolean(v bool) string { return l.bool(v) }

func (l *SQLite) timeLayout() string { return "2006-01-02T15:04:05.999999Z07:00" }

func (l *SQLite) fits(kind, []byte) bool { return true }

func (l *SQLite) row() string { return "VALUES " }

func (l *SQLite) forUpdate() string { return "" }

func (l *SQLite) columns() (string, []any) {
	return "SELECT m.name, p.name, p.type FROM sqlite_master m " +
		"JOIN pragma_table_info(m.name) p WHERE m.type IN ('table', 'view')", nil
}

func (l *SQLite) before() []string { return nil }

func (l *SQLite) lock() string { return "" }

func (l *SQLite) ddlInTransaction() bool { return true }

// alter makes a table anew where a type changes, because SQLite cannot change one.
func (l *SQLite) alter(t *table, add, types []column) []string {
	var out []string
	for _, c := range add {
		out = append(out, "ALTER TABLE "+l.table(t.name)+" ADD COLUMN "+l.quote(c.name)+" "+sqliteTypes[c.kind])
	}
	if len(types) == 0 {
		return out
	}
	changed := map[string]kind{}
	for _, c := range types {
		changed[c.name] = c.kind
	}
	var values []string
	for _, c := range t.all() {
		value := l.quote(c.name)
		if _, ok := changed[c.name]; ok {
			value = "CAST(" + value + " AS TEXT)"
		}
		values = append(values, value)
	}
	aside := "_scrapekit_new_" + t.name
	out = append(out, createTable(l, t, aside), "INSERT INTO "+l.table(aside)+" ("+list(l, t.all())+") SELECT "+
		strings.Join(values, ", ")+" FROM "+l.table(t.name), "DROP TABLE "+l.table(t.name),
		"ALTER TABLE "+l.table(aside)+" RENAME TO "+l.quote(t.name))
	return append(out, indexes(l, t)...)
}

func (l *SQLite) index(name string, t *table, by []column) string {
	return "CREATE INDEX " + l.quote("_scrapekit_"+name+"_"+t.name) + " ON " + l.table(t.name) + " (" + list(l, by) +
		")"
}

func (l *SQLite) buffers() bool { return true }

func (l *SQLite) load(ctx context.Context, s *session, t *table, rows []row) error {
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(t.all())), ", ")
	insert, err := s.tx.PrepareContext(ctx,
		"INSERT INTO "+l.table(t.name)+" AS old ("+list(l, t.all())+") VALUES ("+marks+
			")"+merge(l, t, s.whole))
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }() // the transaction decides
	args := make([]any, len(t.all()))
	for _, r := range rows {
		for i, v := range r {
			args[i] = arg(v)
		}
		if _, err := insert.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (l *SQLite) flush(context.Context, *session) error { return nil }

// settle moves what is committed from the log into the file. SQLite does it by itself too, but
// would not tell of a disk that fails.
func (l *SQLite) settle(ctx context.Context, conn *sql.Conn) error {
	var busy, log, moved int
	return conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &log, &moved)
}
