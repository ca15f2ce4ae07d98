// The dialect: what differs between databases.

package sqlsink

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// Dialect is a database system and how to reach one. Its methods are for this package.
type Dialect interface {
	// open returns connections of one database. An error that trying again does not mend is
	// permanent.
	open(ctx context.Context, dialer *sdk.Dialer) (*sql.DB, error)
	// absent reports that there is no database yet, and that open would make one.
	absent() bool
	// check finds out whether the sink may do what it is to do; ddl: make tables too.
	check(ctx context.Context, db *sql.DB, ddl bool) error
	// classed marks an error permanent that trying again does not mend, and says what to do.
	classed(err error) error
	// isData reports whether the database refuses a value.
	isData(err error) bool
	// place names the database, for people.
	place() string
	login() bool // with a password

	names() namer // of columns and tables
	maxColumns() int
	table(name string) string // quoted, with its schema
	quote(name string) string
	typeOf(k kind, key bool) string
	// kindOf is the kind of a column by its type; false: none of ours.
	kindOf(sqlType string) (kind, bool)
	// cast is a placeholder for a value of a kind.
	cast(n int, k kind) string
	distinct(a, b string) string // whether two values differ, NULLs being one value
	bool(v bool) string          // as a value
	boolean(v bool) string       // in a statement
	timeLayout() string
	fits(k kind, v []byte) bool // whether the database can keep a text at all
	row() string                // begins a list of rows after IN
	forUpdate() string

	// columns is a query for the names of tables, of their columns, and of the columns' types.
	columns() (query string, args []any)
	before() []string // statements that come before the first table: the schema
	lock() string     // begins the DDL: no other does the same; "": it is not needed
	ddlInTransaction() bool
	// alter changes a table.
	alter(t *table, add []column, types []column) []string
	index(name string, t *table, by []column) string

	// load puts whole rows into a table by its mode: all, or none and an error of isData.
	load(ctx context.Context, s *session, t *table, rows []row) error
	// flush makes what was loaded visible to what follows.
	flush(ctx context.Context, s *session) error
	// settle is called after a commit.
	settle(ctx context.Context, conn *sql.Conn) error
	// buffers says that Write keeps records and Commit loads them: the database has one writer.
	buffers() bool
}

// untrusted marks an error permanent by which a server cannot prove who it is.
func untrusted(err error) error {
	var verify *tls.CertificateVerificationError
	if !errors.As(err, &verify) {
		return err
	}
	return sdk.Permanent(fmt.Errorf("%w: set ca_file to the authority that vouches for the server, and in url the "+
		"host that its certificate names", err))
}

// session is a transaction, and what was done in it.
type session struct {
	conn   *sql.Conn
	tx     *sql.Tx
	staged map[string]*staged // by table
	whole  bool               // the run reads everything
}

// list writes names of columns.
func list(d Dialect, cols []column) string {
	var out []string
	for _, c := range cols {
		out = append(out, d.quote(c.name))
	}
	return strings.Join(out, ", ")
}

// in is a condition on the first fields of the key, for n keys, and casts their values.
func in(d Dialect, cols []column, n int) string {
	var b strings.Builder
	b.WriteString("(" + list(d, cols) + ") IN (" + d.row())
	at := 0
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for j, c := range cols {
			if j > 0 {
				b.WriteString(", ")
			}
			at++
			b.WriteString(d.cast(at, c.kind))
		}
		b.WriteByte(')')
	}
	b.WriteByte(')')
	return b.String()
}

// arg is a value as database/sql takes it.
func arg(v []byte) any {
	if v == nil {
		return nil
	}
	return string(v)
}

// merge is what an INSERT does with a row whose key is there, in the words of PostgreSQL and
// SQLite.
func merge(d Dialect, t *table, whole bool) string {
	if !t.keyed() {
		return ""
	}
	out := " ON CONFLICT (" + list(d, t.keyColumns()) + ") DO "
	if t.mode == Insert {
		return out + "NOTHING"
	}
	var sets, differ []string
	for _, c := range t.all() {
		q := d.quote(c.name)
		sets = append(sets, q+" = excluded."+q)
	}
	for _, c := range t.guarded(whole) {
		q := d.quote(c.name)
		differ = append(differ, d.distinct("old."+q, "excluded."+q))
	}
	guard := anyOf(differ)
	if t.newer >= 0 {
		q := d.quote(t.cols[t.newer].name)
		guard += " AND (old." + q + " IS NULL OR excluded." + q + " >= old." + q + ")"
	}
	return out + "UPDATE SET " + strings.Join(sets, ", ") + " WHERE " + guard
}

// anyOf is that one of some conditions holds. It is a tree: SQLite refuses a chain of 1,000.
func anyOf(conditions []string) string {
	if len(conditions) == 1 {
		return conditions[0]
	}
	half := len(conditions) / 2
	return "(" + anyOf(conditions[:half]) + " OR " + anyOf(conditions[half:]) + ")"
}

// guarded are the columns by which a row has changed. In a whole run the run is one where rows that
// are not in it are to be found in the end.
func (t *table) guarded(whole bool) []column {
	var out []column
	for i, c := range t.cols {
		if t.isKey(i) && len(t.keys) < len(t.cols) {
			continue
		}
		out = append(out, c)
	}
	for _, c := range t.meta {
		if c.name == deletedAtColumn || c.name == runColumn && whole && t.mode == Mirror {
			out = append(out, c)
		}
	}
	return out
}

func (t *table) isKey(i int) bool {
	for _, k := range t.keys {
		if k == i {
			return true
		}
	}
	return false
}
