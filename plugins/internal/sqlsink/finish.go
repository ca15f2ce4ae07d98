// The end of a complete run: the last step of replace, mirror and history, for all tables in one
// transaction.

package sqlsink

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Finish implements [sdk.Finisher]. A repeated call has no effect: the state holds the run whose
// end was done.
func (s *Sink) Finish(ctx context.Context, e sdk.End) error {
	if len(s.tables) == 0 {
		return nil
	}
	return s.dialect.classed(s.within(ctx, func(ctx context.Context, x execer) error {
		rows, err := s.holdings(ctx, x)
		if err != nil {
			return err
		}
		whole := e.Full
		for _, h := range rows {
			if h.seat != s.start.Seat {
				continue
			}
			if h.epoch != s.start.Epoch || h.run != e.Run {
				return s.fenced()
			}
			whole = whole || h.whole
		}
		done := func(t *table) bool {
			return slices.ContainsFunc(rows, func(h holding) bool { return h.name == t.name && h.finished == e.Run })
		}
		for _, t := range s.inOrder() {
			if !whole || done(t) {
				continue
			}
			if err := s.conclude(ctx, x, t, e); err != nil {
				return err
			}
		}
		var names []any
		for _, t := range s.inOrder() {
			names = append(names, t.name)
		}
		_, err = x.ExecContext(ctx, "UPDATE "+s.dialect.table(stateTable)+" SET finished = "+literal(e.Run)+" WHERE "+
			in(s.dialect, stateLayout.cols[:1], len(names)), names...)
		return err
	}))
}

// conclude does what a table's mode does after a complete run that read everything.
func (s *Sink) conclude(ctx context.Context, x execer, t *table, e sdk.End) error {
	switch t.mode {
	case Replace:
		return s.replace(ctx, x, t)
	case Mirror, History:
		if s.rejected[t.name] || e.Rejected {
			sdk.Log(ctx).Warn("records were rejected: rows that the run has not seen stay", "stream", t.stream)
			return nil
		}
		return s.dropUnseen(ctx, x, t, e.Run)
	}
	return nil
}

// replace replaces the table's records by those of the run.
func (s *Sink) replace(ctx context.Context, x execer, t *table) error {
	live, next := s.dialect.table(t.name), s.dialect.table(t.next.name)
	if err := s.enough(ctx, x, t, live, next); err != nil {
		return err
	}
	columns := list(s.dialect, t.all())
	for _, statement := range []string{
		"DELETE FROM " + live,
		"INSERT INTO " + live + " (" + columns + ") SELECT " + columns + " FROM " + next,
		"DELETE FROM " + next,
	} {
		if _, err := x.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// dropUnseen deletes, marks or ends the rows that the run has not seen.
func (s *Sink) dropUnseen(ctx context.Context, x execer, t *table, run string) error {
	q := s.dialect.quote
	there := s.dialect.table(t.name)
	switch {
	case t.mode == History:
		there += " WHERE " + q(currentColumn) + " = " + s.dialect.boolean(true)
	case t.soft:
		there += " WHERE " + q(deletedAtColumn) + " IS NULL"
	default:
		there += " WHERE " + q(runColumn) + " IS NOT NULL"
	}
	if err := s.enough(ctx, x, t, there, there+" AND "+q(runColumn)+" = "+literal(run)); err != nil {
		return err
	}
	statement, now := "DELETE FROM "+s.dialect.table(t.name)+" WHERE ", time.Now()
	switch {
	case t.mode == History:
		statement = s.endBy(t, now, s.n)
	case t.soft:
		statement = s.mark(t, now)
	}
	_, err := x.ExecContext(ctx, statement+q(runColumn)+" <> "+literal(run))
	return err
}

// enough compares the number of rows before with the number of the run.
func (s *Sink) enough(ctx context.Context, x execer, t *table, before, now string) error {
	had, err := count(ctx, x, before)
	if err != nil {
		return err
	}
	has, err := count(ctx, x, now)
	if err != nil {
		return err
	}
	if least := s.minRows.of(had); has < least {
		return sdk.Permanent(fmt.Errorf(
			"stream %s: the run has brought %d rows, %s has %d, and min_rows is %q: nothing was "+
				"changed; if it is right, set min_rows = \"0\" and run again", t.stream, has, s.dialect.table(t.name),
			had,
			s.options.MinRows))
	}
	return nil
}

// count is how many rows there are.
func count(ctx context.Context, x execer, of string) (n int64, err error) {
	rows, err := x.QueryContext(ctx, "SELECT count(*) FROM "+of)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}
