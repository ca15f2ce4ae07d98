// The sink: its life from New to Close.

package sqlsink

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Sink writes streams into tables of one database.
type Sink struct {
	options Options
	minRows minRows
	dialect Dialect
	dialer  *sdk.Dialer
	db      *sql.DB
	conn    *sql.Conn
	session *session // the open transaction; nil: none

	start    sdk.Start
	n        int64 // the commit that the tables are at
	whole    bool  // the run reads everything
	tables   map[string]*table
	ignored  map[string]bool // streams without a table
	created  map[string]bool // tables that this instance has made
	filled   map[string]bool // tables that hold records
	rejected map[string]bool // tables that lack records of this run
	notes    []string        // what is called otherwise in the database

	reader   *reader
	buffered []operation
	size     int // of buffered, in bytes
}

// New returns the sink of these settings.
func New(ctx context.Context, d Dialect, o Options) (*Sink, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Changes = o.Changes.filled()
	least, err := parseMinRows(o.MinRows)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	return &Sink{options: o, minRows: least, dialect: d, dialer: sdk.DialerOf(ctx), reader: newReader(d)}, nil
}

// Guarantee implements [sdk.Guarantor]. It says what the mode does too, for `plan`.
func (s *Sink) Guarantee() sdk.Guarantee {
	g := sdk.Guarantee{Delivery: sdk.OncePerKey, Why: "data and token are committed together"}
	if s.options.Mode == Append || s.options.Mode == Replace {
		g.Delivery = sdk.ExactlyOnce
	}
	g.Why += "; " + s.options.effect()
	if s.dialect.login() {
		g.Why += "; the sink's process knows the password"
	}
	return g
}

// Check implements [sdk.Checker].
func (s *Sink) Check(ctx context.Context) error {
	db, err := s.dialect.open(ctx, s.dialer)
	if err != nil {
		return err
	}
	return errors.Join(s.dialect.classed(s.dialect.check(ctx, db, s.options.DDL == "on")), db.Close())
}

// Open implements [sdk.Opener].
func (s *Sink) Open(ctx context.Context, start sdk.Start) error {
	s.start, s.ignored = start, map[string]bool{}
	if start.Token != nil && !start.Full {
		if _, err := parseToken(start.Token); err != nil {
			return err
		}
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.migrate(ctx, start.Streams); err != nil {
		return s.dialect.classed(err)
	}
	for _, note := range s.notes {
		sdk.Log(ctx).Info("a name is another in the database", "what", note)
	}
	return s.dialect.classed(s.within(ctx, s.take))
}

func (s *Sink) connect(ctx context.Context) (err error) {
	if s.db, err = s.dialect.open(ctx, s.dialer); err != nil {
		return err
	}
	s.conn, err = s.db.Conn(ctx)
	return s.dialect.classed(err)
}

// within does something in a transaction of its own.
func (s *Sink) within(ctx context.Context, do func(context.Context, execer) error) error {
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(ctx, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// inOrder are the tables in the order of their names, in which they are locked.
func (s *Sink) inOrder() []*table {
	return slices.SortedFunc(maps.Values(s.tables), func(a, b *table) int { return strings.Compare(a.name, b.name) })
}

// maxBuffered is from what size on records are loaded before their commit, in bytes.
const maxBuffered = 4 << 20

// Write implements [sdk.Sink].
func (s *Sink) Write(ctx context.Context, b sdk.Batch) error {
	t, ok := s.tables[b.Stream]
	if !ok && s.ignored[b.Stream] {
		return nil
	}
	if !ok {
		return sdk.Permanent(fmt.Errorf("stream %s was not announced", b.Stream))
	}
	rows, records, rejects, err := s.reader.rows(t, b, s.options.Changes.NewColumns)
	if err != nil {
		return err
	}
	op := operation{t: t, op: b.Op, rows: rows, records: records, at: time.Now()}
	if s.dialect.buffers() {
		s.buffered = append(s.buffered, op)
		if s.size += len(b.Payload); s.size > maxBuffered {
			err = s.unload(ctx)
		}
	} else {
		var refused sdk.Rejects
		refused, err = s.apply(ctx, op)
		rejects = append(rejects, refused...)
	}
	if err != nil {
		return s.dialect.classed(err)
	}
	s.filled[t.name] = true
	if len(rejects) > 0 {
		s.rejected[t.name] = true
	}
	return rejects.Err()
}

// unload applies what was buffered.
func (s *Sink) unload(ctx context.Context) error {
	for _, op := range s.buffered {
		rejects, err := s.apply(ctx, op)
		if err := errors.Join(err, rejects.Err()); err != nil {
			return err
		}
	}
	s.buffered, s.size = nil, 0
	return nil
}

// Commit implements [sdk.Sink].
func (s *Sink) Commit(ctx context.Context) (sdk.Token, error) {
	if err := s.unload(ctx); err != nil {
		return nil, s.dialect.classed(err)
	}
	if s.session != nil {
		if err := s.commit(ctx); err != nil {
			return nil, s.dialect.classed(err)
		}
	}
	return json.Marshal(token{N: s.n, Tables: sorted(s.filled), Rejected: sorted(s.rejected)})
}

func sorted(set map[string]bool) []string {
	var out []string
	for name, in := range set {
		if in {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (s *Sink) commit(ctx context.Context) error {
	x := s.session
	s.session = nil // whatever comes of it: the next transaction must not find this one open
	err := s.dialect.flush(ctx, x)
	if err == nil {
		err = s.keep(ctx, x.tx, s.n+1)
	}
	if err != nil {
		return errors.Join(err, x.tx.Rollback())
	}
	if err := x.tx.Commit(); err != nil {
		return err
	}
	s.n++
	return s.dialect.settle(ctx, s.conn)
}

// begin returns the open transaction, which lasts until the commit.
func (s *Sink) begin(ctx context.Context) (*session, error) {
	if s.session != nil {
		return s.session, nil
	}
	tx, err := s.conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, err
	}
	s.session = &session{conn: s.conn, tx: tx, staged: map[string]*staged{}, whole: s.whole}
	return s.session, nil
}

// Close implements io.Closer.
func (s *Sink) Close() error {
	if s.db == nil {
		return nil
	}
	var errs []error
	if s.session != nil {
		errs = append(errs, s.session.tx.Rollback())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(append(errs, s.db.Close())...)
}
