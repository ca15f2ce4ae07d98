// The state: the owner of a table, the commit up to which it holds records, and the instance that
// may write. Its rows are written in the transaction of the data.

package sqlsink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// stateTable has a row for each table and seat.
const stateTable = "_scrapekit_tables"

var stateLayout = &table{
	name: stateTable, mode: Upsert, newer: -1, extra: -1, raw: -1, keys: []int{0, 1},
	cols: []column{{name: "name", kind: text}, {name: "seat", kind: integer}, {name: "pipeline", kind: text},
		{name: "shape", kind: text}, {name: "epoch", kind: integer}, {name: "last_commit", kind: integer},
		{name: "run", kind: text}, {name: "base", kind: integer}, {name: "whole", kind: boolean},
		{name: "finished", kind: text}},
}

// holding is a row of the state.
type holding struct {
	name, pipeline, shape string
	seat                  int
	epoch, last, base     int64
	run                   string
	whole                 bool
	finished              string // the run whose Finish was done
}

// token is the state at a commit.
type token struct {
	N      int64    `json:"n"`                // commits of this seat are numbered
	Tables []string `json:"tables,omitempty"` // that hold records
	// Rejected are tables that lack records of this run, because the sink rejected them.
	Rejected []string `json:"rejected,omitempty"`
}

func parseToken(raw sdk.Token) (token, error) {
	var t token
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil || !strings.HasPrefix(string(raw), `{"n":`) || t.N < 0 {
		return t, sdk.Permanent(errors.New("the token is none of this sink's"))
	}
	return t, nil
}

// seatBits is the number of bits for the commits of a seat. The bits above them hold the seat.
const seatBits = 40

// number is a commit's number in the rows of tables.
func (s *Sink) number(n int64) int64 { return int64(s.start.Seat)<<seatBits | n }

// above is a condition for what a seat has written after a commit.
func (s *Sink) above(column string, n int64) string {
	q := s.dialect.quote(column)
	return fmt.Sprintf("%s > %d AND %s < %d", q, s.number(n), q, s.number(0)+1<<seatBits)
}

// shape is the layout that follows from a table's mode and key. A table may change between modes of
// the same shape.
func (t *table) shape() string {
	kind := "rows"
	switch {
	case t.mode == History:
		kind = "versions"
	case t.keyed():
		kind = "keys"
	}
	var keys []string
	for _, c := range t.keyColumns() {
		keys = append(keys, c.name)
	}
	if kind == "rows" {
		return kind
	}
	return kind + " by " + strings.Join(keys, ", ")
}

