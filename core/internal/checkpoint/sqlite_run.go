// SQLite: the life of a run. Every change begins with the question whether the run is held still.

package checkpoint

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Begin implements [Store].
func (s *SQLite) Begin(ctx context.Context, b Begin) (run Run, err error) {
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
		return raise(ctx, tx, &run)
	})
	if err != nil {
		return Run{}, err
	}
	return run, nil
}

// Join implements [Store].
func (s *SQLite) Join(ctx context.Context, run Run) (Run, error) {
	err := s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		if _, _, err := held(ctx, tx, run); err != nil {
			return err
		}
		return raise(ctx, tx, &run)
	})
	return run, err
}

// raise gives the holder an epoch that nobody ever had.
func raise(ctx context.Context, tx *sql.Conn, run *Run) error {
	return tx.QueryRowContext(ctx,
		"UPDATE holder SET last = last + 1, epoch = last + 1 RETURNING epoch").Scan(&run.Epoch)
}

// identity returns what identifies the pipeline, made at its first run. Files of earlier versions have no table for it.
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

// storedRun is a run with what the database alone knows of it.
type storedRun struct {
	Run
	seq         int64
	fingerprint string
}

// unfinished returns the run that the next one goes on with: only the newest can be it.
func unfinished(ctx context.Context, tx *sql.Conn) (*storedRun, error) {
	r := storedRun{Run: Run{Resumed: true}}
	var started, outcome string
	err := tx.QueryRowContext(ctx,
		"SELECT seq, id, fingerprint, started, outcome, full, planned, stats FROM runs ORDER BY seq DESC LIMIT 1").
		Scan(&r.seq, &r.ID, &r.fingerprint, &started, &outcome, &r.Full, &r.Planned, (*blob)(&r.Stats))
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
	_, err := tx.ExecContext(ctx, "INSERT INTO runs (id, fingerprint, started, outcome, full) VALUES (?, ?, ?, ?, ?)",
		b.ID, b.Fingerprint, formatTime(b.Now), string(Running), b.Full)
	return &storedRun{Run: Run{ID: b.ID, Started: b.Now.UTC().Round(0), Full: b.Full}}, err
}

// reopen starts a run once more.
func reopen(ctx context.Context, tx *sql.Conn, seq int64, fingerprint string) error {
	if _, err := tx.ExecContext(ctx, "UPDATE runs SET outcome = ?, ended = '', starts = starts + 1, fingerprint = ? WHERE seq = ?",
		string(Running), fingerprint, seq); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE splits SET status = ?, problem = '' WHERE run = ? AND status = ?", string(Open), seq, string(Broken))
	return err
}

// end notes how a run ended. A run that nobody goes on with keeps the counts of its splits alone.
func end(ctx context.Context, tx *sql.Conn, seq int64, o Outcome, now time.Time) error {
	if _, err := tx.ExecContext(ctx, "UPDATE runs SET outcome = ?, ended = ? WHERE seq = ?", string(o), formatTime(now), seq); err != nil {
		return err
	}
	if o != Complete && o != Abandoned {
		return nil
	}
	counts, err := countSplits(ctx, tx, seq)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE runs SET counts = ? WHERE seq = ?", string(raw), seq); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM splits WHERE run = ?", seq)
	return err
}

// held returns the number of a run, and whether it is planned, if run holds it still.
func held(ctx context.Context, tx *sql.Conn, run Run) (seq int64, planned bool, err error) {
	err = tx.QueryRowContext(ctx,
		"SELECT seq, planned FROM runs, holder WHERE id = ? AND epoch = ? AND epoch > 0", run.ID, run.Epoch).Scan(&seq, &planned)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, runFenced(run.ID)
	}
	return seq, planned, err
}

// Hold implements [Store]. It is a transaction that changes nothing: the system gives its lock to nobody else as long as this process
// lives, also while it is stopped.
func (s *SQLite) Hold(ctx context.Context, run Run, f func()) error {
	return s.write(ctx, kept, func(ctx context.Context, tx *sql.Conn) error {
		if _, _, err := held(ctx, tx, run); err != nil {
			return err
		}
		f()
		return nil
	})
}

// Plan implements [Store].
func (s *SQLite) Plan(ctx context.Context, run Run, splits []sdk.Split) error {
	return s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		seq, planned, err := held(ctx, tx, run)
		if err != nil {
			return err
		}
		if planned {
			return plannedTwice(run.ID)
		}
		if err := planable(splits); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET planned = 1 WHERE seq = ?", seq); err != nil {
			return err
		}
		return add(ctx, tx, seq, splits)
	})
}

