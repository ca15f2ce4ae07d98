// Loading: rows into tables, by mode, within the transaction.

package sqlsink

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// operation is what a batch does to a table.
type operation struct {
	t       *table
	op      sdk.Op
	rows    []row
	records [][]byte // the same, as they came
	at      time.Time
}

// staged are rows that wait for flush.
type staged struct {
	t *table
	n int
}

// apply does an operation in the transaction. It returns the records that the database refuses.
func (s *Sink) apply(ctx context.Context, op operation) (sdk.Rejects, error) {
	x, err := s.begin(ctx)
	if err != nil || len(op.rows) == 0 {
		return nil, err
	}
	t := op.t.into()
	switch {
	case op.op == sdk.Delete && t.mode == Append:
		return s.put(ctx, x, t, op, s.stamped(t, op, true))
	case op.op == sdk.Delete && t.mode == Insert:
		return nil, nil // the first of a key stays
	case op.op == sdk.Delete:
		return nil, s.remove(ctx, x, t, op)
	case t.mode == History:
		return s.versions(ctx, x, t, op)
	}
	return s.put(ctx, x, t, op, s.stamped(t, op, false))
}

// stamped are whole rows: with the columns of the run.
func (s *Sink) stamped(t *table, op operation, deleted bool) []row {
	meta := s.metaOf(t, op.at, deleted)
	out := make([]row, len(op.rows))
	width := len(t.cols) + len(t.meta)
	cells := make(row, width*len(op.rows))
	for i, r := range op.rows {
		out[i], cells = cells[:width:width], cells[width:]
		copy(out[i][copy(out[i], r):], meta)
	}
	return out
}

// metaOf are the values of the columns of the run.
func (s *Sink) metaOf(t *table, at time.Time, deleted bool) row {
	out := make(row, len(t.meta))
	for i, c := range t.meta {
		switch c.name {
		case runColumn:
			out[i] = []byte(s.start.Run)
		case commitColumn:
			out[i] = strconv.AppendInt(nil, s.number(s.n+1), 10)
		case readAtColumn, fromColumn:
			out[i] = s.time(at)
		case deletedColumn:
			out[i] = []byte(s.dialect.bool(deleted))
		}
	}
	return out
}

func (s *Sink) time(at time.Time) []byte { return at.UTC().AppendFormat(nil, s.dialect.timeLayout()) }

// put loads rows. If the database refuses some, it finds them by bisection.
func (s *Sink) put(ctx context.Context, x *session, t *table, op operation, rows []row) (sdk.Rejects, error) {
	err := s.dialect.load(ctx, x, t, rows)
	switch {
	case err == nil || !s.dialect.isData(err):
		return nil, err
	case len(rows) == 1:
		return sdk.Rejects{{Stream: t.stream, Record: op.records[0],
			Reason: "the database refuses it: " + err.Error()}}, nil
	}
	half := len(rows) / 2
	first, second := op, op
	first.records, second.records = op.records[:half], op.records[half:]
	rejects, err := s.put(ctx, x, t, first, rows[:half])
	if err != nil {
		return nil, err
	}
	more, err := s.put(ctx, x, t, second, rows[half:])
	return append(rejects, more...), err
}

// keysAtOnce is how many keys a statement names.
const keysAtOnce = 200

