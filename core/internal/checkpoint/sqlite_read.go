// SQLite: reading the state, and changing it by hand.

package checkpoint

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// blob scans bytes and distinguishes nil from empty, which database/sql does not.
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

// View implements [Store].
func (s *SQLite) View() View { return s }

// Admin implements [Store].
func (s *SQLite) Admin() Admin { return s }

// scanner is one row of a query.
type scanner interface{ Scan(into ...any) error }

const splitColumns = "id, stream, data, cursor, estimate, seq, epoch, coalesce(seat, -1), status, records, problem"

func scanSplit(row scanner) (s Split, err error) {
	err = row.Scan(&s.ID, &s.Stream, (*blob)(&s.Data), (*blob)(&s.Cursor), &s.Estimate, &s.Place, &s.Epoch, &s.Seat,
		(*string)(&s.Status), &s.Records, &s.Problem)
	return s, err
}

// countedColumns are the columns that sums and identifies splits.
const countedColumns = "seq, id, stream, estimate, epoch, status, records"

func scanCounted(row scanner) (s Split, err error) {
	err = row.Scan(&s.Place, &s.ID, &s.Stream, &s.Estimate, &s.Epoch, (*string)(&s.Status), &s.Records)
	return s, err
}

// unfinishedRun is the number of the unfinished run; -1: none.
const unfinishedRun = `coalesce((SELECT seq FROM runs WHERE seq = (SELECT max(seq) FROM runs) AND outcome NOT IN ` +
	`('complete', 'abandoned')), -1)`

// Splits implements [View].
func (s *SQLite) Splits(ctx context.Context, run string, q Query) (out []Split, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var seq, base int64
		err := tx.QueryRowContext(ctx, "SELECT seq, base FROM runs WHERE id = ? AND seq = "+unfinishedRun,
			run).Scan(&seq, &base)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil {
			out, err = page(ctx, tx, seq, base, q)
		}
		return err
	})
	return out, err
}

// page reads a page of splits of the unfinished run.
func page(ctx context.Context, q querier, seq, base int64, which Query) ([]Split, error) {
	query, args := "run = ?1 AND seq > max(?2, ?3)", []any{seq, base, which.After, max(which.N, 0),
		string(which.Status)}
	switch which.Status {
	case "":
		args = args[:4]
	case Done:
		query += " AND status = ?5"
	default: // uses the index of open splits
		query += " AND status <> 'done' AND status = ?5"
	}
	if which.Free {
		query += " AND status = 'open' AND seat IS NULL" // matches the condition of its index
	}
	left := newRoom(which.N)
	return collectSome(ctx, q, func(row scanner) (Split, bool, error) {
		s, err := scanSplit(row)
		return s, !left.full(s.Split), err
	}, "SELECT "+splitColumns+" FROM splits WHERE "+query+" ORDER BY seq LIMIT ?4", args...)
}

// Sums implements [View].
func (s *SQLite) Sums(ctx context.Context, run string) (sums Sums, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var unfinished bool
		err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ? AND seq = "+unfinishedRun+")",
			run).Scan(&unfinished)
		if err == nil && unfinished {
			sums, err = readSums(ctx, tx)
		}
		return err
	})
	return sums, err
}

func readSums(ctx context.Context, q querier) (Sums, error) {
	return collect(ctx, q, func(row scanner) (s Sum, err error) {
		err = row.Scan(&s.Stream, &s.Open, &s.Done, &s.Broken, &s.Records, &s.Expected, &s.Skipped, &s.Unknown)
		return s, err
	}, "SELECT stream, open, done, broken, records, expected, skipped, unknown FROM sums ORDER BY place")
}

// Previous implements [View].
func (s *SQLite) Previous(ctx context.Context, after string, n int) (out []sdk.Split, err error) {
	left := newRoom(n)
	scan := func(row scanner) (p sdk.Split, more bool, err error) {
		err = row.Scan(&p.ID, &p.Stream, (*blob)(&p.Data), (*blob)(&p.Cursor), &p.Estimate)
		return p, !left.full(p), err
	}
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out, err = collectSome(ctx, tx, scan,
			"SELECT id, stream, data, cursor, estimate FROM splits WHERE id > ? AND run <> "+unfinishedRun+
				" ORDER BY id LIMIT ?", after, max(n, 0))
		return err
	})
	return out, err
}

// CountPrevious implements [View].
func (s *SQLite) CountPrevious(ctx context.Context) (n int, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT count(*) FROM splits WHERE run <> "+unfinishedRun).Scan(&n)
	})
	return n, err
}

// Runs implements [View].
func (s *SQLite) Runs(ctx context.Context, n int) (out []RunInfo, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out, err = collect(ctx, tx, scanRun,
			"SELECT id, started, ended, outcome, full, starts, gaps, counts FROM runs ORDER BY seq DESC LIMIT ?",
			max(n, 0))
		if err != nil || len(out) == 0 || out[0].Splits != nil {
			return err
		}
		sums, err := readSums(ctx, tx) // the run is unfinished
		out[0].Splits = sums.Splits()
		return err
	})
	return out, err
}