// holdings reads the rows of the state of the sink's tables, of all seats, and locks them.
func (s *Sink) holdings(ctx context.Context, x execer) ([]holding, error) {
	if len(s.tables) == 0 {
		return nil, nil
	}
	name, args := []column{stateLayout.cols[0]}, []any(nil)
	for _, t := range s.inOrder() {
		args = append(args, t.name)
	}
	query := "SELECT " + list(s.dialect, stateLayout.cols) + " FROM " + s.dialect.table(stateTable) + " WHERE " +
		in(s.dialect, name, len(args)) + " ORDER BY 1, 2" + s.dialect.forUpdate()
	rows, err := x.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	var out []holding
	for rows.Next() {
		var h holding
		if err := rows.Scan(&h.name, &h.seat, &h.pipeline, &h.shape, &h.epoch, &h.last, &h.run, &h.base, &h.whole,
			&h.finished); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

// take makes this instance the owner of the tables, and restores them to the token.
func (s *Sink) take(ctx context.Context, x execer) error {
	rows, err := s.holdings(ctx, x)
	if err != nil {
		return err
	}
	byTable := map[string][]holding{}
	for _, h := range rows {
		byTable[h.name] = append(byTable[h.name], h)
	}
	at := token{}
	given := s.start.Token != nil && !s.start.Full
	if given {
		if at, err = parseToken(s.start.Token); err != nil {
			return err
		}
	}
	s.rejected = map[string]bool{}
	for _, name := range at.Rejected {
		s.rejected[name] = s.start.Resume
	}
	s.n = at.N
	for _, t := range s.inOrder() {
		of := byTable[t.name]
		if err := s.mayTake(ctx, x, t, of); err != nil {
			return err
		}
		i := slices.IndexFunc(of, func(h holding) bool { return h.seat == s.start.Seat })
		switch {
		case given && slices.Contains(at.Tables, t.name) && (i < 0 || of[i].last < at.N || s.created[t.name]):
			return sdk.Permanent(fmt.Errorf(
				"%s does not hold what was committed: was the database restored, or another "+
					"one? --full starts over", s.dialect.table(t.name)))
		case given || i < 0:
		case of[i].run == s.start.Run:
			s.n = max(s.n, of[i].base)
		default:
			s.n = max(s.n, of[i].last)
		}
	}
	s.whole = s.start.Full || s.start.Seat == 0 && s.start.Token == nil
	for _, h := range rows {
		if h.run == s.start.Run {
			s.whole = h.whole
		}
	}
	for _, t := range s.inOrder() {
		if err := s.takeOne(ctx, x, t, byTable[t.name]); err != nil {
			return err
		}
	}
	s.filled = map[string]bool{}
	for _, name := range at.Tables {
		s.filled[name] = true
	}
	return nil
}

// mayTake refuses tables of another owner.
func (s *Sink) mayTake(ctx context.Context, x execer, t *table, of []holding) error {
	name := s.dialect.table(t.name)
	if len(of) == 0 && !s.created[t.name] {
		filled, err := count(ctx, x, "(SELECT 1 FROM "+name+" LIMIT 1) AS one")
		if err != nil {
			return err
		}
		if filled > 0 {
			return sdk.Permanent(fmt.Errorf(
				"the table %s is there, has rows, and is not this sink's: rename or drop it, or "+
					"set another table", name))
		}
	}
	for _, h := range of {
		switch {
		case h.pipeline != s.start.Pipeline:
			return sdk.Permanent(fmt.Errorf(
				"the table %s is that of another pipeline, %s, and this one is %s: set another "+
					"table; if that pipeline is gone, drop the table, and delete its rows in %s", name, h.pipeline,
				s.start.Pipeline, s.dialect.table(stateTable)))
		case h.shape != t.shape():
			return sdk.Permanent(fmt.Errorf(
				"the table %s holds %s, and mode %q needs %s: set another table; or drop it, "+
					"delete its rows in %s, and run with --full", name, h.shape, t.mode, t.shape(),
				s.dialect.table(stateTable)))
		case h.seat == s.start.Seat && h.epoch == s.start.Epoch:
			return sdk.Permanent(fmt.Errorf(
				"the table %s is written by another sink of this pipeline: set another table for "+
					"one of the two", name))
		case h.seat == s.start.Seat && h.epoch > s.start.Epoch:
			return s.fenced()
		}
	}
	if t.mode == Replace && !s.wholeBy(of) {
		return sdk.Permanent(fmt.Errorf(
			"stream %s: mode \"replace\" puts a whole run in the place of the one before, and this "+
				"run reads only what is new: run with --full, or set mode = \"mirror\"", t.stream))
	}
	return nil
}

// wholeBy reports whether the run reads everything, by what a table's rows of the state say.
func (s *Sink) wholeBy(of []holding) bool {
	for _, h := range of {
		if h.run == s.start.Run {
			return h.whole
		}
	}
	return s.start.Full || s.start.Seat == 0 && s.start.Token == nil
}

func (s *Sink) fenced() error {
	return sdk.Permanent(fmt.Errorf("%s: another process of this pipeline writes there now", s.dialect.place()))
}

// takeOne restores one table to the token, and records its owner.
func (s *Sink) takeOne(ctx context.Context, x execer, t *table, of []holding) error {
	first := !slices.ContainsFunc(of, func(h holding) bool { return h.run == s.start.Run })
	for _, statement := range s.back(t, first) {
		if _, err := x.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	base, finished := s.n, ""
	i := slices.IndexFunc(of, func(h holding) bool { return h.seat == s.start.Seat })
	if i >= 0 && of[i].run == s.start.Run {
		base, finished = of[i].base, of[i].finished
	}
	values := []any{t.name, s.start.Seat, s.start.Pipeline, t.shape(), s.start.Epoch, s.n, s.start.Run, base,
		s.dialect.bool(s.whole), finished}
	statement := ""
	if i < 0 {
		var marks []string
		for n, c := range stateLayout.cols {
			marks = append(marks, s.dialect.cast(n+1, c.kind))
		}
		statement = "INSERT INTO " + s.dialect.table(stateTable) + " (" + list(s.dialect, stateLayout.cols) +
			") VALUES (" +
			strings.Join(marks, ", ") + ")"
	} else {
		var sets []string
		for n, c := range stateLayout.cols[2:] {
			sets = append(sets, s.dialect.quote(c.name)+" = "+s.dialect.cast(n+1, c.kind))
		}
		statement = "UPDATE " + s.dialect.table(stateTable) + " SET " + strings.Join(sets, ", ") + " WHERE name = " +
			s.dialect.cast(len(values)-1, text) + " AND seat = " + s.dialect.cast(len(values), integer)
		values = append(values[2:], values[0], values[1])
	}
	_, err := x.ExecContext(ctx, statement, values...)
	return err
}

// back are the statements that restore a table to the token. first: no instance has opened it in
// this run.
func (s *Sink) back(t *table, first bool) []string {
	into := t.into()
	from := "DELETE FROM " + s.dialect.table(into.name)
	switch {
	case first && (t.mode == Replace || t.mode == Append && s.whole):
		return []string{from}
	case into.mode == Upsert || into.mode == Mirror:
		return nil // repeated records replace the existing rows
	case t.mode == History:
		q := s.dialect.quote
		return []string{from + " WHERE " + s.above(commitColumn, s.n),
			"UPDATE " + s.dialect.table(t.name) + " SET " + q(toColumn) + " = NULL, " + q(currentColumn) + " = " +
				s.dialect.boolean(true) + ", " + q(endedColumn) + " = NULL WHERE " + s.above(endedColumn, s.n)}
	}
	return []string{from + " WHERE " + s.above(commitColumn, s.n)}
}

// keep records a commit in the state, in the transaction of its data. It fails if another instance
// has taken a table since.
func (s *Sink) keep(ctx context.Context, x execer, n int64) error {
	names := s.inOrder()
	if len(names) == 0 {
		return nil
	}
	args := []any{}
	for _, t := range names {
		args = append(args, t.name)
	}
	res, err := x.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET last_commit = %d WHERE %s AND seat = %d AND epoch = %d",
		s.dialect.table(stateTable), n, in(s.dialect, stateLayout.cols[:1], len(args)), s.start.Seat, s.start.Epoch),
		args...)
	if err != nil {
		return err
	}
	held, err := res.RowsAffected()
	if err == nil && held != int64(len(names)) {
		return s.fenced()
	}
	return err
}
