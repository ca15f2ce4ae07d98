// SQLite: the coordinator's operations on a run.

package checkpoint

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Begin implements [Store].
func (s *SQLite) Begin(ctx context.Context, b Begin) (run Run, c Coordinator, err error) {
	err = s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		r, err := unfinished(ctx, tx)
		if err != nil {
			return err
		}
		switch {
		case r != nil && !b.Full:
			if r.Planned && r.fingerprint != b.Fingerprint {
				return ErrChanged
			}
			r.Resumed = true
			err = reopen(ctx, tx, r.seq, b.Fingerprint)
		default:
			if r != nil {
				err = end(ctx, tx, r.seq, Abandoned, b.Now)
			}
			if err == nil {
				r, err = start(ctx, tx, b)
			}
		}
		if err != nil {
			return err
		}
		run = r.Run
		if run.Pipeline, err = identity(ctx, tx); err != nil {
			return err
		}
		if err := fence(ctx, tx); err != nil {
			return err
		}
		if run.Epoch, err = raise(ctx, tx); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE holder SET epoch = ?", run.Epoch)
		return err
	})
	if err != nil {
		return Run{}, nil, err
	}
	return run, &sqliteCoordinator{s: s, run: run}, nil
}

// fence fences the coordinator of the run and the holders of its seats.
func fence(ctx context.Context, tx *sql.Conn) error {
	_, err := tx.ExecContext(ctx, "UPDATE holder SET epoch = 0; UPDATE seats SET epoch = 0")
	return err
}

// raise returns a new epoch, higher than all before.
func raise(ctx context.Context, tx *sql.Conn) (epoch int64, err error) {
	return epoch, tx.QueryRowContext(ctx, "UPDATE holder SET last = last + 1 RETURNING last").Scan(&epoch)
}

// Current implements [Store].
func (s *SQLite) Current(ctx context.Context) (run Run, ok bool, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		run, ok, err = current(ctx, tx)
		return err
	})
	return run, ok, err
}

// current returns the run that has a coordinator; false: none.
func current(ctx context.Context, q querier) (Run, bool, error) {
	var epoch int64
	if err := q.QueryRowContext(ctx, "SELECT epoch FROM holder").Scan(&epoch); err != nil || epoch == 0 {
		return Run{}, false, err
	}
	r, err := unfinished(ctx, q)
	if err != nil {
		return Run{}, false, err
	}
	r.Epoch = epoch
	return r.Run, true, q.QueryRowContext(ctx, "SELECT id FROM pipeline").Scan(&r.Pipeline)
}

// identity returns the pipeline's identity, which the first run makes. Files of earlier versions
// have no table for it.
func identity(ctx context.Context, tx *sql.Conn) (id string, err error) {
	if _, err := tx.ExecContext(ctx,
		"CREATE TABLE IF NOT EXISTS pipeline (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL)"); err != nil {
		return "", err
	}
	if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO pipeline VALUES (1, ?)", rand.Text()); err != nil {
		return "", err
	}
	return id, tx.QueryRowContext(ctx, "SELECT id FROM pipeline").Scan(&id)
}

// storedRun is a run with its columns in the database.
type storedRun struct {
	Run
	seq         int64
	fingerprint string
}

// unfinished returns the run that the next one resumes, which can only be the newest.
func unfinished(ctx context.Context, q querier) (*storedRun, error) {
	var r storedRun
	var started, outcome string
	err := q.QueryRowContext(ctx,
		"SELECT seq, id, fingerprint, started, outcome, full, planned, starts > 1, stats FROM runs "+
			"ORDER BY seq DESC LIMIT 1").
		Scan(&r.seq, &r.ID, &r.fingerprint, &started, &outcome, &r.Full, &r.Planned, &r.Resumed, (*blob)(&r.Stats))
	if errors.Is(err, sql.ErrNoRows) || err == nil && (Outcome(outcome) == Complete || Outcome(outcome) == Abandoned) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.Started, err = parseTime(started); err != nil {
		return nil, err
	}
	return &r, nil
}