func scanRun(row scanner) (r RunInfo, err error) {
	var started, ended, counts string
	err = row.Scan(&r.ID, &started, &ended, (*string)(&r.Outcome), &r.Full, &r.Starts, &r.Gaps, &counts)
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
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func collect[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T,
	error) {
	return collectSome(ctx, q, func(row scanner) (T, bool, error) {
		v, err := scan(row)
		return v, true, err
	}, query, args...)
}

// collectSome is collect with a scan that also says whether to continue.
func collectSome[T any](ctx context.Context, q querier, scan func(scanner) (T, bool, error), query string,
	args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err below has the error
	var out []T
	for more := true; more && rows.Next(); {
		var v T
		if v, more, err = scan(rows); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Prune implements [Admin].
func (s *SQLite) Prune(ctx context.Context, n int) (gone int, err error) {
	err = s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		res, err := tx.ExecContext(ctx,
			"DELETE FROM runs WHERE seq <> "+unfinishedRun+
				" AND seq NOT IN (SELECT seq FROM runs ORDER BY seq DESC LIMIT ?)", max(n, 0))
		if err != nil {
			return err
		}
		rows, err := res.RowsAffected()
		gone = int(rows)
		return err
	})
	return gone, err
}

// Compact implements [Admin].
func (s *SQLite) Compact(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := s.db.ExecContext(context.WithoutCancel(ctx), "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
	return s.explain(err)
}

// Reset implements [Admin]. The highest epoch stays, so that no old holder is taken for a new one.
func (s *SQLite) Reset(ctx context.Context) error {
	return s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM runs; DELETE FROM splits; DELETE FROM sums; DELETE FROM tokens; `+
			`DELETE FROM seats; UPDATE holder SET epoch = 0`)
		return err
	})
}

// Forget implements [Admin].
func (s *SQLite) Forget(ctx context.Context, id string) (found bool, err error) {
	err = s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		if found, err = touch(ctx, tx, id,
			"epoch = epoch + 1, seat = NULL, cursor = NULL, status = 'open', records = 0, problem = ''",
			"true"); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM splits WHERE id = ? AND run <> "+unfinishedRun, id)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		found = found || n > 0
		return err
	})
	return found, err
}

// GiveUp implements [Admin].
func (s *SQLite) GiveUp(ctx context.Context, id string) (found bool, err error) {
	err = s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		found, err = touch(ctx, tx, id, "epoch = epoch + 1, seat = NULL, status = 'done', problem = ''",
			"status <> 'done'")
		return err
	})
	return found, err
}

// touch changes the split of the unfinished run with this id, if it meets the condition kind, and
// updates the sums. It reports whether there is such a split.
func touch(ctx context.Context, tx *sql.Conn, id, change, kind string) (bool, error) {
	before, err := scanCounted(tx.QueryRowContext(ctx,
		"SELECT "+countedColumns+" FROM splits WHERE id = ? AND run = "+unfinishedRun+" AND "+kind, id))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now, err := scanCounted(tx.QueryRowContext(ctx,
		"UPDATE splits SET "+change+" WHERE seq = ? RETURNING "+countedColumns, before.Place))
	if err != nil {
		return false, err
	}
	return true, changeSums(ctx, tx, func(sums *Sums) error { sums.Change(before, now); return nil })
}

// changeSums updates the sums with f.
func changeSums(ctx context.Context, tx *sql.Conn, f func(*Sums) error) error {
	before, err := readSums(ctx, tx)
	if err != nil {
		return err
	}
	now := slices.Clone(before)
	if err := f(&now); err != nil {
		return err
	}
	return storeSums(ctx, tx, before, now)
}

// storeSums stores the sums that differ.
func storeSums(ctx context.Context, tx *sql.Conn, before, now Sums) error {
	for i, s := range now {
		if i < len(before) && before[i] == s {
			continue
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			i, s.Stream, s.Open, s.Done, s.Broken, s.Records, s.Expected, s.Skipped, s.Unknown); err != nil {
			return err
		}
	}
	return nil
}

func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("time of a run: %w", err)
	}
	return t, nil
}

func readSeats(ctx context.Context, q querier) ([]SeatInfo, error) {
	now := time.Now().UnixMilli()
	seats, err := collect(ctx, q, func(row scanner) (s SeatInfo, err error) {
		s.Tokens = map[string]Token{}
		err = row.Scan(&s.N, &s.Free, &s.Settled)
		return s, err
	}, "SELECT seat, epoch = 0 OR until <= ?, settled FROM seats ORDER BY seat", now)
	if err != nil {
		return nil, err
	}
	at := map[int]SeatInfo{}
	for _, s := range seats {
		at[s.N] = s
	}
	_, err = collect(ctx, q, func(row scanner) (struct{}, error) {
		var stage string
		var seat int
		var t Token
		err := row.Scan(&stage, &seat, &t.Run, (*blob)(&t.Token))
		at[seat].Tokens[stage] = t
		return struct{}{}, err
	}, "SELECT stage, seat, run, token FROM tokens")
	return seats, err
}