// add appends the splits whose ids are not known.
func add(ctx context.Context, tx *sql.Conn, seq int64, splits []sdk.Split) error {
	if len(splits) == 0 {
		return nil
	}
	insert, err := tx.PrepareContext(ctx,
		"INSERT INTO splits (run, id, stream, data, cursor, estimate) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run, id) DO NOTHING")
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }() // nothing is pending in it
	for _, p := range splits {
		if _, err := insert.ExecContext(ctx, seq, p.ID, p.Stream, []byte(p.Data), p.Cursor, p.Estimate); err != nil {
			return err
		}
	}
	return nil
}

// Claim implements [Store]. A claim need not outlive a power failure: nobody else does either.
func (s *SQLite) Claim(ctx context.Context, run Run, id string) (out Split, err error) {
	err = s.write(ctx, kept, func(ctx context.Context, tx *sql.Conn) error {
		seq, _, err := held(ctx, tx, run)
		if err != nil {
			return err
		}
		out, err = scanSplit(tx.QueryRowContext(ctx,
			"UPDATE splits SET epoch = epoch + 1 WHERE run = ? AND id = ? RETURNING "+splitColumns, seq, id))
		if errors.Is(err, sql.ErrNoRows) {
			return unknownSplit(run.ID, id)
		}
		return err
	})
	return out, err
}

// Commit implements [Store].
func (s *SQLite) Commit(ctx context.Context, run Run, c Commit) error {
	return s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		seq, _, err := held(ctx, tx, run)
		if err != nil {
			return err
		}
		if err := named(c.New); err != nil {
			return err
		}
		if err := advance(ctx, tx, seq, run.ID, c.Splits); err != nil {
			return err
		}
		for stage, t := range c.Tokens {
			if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO tokens (stage, run, token) VALUES (?, ?, ?)", stage, run.ID, []byte(t)); err != nil {
				return err
			}
		}
		if c.Stats != nil {
			if _, err := tx.ExecContext(ctx, "UPDATE runs SET stats = ? WHERE seq = ?", c.Stats, seq); err != nil {
				return err
			}
		}
		return add(ctx, tx, seq, c.New)
	})
}

// advance stores how far the splits are, if every one of them is held still.
func advance(ctx context.Context, tx *sql.Conn, seq int64, run string, splits []Progress) error {
	if len(splits) == 0 {
		return nil
	}
	update, err := tx.PrepareContext(ctx, `UPDATE splits SET cursor = ?, status = ?, records = ?, problem = ?
		WHERE run = ? AND id = ? AND epoch = ? AND epoch > 0`)
	if err != nil {
		return err
	}
	defer func() { _ = update.Close() }() // nothing is pending in it
	for _, p := range splits {
		res, err := update.ExecContext(ctx, p.Cursor, string(p.Status), p.Records, p.Problem, seq, p.ID, p.Epoch)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, notHeld(ctx, tx, seq, run, p.ID))
		}
	}
	return nil
}

// notHeld says why a split could not be stored.
func notHeld(ctx context.Context, tx *sql.Conn, seq int64, run, id string) error {
	var known bool
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM splits WHERE run = ? AND id = ?)", seq, id).Scan(&known); err != nil {
		return err
	}
	if !known {
		return unknownSplit(run, id)
	}
	return splitFenced(id)
}

// Finish implements [Store].
func (s *SQLite) Finish(ctx context.Context, run Run, outcome Outcome, report []byte) error {
	return s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		seq, planned, err := held(ctx, tx, run)
		if err != nil {
			return err
		}
		counts, err := countSplits(ctx, tx, seq)
		if err != nil {
			return err
		}
		if err := mayFinish(run.ID, outcome, planned, counts); err != nil {
			return err
		}
		if outcome == Complete {
			if err := keep(ctx, tx, seq); err != nil {
				return err
			}
		}
		if err := end(ctx, tx, seq, outcome, time.Now()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET report = ? WHERE seq = ?", report, seq); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE holder SET epoch = 0")
		return err
	})
}

// keep makes the splits of a complete run the previous ones.
func keep(ctx context.Context, tx *sql.Conn, seq int64) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM previous WHERE (SELECT full FROM runs WHERE seq = ?)", seq); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO previous (id, stream, data, cursor, estimate)
		SELECT id, stream, data, cursor, estimate FROM splits WHERE run = ? AND status = ?`, seq, string(Done))
	return err
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

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