// eachKeys calls do, in order, for groups of rows whose keys have the same number of fields, with
// the condition that selects these keys and its arguments.
func (s *Sink) eachKeys(t *table, rows []row, do func(from, to int, where string, args []any) error) error {
	depth := func(r row) int {
		n := 0
		for n < len(t.keys) && r[t.keys[n]] != nil {
			n++
		}
		return n
	}
	for from := 0; from < len(rows); {
		n, to := depth(rows[from]), from
		var args []any
		for to < len(rows) && to-from < keysAtOnce && depth(rows[to]) == n {
			for _, i := range t.keys[:n] {
				args = append(args, arg(rows[to][i]))
			}
			to++
		}
		if err := do(from, to, in(s.dialect, t.keyColumns()[:n], to-from), args); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// remove deletes rows by their keys, or marks them.
func (s *Sink) remove(ctx context.Context, x *session, t *table, op operation) error {
	if err := s.dialect.flush(ctx, x); err != nil {
		return err
	}
	statement := "DELETE FROM " + s.dialect.table(t.name) + " WHERE "
	switch {
	case t.mode == History:
		statement = s.end(t, op.at)
	case t.soft:
		statement = s.mark(t, op.at)
	}
	return s.eachKeys(t, op.rows, func(_, _ int, where string, args []any) error {
		_, err := x.tx.ExecContext(ctx, statement+where, args...)
		return err
	})
}

// mark begins the statement that marks rows as deleted.
func (s *Sink) mark(t *table, at time.Time) string {
	q := s.dialect.quote
	return fmt.Sprintf("UPDATE %s SET %s = '%s', %s = %s, %s = %d WHERE %s IS NULL AND ", s.dialect.table(t.name),
		q(deletedAtColumn), s.time(at), q(runColumn), literal(s.start.Run), q(commitColumn), s.number(s.n+1),
		q(deletedAtColumn))
}

// end begins the statement that ends the current versions of keys.
func (s *Sink) end(t *table, at time.Time) string { return s.endBy(t, at, s.n+1) }

func (s *Sink) endBy(t *table, at time.Time, commit int64) string {
	q := s.dialect.quote
	return fmt.Sprintf("UPDATE %s SET %s = '%s', %s = %s, %s = %d WHERE %s = %s AND ", s.dialect.table(t.name),
		q(toColumn),
		s.time(at), q(currentColumn), s.dialect.boolean(false), q(endedColumn), s.number(commit), q(currentColumn),
		s.dialect.boolean(true))
}

// literal is the id of a run in a statement.
func literal(id string) string { return "'" + strings.ReplaceAll(id, "'", "''") + "'" }

// versions adds versions of keys whose records have changed, and ends the previous ones.
func (s *Sink) versions(ctx context.Context, x *session, t *table, op operation) (sdk.Rejects, error) {
	if err := s.dialect.flush(ctx, x); err != nil {
		return nil, err
	}
	hashes := make([]string, len(op.rows))
	for i, r := range op.rows {
		hashes[i] = string(t.hash(r))
	}
	var rejects sdk.Rejects
	err := s.eachKeys(t, op.rows, func(from, to int, where string, args []any) error {
		current, err := s.currentHashes(ctx, x, t, where, args)
		if err != nil {
			return err
		}
		part := operation{t: t, rows: op.rows[from:to], records: op.records[from:to], at: op.at}
		refused, err := s.addVersions(ctx, x, part, hashes[from:to], current)
		rejects = append(rejects, refused...)
		return err
	})
	return rejects, err
}

// keyHash is the length of the key's part of a hash.
const keyHash = 16

// currentHashes are the hashes of current versions, by that of their key. A run that reads
// everything marks them as seen.
func (s *Sink) currentHashes(ctx context.Context, x *session, t *table, where string, args []any) (map[string]string,
	error) {
	q := s.dialect.quote
	where = q(currentColumn) + " = " + s.dialect.boolean(true) + " AND " + where
	if s.whole {
		if _, err := x.tx.ExecContext(ctx, "UPDATE "+s.dialect.table(t.name)+" SET "+q(runColumn)+" = "+
			literal(s.start.Run)+" WHERE "+where, args...); err != nil {
			return nil, err
		}
	}
	rows, err := x.tx.QueryContext(ctx, "SELECT "+q(hashColumn)+" FROM "+s.dialect.table(t.name)+" WHERE "+where,
		args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	out := map[string]string{}
	for rows.Next() {
		var hash string
		if err := rows.Scan(&hash); err != nil {
			return nil, err
		}
		out[hash[:keyHash]] = hash
	}
	return out, rows.Err()
}

// addVersions loads the rows that are new versions, those of each key in order.
func (s *Sink) addVersions(ctx context.Context, x *session, op operation, hashes []string,
	current map[string]string) (sdk.Rejects, error) {
	t := op.t
	kept := operation{t: t, at: op.at}
	var keptHashes []string
	last := map[string]int{} // in kept, by key
	followed := map[int]bool{}
	for i, hash := range hashes {
		key := hash[:keyHash]
		if current[key] == hash {
			continue
		}
		if before, ok := last[key]; ok {
			followed[before] = true
		}
		current[key], last[key] = hash, len(kept.rows)
		kept.rows, kept.records = append(kept.rows, op.rows[i]), append(kept.records, op.records[i])
		keptHashes = append(keptHashes, hash)
	}
	if len(kept.rows) == 0 {
		return nil, nil
	}
	err := s.eachKeys(t, kept.rows, func(_, _ int, where string, args []any) error {
		_, err := x.tx.ExecContext(ctx, s.end(t, op.at)+where, args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows := s.stamped(t, kept, false)
	for i, r := range rows {
		for n, c := range t.meta {
			cell := &r[len(t.cols)+n]
			switch c.name {
			case hashColumn:
				*cell = []byte(keptHashes[i])
			case currentColumn:
				*cell = []byte(s.dialect.bool(!followed[i]))
			case toColumn:
				if followed[i] {
					*cell = s.time(op.at)
				}
			case endedColumn:
				if followed[i] {
					*cell = strconv.AppendInt(nil, s.number(s.n+1), 10)
				}
			}
		}
	}
	return s.put(ctx, x, t, kept, rows)
}