func start(ctx context.Context, tx *sql.Conn, b Begin) (*storedRun, error) {
	var used bool
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?)", b.ID).Scan(&used); err != nil {
		return nil, err
	}
	if used {
		return nil, usedID(b.ID)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO runs (id, fingerprint, started, outcome, full, base)
		VALUES (?, ?, ?, ?, ?, coalesce((SELECT max(seq) FROM splits), 0))`,
		b.ID, b.Fingerprint, formatTime(b.Now), string(Running), b.Full)
	if err == nil && b.Full {
		_, err = tx.ExecContext(ctx, "UPDATE seats SET settled = 0")
	}
	return &storedRun{Run: Run{ID: b.ID, Started: b.Now.UTC().Round(0), Full: b.Full}}, err
}

// reopen starts a run again.
func reopen(ctx context.Context, tx *sql.Conn, seq int64, fingerprint string) error {
	if _, err := tx.ExecContext(ctx, "UPDATE runs SET outcome = ?, ended = '', starts = starts + 1, fingerprint = ? "+
		"WHERE seq = ?",
		string(Running), fingerprint, seq); err != nil {
		return err
	}
	return changeSums(ctx, tx, func(sums *Sums) error {
		_, err := collect(ctx, tx, func(row scanner) (struct{}, error) {
			now, err := scanCounted(row)
			before := now
			before.Status = Broken
			sums.Change(before, now)
			return struct{}{}, err
		}, "UPDATE splits SET status = 'open', seat = NULL, problem = '' WHERE status <> 'done' AND "+
			"status = 'broken' RETURNING "+countedColumns)
		return err
	})
}

// end records the end of a run. A run that will not be resumed keeps only the counts of its splits.
// If it is complete, its splits are the previous ones from then on.
func end(ctx context.Context, tx *sql.Conn, seq int64, o Outcome, now time.Time) error {
	var text string
	if err := tx.QueryRowContext(ctx, "SELECT started FROM runs WHERE seq = ?", seq).Scan(&text); err != nil {
		return err
	}
	started, err := parseTime(text)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE runs SET outcome = ?, ended = ? WHERE seq = ?", string(o),
		formatTime(notBefore(now, started)), seq); err != nil {
		return err
	}
	if o != Complete && o != Abandoned {
		return nil
	}
	sums, err := readSums(ctx, tx)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(sums.Splits())
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE runs SET counts = ?, stats = NULL WHERE seq = ?", string(raw),
		seq); err != nil {
		return err
	}
	if o == Abandoned {
		if _, err := tx.ExecContext(ctx,
			"DELETE FROM splits WHERE run = ?1 AND seq > (SELECT base FROM runs WHERE seq = ?1)", seq); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM sums")
	return err
}

// sqliteCoordinator is a [Coordinator].
type sqliteCoordinator struct {
	s   *SQLite
	run Run
}

// write runs f in a transaction if the run has no other coordinator. f receives the run's number,
// and whether it is planned.
func (c *sqliteCoordinator) write(
	ctx context.Context, level string, f func(ctx context.Context, tx *sql.Conn, seq int64, planned bool) error,
) error {
	return c.s.write(ctx, level, func(ctx context.Context, tx *sql.Conn) error {
		seq, planned, err := coordinated(ctx, tx, c.run)
		if err != nil {
			return err
		}
		return f(ctx, tx, seq, planned)
	})
}

// coordinated returns the number of a run, and whether it is planned, if it still has the same
// coordinator.
func coordinated(ctx context.Context, tx *sql.Conn, run Run) (seq int64, planned bool, err error) {
	err = tx.QueryRowContext(ctx,
		"SELECT seq, planned FROM runs, holder WHERE id = ? AND epoch = ? AND epoch > 0", run.ID, run.Epoch).Scan(&seq,
		&planned)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, runFenced(run.ID)
	}
	return seq, planned, err
}

// Hold implements [Coordinator]. It holds the lock of a transaction that changes nothing. The
// system gives that lock to no other process while this one lives, even while it is stopped.
func (c *sqliteCoordinator) Hold(ctx context.Context, f func(ctx context.Context)) error {
	return c.write(ctx, kept, func(context.Context, *sql.Conn, int64, bool) error {
		f(ctx)
		return nil
	})
}

// Plan implements [Coordinator].
func (c *sqliteCoordinator) Plan(ctx context.Context, pages iter.Seq2[[]sdk.Split, error]) error {
	next, stop := iter.Pull2(pages)
	defer stop()
	first, err, more := next()
	if err != nil {
		return err
	}
	return c.write(ctx, durable, func(ctx context.Context, tx *sql.Conn, seq int64, planned bool) error {
		if planned {
			return plannedTwice(c.run.ID)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET planned = 1 WHERE seq = ?", seq); err != nil {
			return err
		}
		for n, page := 0, first; more; page, err, more = next() {
			if err != nil {
				return err
			}
			if err := planPage(ctx, tx, seq, page, n); err != nil {
				return err
			}
			n += len(page)
		}
		return nil
	})
}

// planPage stores a page of a plan. All ids must be new. before is the number of splits in earlier
// pages.
func planPage(ctx context.Context, tx *sql.Conn, seq int64, page []sdk.Split, before int) error {
	if err := named(page, before); err != nil {
		return err
	}
	added, err := add(ctx, tx, seq, page)
	if err != nil || len(added) == len(page) {
		return err
	}
	i := 0
	for i < len(added) && added[i].ID == page[i].ID {
		i++
	}
	return splitTwice(page[i].ID)
}

// add appends the splits with unknown ids, and returns them.
func add(ctx context.Context, tx *sql.Conn, seq int64, splits []sdk.Split) (added []sdk.Split, err error) {
	if len(splits) == 0 {
		return nil, nil
	}
	insert, err := tx.PrepareContext(ctx,
		"INSERT INTO splits (run, id, stream, data, cursor, estimate) VALUES (?, ?, ?, ?, ?, ?) "+
			"ON CONFLICT (id, run) DO NOTHING")
	if err != nil {
		return nil, err
	}
	defer func() { _ = insert.Close() }() // only closes a statement
	return added, changeSums(ctx, tx, func(sums *Sums) error {
		for _, p := range splits {
			res, err := insert.ExecContext(ctx, seq, p.ID, p.Stream, []byte(p.Data), p.Cursor, p.Estimate)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			if n > 0 {
				added = append(added, p)
				sums.Add(Split{Split: p, Status: Open})
			}
		}
		return nil
	})
}

// Finish implements [Coordinator].
func (c *sqliteCoordinator) Finish(ctx context.Context, outcome Outcome, e End) error {
	return c.write(ctx, durable, func(ctx context.Context, tx *sql.Conn, seq int64, planned bool) error {
		sums, err := readSums(ctx, tx)
		if err != nil {
			return err
		}
		seats, err := readSeats(ctx, tx)
		if err != nil {
			return err
		}
		if err := mayFinish(c.run.ID, outcome, planned, sums.Splits(), seats); err != nil {
			return err
		}
		if outcome == Complete {
			if err := replacePrevious(ctx, tx, seq); err != nil {
				return err
			}
		}
		if err := end(ctx, tx, seq, outcome, e.Now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET gaps = ? WHERE seq = ?", e.Gaps, seq); err != nil {
			return err
		}
		return fence(ctx, tx)
	})
}

// replacePrevious deletes the previous splits that splits of this run replace, and those that this
// run skipped.
func replacePrevious(ctx context.Context, tx *sql.Conn, seq int64) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM splits WHERE status <> 'done'"); err != nil {
		return err
	}
	var full, any bool
	if err := tx.QueryRowContext(ctx, "SELECT full, EXISTS (SELECT 1 FROM splits WHERE seq <= base) FROM runs "+
		"WHERE seq = ?", seq).Scan(&full, &any); err != nil || !any {
		return err
	}
	which := "run <> ?1"
	if !full {
		which = `seq IN (SELECT old.seq FROM splits AS new JOIN splits AS old ON old.id = new.id AND old.run <> new.run
			WHERE new.run = ?1 AND new.seq > (SELECT base FROM runs WHERE seq = ?1))`
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM splits WHERE "+which, seq)
	return err
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
