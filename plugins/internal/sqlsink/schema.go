// The DDL: what is missing for a stream's table, and the statements that add it.

package sqlsink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// found are the columns of the tables that are there: types by table and column.
type found map[string]map[string]string

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (s *Sink) look(ctx context.Context, q querier) (found, error) {
	query, args := s.dialect.columns()
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	out := found{}
	for rows.Next() {
		var table, column, kind string
		if err := rows.Scan(&table, &column, &kind); err != nil {
			return nil, err
		}
		if out[table] == nil {
			out[table] = map[string]string{}
		}
		out[table][column] = kind
	}
	return out, rows.Err()
}

// layouts computes the tables of streams, without asking the database.
func (s *Sink) layouts(streams []sdk.Stream) error {
	s.tables, s.notes = map[string]*table{}, nil
	names := s.dialect.names()
	names.snake = s.options.Names == "snake"
	for _, stream := range streams {
		t, notes, err := layout(s.options, s.dialect, stream, &names)
		if err != nil {
			return sdk.Permanent(err)
		}
		s.tables[stream.Name] = t
		for _, n := range notes {
			s.notes = append(s.notes, fmt.Sprintf("stream %s: the column for %s", stream.Name, n))
		}
	}
	for _, n := range names.changed {
		if !strings.HasPrefix(n, `"_scrapekit_next_`) {
			s.notes = append(s.notes, "the table for "+n)
		}
	}
	return nil
}

// ddl returns the statements for what the database lacks, and adapts the tables to columns that
// stay.
func (s *Sink) ddl(there found) ([]string, error) {
	var out []string
	if _, ok := there[stateTable]; !ok {
		out = append(append(out, s.dialect.before()...), s.create(stateLayout))
	}
	s.created = map[string]bool{}
	for _, t := range s.inOrder() {
		statements, err := s.ddlOf(t, there)
		if err != nil {
			return nil, sdk.Permanent(err)
		}
		out = append(out, statements...)
	}
	return out, nil
}

func (s *Sink) ddlOf(t *table, there found) ([]string, error) {
	columns, ok := there[t.name]
	if !ok {
		switch s.options.Changes.NewStreams {
		case "fail":
			return nil, fmt.Errorf("stream %s has no table %s, and new_streams is \"fail\"", t.stream,
				s.dialect.table(t.name))
		case "ignore":
			delete(s.tables, t.stream)
			s.ignored[t.stream] = true
			return nil, nil
		}
		s.created[t.name] = true
		out := append([]string{s.create(t)}, indexes(s.dialect, t)...)
		if t.next != nil {
			out = append(append(out, s.create(t.next)), indexes(s.dialect, t.next)...)
		}
		return out, nil
	}
	out, err := s.fit(t, columns)
	if err != nil || t.next == nil {
		return out, err
	}
	t.next.cols, t.next.fields, t.next.extra, t.next.raw = t.cols, t.fields, t.extra, t.raw
	if columns, ok = there[t.next.name]; !ok {
		return append(append(out, s.create(t.next)), indexes(s.dialect, t.next)...), nil
	}
	next, err := s.fit(t.next, columns)
	return append(out, next...), err
}

// fit returns the statements that change an existing table.
func (s *Sink) fit(t *table, there map[string]string) ([]string, error) {
	var add, types []column
	changes := s.options.Changes
	for i := 0; i < len(t.cols); i++ {
		c := &t.cols[i]
		has, ok := there[c.name]
		switch {
		case !ok && c.field != "" && changes.NewColumns == "fail":
			return nil, fmt.Errorf("stream %s: the field %s has no column in %s, and new_columns is \"fail\"", t.stream,
				c.field, s.dialect.table(t.name))
		case !ok && c.field != "" && changes.NewColumns != "add":
			t.leaveOut(i)
			i--
			continue
		case !ok:
			add = append(add, *c)
			continue
		}
		is, known := s.dialect.kindOf(has)
		if !known || is == c.kind || strings.EqualFold(has, s.dialect.typeOf(c.kind, t.indexed(i))) {
			continue
		}
		wide := join(is, c.kind)
		switch {
		case wide == is || changes.Types == "reject":
			c.kind = is
		case changes.Types == "fail":
			return nil, fmt.Errorf("stream %s: the column %s of %s is %s, the field is %v, and types is \"fail\"",
				t.stream,
				c.name, s.dialect.table(t.name), has, c.kind)
		default:
			c.kind = wide
			types = append(types, *c)
		}
	}
	for _, c := range t.meta {
		if _, ok := there[c.name]; !ok {
			add = append(add, c)
		}
	}
	if len(add)+len(types) == 0 {
		return nil, nil
	}
	return s.dialect.alter(t, add, types), nil
}

