// SQLite: the operations of a seat's holder. Each first checks that the seat is still held.

package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Join implements [Store].
func (s *SQLite) Join(ctx context.Context, run Run, seat int) (sat Seat, held Held, err error) {
	err = s.write(ctx, durable, func(ctx context.Context, tx *sql.Conn) error {
		if _, _, err := coordinated(ctx, tx, run); err != nil {
			return err
		}
		seats, err := readSeats(ctx, tx)
		if err != nil {
			return err
		}
		sat.N = seat
		if seat == AnySeat {
			sat.N = anySeat(seats)
		}
		if sat.Epoch, err = raise(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx,
			"INSERT OR REPLACE INTO seats (seat, epoch, until, settled) VALUES (?, ?, ?, 0)",
			sat.N, sat.Epoch, leased()); err != nil {
			return err
		}
		sat.Tokens = map[string]Token{}
		for _, before := range seats {
			if before.N == sat.N {
				sat.Tokens = before.Tokens
			}
		}
		sat.Run, _, err = current(ctx, tx)
		return err
	})
	if err != nil {
		return Seat{}, nil, err
	}
	return sat, &sqliteHeld{s: s, run: run.ID, seat: sat.N, epoch: sat.Epoch}, nil
}

// leased returns the end of a lease that begins now, in Unix milliseconds. The store's clock is
// that of the machine with the file.
func leased() int64 { return time.Now().Add(Lease).UnixMilli() }

// Seats implements [View].
func (s *SQLite) Seats(ctx context.Context) (out []SeatInfo, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out, err = readSeats(ctx, tx)
		return err
	})
	return out, err
}

// sqliteHeld is a [Held].
type sqliteHeld struct {
	s     *SQLite
	run   string
	seat  int
	epoch int64

	mu      sync.Mutex
	claimed bool  // the first claim is done
	after   int64 // the next claim starts after this place
}

// write runs f in a transaction if the seat is still held, then renews its lease. f receives the
// run's number.
func (h *sqliteHeld) write(
	ctx context.Context, level string, f func(ctx context.Context, tx *sql.Conn, seq int64) error,
) error {
	return h.s.write(ctx, level, func(ctx context.Context, tx *sql.Conn) error {
		var seq int64
		err := tx.QueryRowContext(ctx,
			"SELECT runs.seq FROM runs, seats WHERE runs.id = ? AND seats.seat = ? AND seats.epoch = ?",
			h.run, h.seat, h.epoch).Scan(&seq)
		if errors.Is(err, sql.ErrNoRows) {
			return seatFenced(h.run, h.seat)
		}
		if err != nil {
			return err
		}
		if err := f(ctx, tx, seq); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE seats SET until = ? WHERE seat = ?", leased(), h.seat)
		return err
	})
}

// Hold implements [Held]. The system gives the lock of its transaction to no other process while
// this one lives, even while it is stopped.
func (h *sqliteHeld) Hold(ctx context.Context, f func(ctx context.Context)) error {
	return h.write(ctx, kept, func(context.Context, *sql.Conn, int64) error {
		f(ctx)
		return nil
	})
}

// Renew implements [Held].
func (h *sqliteHeld) Renew(ctx context.Context) error {
	return h.write(ctx, kept, func(context.Context, *sql.Conn, int64) error { return nil })
}

