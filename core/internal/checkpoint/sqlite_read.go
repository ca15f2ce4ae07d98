// SQLite: what is looked up, and what is taken away by hand.

package checkpoint

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
)

// blob scans bytes and keeps nil and empty apart, which database/sql does not.
type blob []byte

// Scan implements sql.Scanner.
func (b *blob) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*b = nil
	case []byte:
		*b = append(make([]byte, 0, len(v)), v...)
	default:
		return fmt.Errorf("bytes expected, not %T", v)
	}
	return nil
}

// scanner is one row, of a query for one or for many.
type scanner interface{ Scan(into ...any) error }

const splitColumns = "id, stream, data, cursor, estimate, epoch, status, records, problem"

func scanSplit(row scanner) (s Split, err error) {
	err = row.Scan(&s.ID, &s.Stream, (*blob)(&s.Data), (*blob)(&s.Cursor), &s.Estimate, &s.Epoch, (*string)(&s.Status), &s.Records, &s.Problem)
	return s, err
}

// Splits implements [Store].
func (s *SQLite) Splits(ctx context.Context, run Run) (out []Split, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out, err = collect(ctx, tx, scanSplit,
			"SELECT "+splitColumns+" FROM splits WHERE run = (SELECT seq FROM runs WHERE id = ?) ORDER BY seq", run.ID)
		return err
	})
	return out, err
}

// Previous implements [Store].
func (s *SQLite) Previous(ctx context.Context) (out []sdk.Split, err error) {
	scan := func(row scanner) (p sdk.Split, err error) {
		err = row.Scan(&p.ID, &p.Stream, (*blob)(&p.Data), (*blob)(&p.Cursor), &p.Estimate)
		return p, err
	}
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out, err = collect(ctx, tx, scan, "SELECT id, stream, data, cursor, estimate FROM previous ORDER BY id")
		return err
	})
	return out, err
}

// Tokens implements [Store].
func (s *SQLite) Tokens(ctx context.Context) (map[string]Token, error) {
	out := map[string]Token{}
	scan := func(row scanner) (struct{}, error) {
		var stage string
		var t Token
		err := row.Scan(&stage, &t.Run, (*blob)(&t.Token))
		out[stage] = t
		return struct{}{}, err
	}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := collect(ctx, tx, scan, "SELECT stage, run, token FROM tokens")
		return err
	})
	return out, err
}

// Runs implements [Store].
func (s *SQLite) Runs(ctx context.Context, n int) (out []RunInfo, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out, err = collect(ctx, tx, scanRun,
			"SELECT id, started, ended, outcome, full, starts, report, counts FROM runs ORDER BY seq DESC LIMIT ?", max(n, 0))
		if err != nil {
			return err
		}
		for i := range out {
			if out[i].Splits == nil {
				out[i].Splits, err = countOf(ctx, tx, "SELECT status, count(*) FROM splits WHERE run = (SELECT seq FROM runs WHERE id = ?) GROUP BY status", out[i].ID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func scanRun(row scanner) (r RunInfo, err error) {
	var started, ended, counts string
	err = row.Scan(&r.ID, &started, &ended, (*string)(&r.Outcome), &r.Full, &r.Starts, (*blob)(&r.Report), &counts)
	if err == nil {
		r.Started, err = parseTime(started)
	}
	if err == nil {
		r.Ended, err = parseTime(ended)
	}
	if err == nil && counts != "" {
		err = json.Unmarshal([]byte(counts), &r.Splits)
	}
	return r, err
}

// querier is a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func collect[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err below says what went wrong
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func countSplits(ctx context.Context, q querier, seq int64) (map[Status]int, error) {
	return countOf(ctx, q, "SELECT status, count(*) FROM splits WHERE run = ? GROUP BY status", seq)
}

func countOf(ctx context.Context, q querier, query string, arg any) (map[Status]int, error) {
	out := map[Status]int{}
	_, err := collect(ctx, q, func(row scanner) (struct{}, error) {
		var status Status
		var n int
		err := row.Scan((*string)(&status), &n)
		out[status] = n
		return struct{}{}, err
	}, query, arg)
	return out, err
}

// Reset implements [Store]. The highest epoch stays, so that no old holder is taken for a new one.
func (s *SQLite) Reset(ctx context.Context) error {
	return s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM runs; DELETE FROM previous; DELETE FROM tokens; UPDATE holder SET epoch = 0;`)
		return err
	})
}

// Forget implements [Store].
func (s *SQLite) Forget(ctx context.Context, id string) (bool, error) {
	return s.touch(ctx, id,
		"DELETE FROM previous WHERE id = ?",
		"UPDATE splits SET epoch = epoch + 1, cursor = NULL, status = 'open', records = 0, problem = '' WHERE id = ?")
}

// GiveUp implements [Store].
func (s *SQLite) GiveUp(ctx context.Context, id string) (bool, error) {
	return s.touch(ctx, id,
		"UPDATE splits SET epoch = epoch + 1, status = 'done', problem = '' WHERE id = ? AND status <> 'done'")
}

// touch makes changes to what is kept of one split and reports whether there was anything to change. Only the
// unfinished run has rows in splits.
func (s *SQLite) touch(ctx context.Context, id string, changes ...string) (found bool, err error) {
	err = s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		for _, query := range changes {
			res, err := tx.ExecContext(ctx, query, id)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			found = found || n > 0
		}
		return nil
	})
	return found, err
}