// leaveOut drops a column that is not to be made.
func (t *table) leaveOut(i int) {
	delete(t.fields, t.cols[i].field)
	t.cols = append(t.cols[:i:i], t.cols[i+1:]...)
	for field, at := range t.fields {
		if at > i {
			t.fields[field] = at - 1
		}
	}
	for _, at := range []*int{&t.newer, &t.extra, &t.raw} {
		if *at > i {
			*at--
		}
	}
}

// create is the statement that makes a table.
func (s *Sink) create(t *table) string { return createTable(s.dialect, t, t.name) }

func createTable(d Dialect, t *table, name string) string {
	var lines []string
	for i, c := range t.cols {
		lines = append(lines, d.quote(c.name)+" "+d.typeOf(c.kind, t.indexed(i)))
	}
	for _, c := range t.meta {
		lines = append(lines, d.quote(c.name)+" "+d.typeOf(c.kind, false))
	}
	if t.keyed() {
		lines = append(lines, "PRIMARY KEY ("+list(d, t.keyColumns())+")")
	}
	return "CREATE TABLE " + d.table(name) + " (" + strings.Join(lines, ", ") + ")" // one line, as errors are
}

// indexes are the statements that create the indexes of a table: for the return to a commit, and
// for finding the current version of a key.
func indexes(d Dialect, t *table) []string {
	var out []string
	if t.reverts() && t.mode != Replace && t.has(commitColumn) {
		out = append(out, d.index("commit", t, []column{{name: commitColumn, kind: integer}}))
	}
	if t.mode == History {
		out = append(out, d.index("key", t, t.keyColumns()))
	}
	return out
}

// migrate issues the DDL, before the first row.
func (s *Sink) migrate(ctx context.Context, streams []sdk.Stream) error {
	return s.locked(ctx, func(ctx context.Context, x execer) error {
		if err := s.layouts(streams); err != nil {
			return err
		}
		there, err := s.look(ctx, x)
		if err != nil {
			return err
		}
		statements, err := s.ddl(there)
		if err != nil {
			return err
		}
		if len(statements) == 0 {
			return s.mayWrite(ctx, x)
		}
		if s.options.DDL == "off" {
			return sdk.Permanent(fmt.Errorf("%s lacks tables or columns, and ddl is \"off\": have somebody run %s",
				s.dialect.place(), strings.Join(statements, "; ")+";"))
		}
		for _, one := range statements {
			if _, err := x.ExecContext(ctx, one); err != nil {
				return fmt.Errorf("%w, in %s", err, one)
			}
		}
		return nil
	})
}

// mayWrite finds out whether the login has the rights on tables that it did not make now. The
// database checks them when it explains a statement, and does nothing.
func (s *Sink) mayWrite(ctx context.Context, x execer) error {
	if !s.dialect.login() {
		return nil
	}
	for _, t := range s.inOrder() {
		t = t.into()
		on, cols := s.dialect.table(t.name), t.all()
		set, where := s.dialect.quote(cols[0].name)+" = NULL", " WHERE 1 = 0"
		statements := []string{"INSERT INTO " + on + " (" + list(s.dialect, cols) + ") VALUES (NULL" +
			strings.Repeat(", NULL", len(cols)-1) + ")"}
		if t.mode == Upsert || t.mode == Mirror || t.mode == History {
			statements = append(statements, "UPDATE "+on+" SET "+set+where, "DELETE FROM "+on+where)
		}
		for _, one := range statements {
			if _, err := x.ExecContext(ctx, "EXPLAIN "+one); err != nil {
				return err
			}
		}
	}
	return nil
}

type execer interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// locked calls do while no other process calls it, in a transaction if the database can roll DDL
// back.
func (s *Sink) locked(ctx context.Context, do func(context.Context, execer) error) error {
	if !s.dialect.ddlInTransaction() {
		if _, err := s.conn.ExecContext(ctx, s.dialect.lock()); err != nil {
			return err
		}
		err := do(ctx, s.conn)
		_, unlock := s.conn.ExecContext(ctx, "SELECT RELEASE_ALL_LOCKS()")
		return errors.Join(err, unlock)
	}
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if lock := s.dialect.lock(); lock != "" {
		_, err = tx.ExecContext(ctx, lock)
	}
	if err == nil {
		err = do(ctx, tx)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