// Leave implements [Held].
func (h *sqliteHeld) Leave(ctx context.Context) error {
	return h.write(ctx, durable, func(ctx context.Context, tx *sql.Conn, _ int64) error {
		if err := h.giveBack(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE seats SET epoch = 0, settled = 1 WHERE seat = ?", h.seat)
		return err
	})
}

// giveBack releases the splits that the seat holds.
func (h *sqliteHeld) giveBack(ctx context.Context, tx *sql.Conn) error {
	_, err := tx.ExecContext(ctx, "UPDATE splits SET seat = NULL WHERE seat = ?", h.seat)
	return err
}

// Claim implements [Held]. A claim need not survive a power failure, because no holder does.
func (h *sqliteHeld) Claim(ctx context.Context, n int) (out []Split, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	err = h.write(ctx, kept, func(ctx context.Context, tx *sql.Conn, seq int64) error {
		if !h.claimed {
			if err := h.giveBack(ctx, tx); err != nil {
				return err
			}
		}
		q := Query{Status: Open, Free: true, After: h.after, N: n}
		if out, err = page(ctx, tx, seq, 0, q); err == nil && len(out) == 0 && h.after > 0 {
			q.After = 0
			out, err = page(ctx, tx, seq, 0, q)
		}
		if err != nil || len(out) == 0 {
			return err
		}
		for i := range out {
			out[i].Epoch++
			out[i].Seat = h.seat
		}
		_, err = tx.ExecContext(ctx, `UPDATE splits SET epoch = epoch + 1, seat = ?
			WHERE status = 'open' AND seat IS NULL AND seq >= ? AND seq <= ?`,
			h.seat, out[0].Place, out[len(out)-1].Place)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.claimed = true
	if len(out) > 0 {
		h.after = out[len(out)-1].Place
	}
	return out, nil
}

// Commit implements [Held].
func (h *sqliteHeld) Commit(ctx context.Context, c Commit) (added []sdk.Split, err error) {
	err = h.write(ctx, durable, func(ctx context.Context, tx *sql.Conn, seq int64) error {
		if err := named(c.New, 0); err != nil {
			return err
		}
		if err := h.advance(ctx, tx, seq, c.Splits); err != nil {
			return err
		}
		for stage, t := range c.Tokens {
			if _, err := tx.ExecContext(ctx,
				"INSERT OR REPLACE INTO tokens (stage, seat, run, token) VALUES (?, ?, ?, ?)",
				stage, h.seat, h.run, []byte(t)); err != nil {
				return err
			}
		}
		if err := count(ctx, tx, seq, c.Stats); err != nil {
			return err
		}
		added, err = add(ctx, tx, seq, c.New)
		return err
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

// count adds delta to the stats of the run.
func count(ctx context.Context, tx *sql.Conn, seq int64, delta []byte) error {
	if delta == nil {
		return nil
	}
	var so blob
	if err := tx.QueryRowContext(ctx, "SELECT stats FROM runs WHERE seq = ?", seq).Scan(&so); err != nil {
		return err
	}
	sum, err := addStats(so, delta)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE runs SET stats = ? WHERE seq = ?", sum, seq)
	return err
}

// advance stores the progress of the splits, if the seat still holds all of them.
func (h *sqliteHeld) advance(ctx context.Context, tx *sql.Conn, seq int64, splits []Progress) error {
	if len(splits) == 0 {
		return nil
	}
	find, err := tx.PrepareContext(ctx,
		"SELECT "+countedColumns+" FROM splits WHERE id = ? AND run = ? AND epoch = ? AND seat = ?")
	if err != nil {
		return err
	}
	defer func() { _ = find.Close() }() // only closes a statement
	update, err := tx.PrepareContext(ctx,
		"UPDATE splits SET cursor = ?, status = ?, seat = ?, records = ?, problem = ? WHERE seq = ?")
	if err != nil {
		return err
	}
	defer func() { _ = update.Close() }() // only closes a statement
	return changeSums(ctx, tx, func(sums *Sums) error {
		for _, p := range splits {
			before, err := scanCounted(find.QueryRowContext(ctx, p.ID, seq, p.Epoch, h.seat))
			if errors.Is(err, sql.ErrNoRows) {
				return notHeld(ctx, tx, seq, h.run, p.ID)
			}
			if err != nil {
				return err
			}
			seat := sql.NullInt64{Int64: int64(h.seat), Valid: !ended(p.Status)}
			_, err = update.ExecContext(ctx, p.Cursor, string(p.Status), seat, p.Records, p.Problem, before.Place)
			if err != nil {
				return err
			}
			now := before
			now.Status, now.Records = p.Status, p.Records
			sums.Change(before, now)
		}
		return nil
	})
}

// notHeld returns the error of a split that could not be stored.
func notHeld(ctx context.Context, tx *sql.Conn, seq int64, run, id string) error {
	var known bool
	err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM splits WHERE run = ? AND id = ?)", seq,
		id).Scan(&known)
	if err != nil {
		return err
	}
	if !known {
		return unknownSplit(run, id)
	}
	return splitFenced(id)
}
