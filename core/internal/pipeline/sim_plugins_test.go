// The plugins, the store and the dead letters of a simulated run: fakes that store, each call of
// which may go wrong.

package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// The stages of a simulated run.
const (
	simSource   = "source memory"
	simDouble   = "transform double" // none, one or two records of one
	simNumber   = "transform number" // stateful: numbers the records
	simLog      = "sink log"         // cut back to its token
	simKeyed    = "sink keyed"       // idempotent by key
	simLoose    = "sink loose"       // appends, and knows no token
	simStream   = "records"
	lettersSite = "letters"
)

// staged makes a stage each start of which is a process of its own.
func staged[P any](l *life, name string, make func(p *process) P) pipeline.Stage[P] {
	return pipeline.Stage[P]{Name: name, MaxRejects: -1,
		Start: func(ctx context.Context) (pipeline.Instance[P], error) {
			p := newProcess()
			if err := l.call(ctx, p, name+" start", "", func() error { return nil }); err != nil {
				return pipeline.Instance[P]{}, err
			}
			return pipeline.Instance[P]{
				Plugin: make(p), Exited: p.gone,
				Check: func(ctx context.Context) error {
					return l.call(ctx, p, name+" check", "", func() error { return nil })
				},
				Stop: func(ctx context.Context) error {
					defer p.die()
					return l.call(ctx, p, name+" stop", "", func() error { return nil })
				},
			}, nil
		}}
}

type simReader struct {
	l *life
	p *process
}

func (s simReader) Streams(ctx context.Context) (out []sdk.Stream, err error) {
	err = s.l.call(ctx, s.p, simSource+" streams", "", func() error {
		out = []sdk.Stream{{Name: simStream, PrimaryKey: []string{"id"}}, {Name: "unwanted"}}
		return nil
	})
	return out, err
}

func (s simReader) Plan(ctx context.Context, p sdk.Plan) (out []sdk.Split, err error) {
	err = s.l.call(ctx, s.p, simSource+" plan", "", func() error {
		out = s.l.model.plan(p.Previous)
		return nil
	})
	return out, err
}

// Read emits what the model has. Each record may be the last that it comes to.
func (s simReader) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	n := position(split.Data)
	start := n
	if split.Cursor != nil {
		n = position(split.Cursor)
	}
	for ; n < s.l.model.length(split.ID); n++ {
		err := s.l.call(ctx, s.p, simSource+" read", split.ID,
			func() error { return s.emit(ctx, split.ID, start, n, w) })
		if err != nil {
			return err
		}
	}
	return s.l.call(ctx, s.p, simSource+" read", split.ID, func() error {
		if start == n || n%2 == 0 && split.Data == nil && len(split.ID) > 2 {
			return nil // what follows on the last cursor belongs to the end
		}
		err := w.Cursor(n)
		time.Sleep(nap)
		return err
	})
}

func (s simReader) emit(ctx context.Context, split string, start, n int, w *sdk.Writer) error {
	m := s.l.model
	sdk.Count(ctx, "seen", 1)
	var err error
	if m.refuser(split, n) == simSource {
		err = w.Reject(simStream, m.record(split, n), "the source refuses: "+split)
	} else {
		err = w.EmitJSON(simStream, m.record(split, n))
	}
	if err == nil && n%5 == 0 {
		err = w.Emit("unwanted", n)
	}
	for from := n; err == nil && from >= max(start, n-3); from-- { // what was found before is found again
		if child := m.child(split, from); child != "" {
			err = w.Split(sdk.Split{ID: child, Stream: simStream})
		}
	}
	if err != nil || !m.closes(split, n) {
		return err
	}
	if err = w.Cursor(n + 1); err == nil && n%3 == 0 {
		time.Sleep(nap)       // or a commit that is due now and this group would race
		err = w.Cursor(n + 1) // the same once more: a group of nothing
	}
	return err
}

// nap is a time that nothing else takes: who wakes with others goes after them.
const nap = 3 * time.Nanosecond

// simDoubler makes none, one or two records of one.
type simDoubler struct {
	l *life
	p *process
}

func (d simDoubler) Transform(ctx context.Context, b sdk.Batch) (out []sdk.Batch, err error) {
	err = d.l.call(ctx, d.p, simDouble+" transform", splitOf(b), func() error {
		var rejects sdk.Rejects
		out, rejects = d.double(b)
		return rejects.Err()
	})
	return out, err
}

func (d simDoubler) double(b sdk.Batch) ([]sdk.Batch, sdk.Rejects) {
	var out sdk.Builder
	var rejects sdk.Rejects
	for raw := range b.Records() {
		r := decodeSim(raw)
		refuser := d.l.model.refuser(r.Split, r.N)
		if refuser == simDouble {
			rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: raw, Reason: "not doubled"})
			continue
		}
		copies := d.l.model.copies(r.Split, r.N)
		if refuser == simLog {
			copies = 1
		}
		for r.Copy = range copies {
			addSim(&out, r)
		}
	}
	return out.Flush(), rejects
}

// simNumberer numbers the records. Its state is how many there were.
type simNumberer struct {
	l *life
	p *process
	n int
}

func (t *simNumberer) Open(ctx context.Context, s sdk.Start) error {
	return t.l.call(ctx, t.p, simNumber+" open", "", func() error {
		t.n = 0
		if s.Token != nil && !s.Full {
			t.n = position(s.Token)
		}
		return nil
	})
}

func (t *simNumberer) Transform(ctx context.Context, b sdk.Batch) (out []sdk.Batch, err error) {
	err = t.l.call(ctx, t.p, simNumber+" transform", splitOf(b), func() error {
		var built sdk.Builder
		for raw := range b.Records() {
			r := decodeSim(raw)
			t.n++
			r.Seq = t.n
			addSim(&built, r)
		}
		out = built.Flush()
		return nil
	})
	return out, err
}

func (t *simNumberer) Commit(ctx context.Context) (token sdk.Token, err error) {
	err = t.l.call(ctx, t.p, simNumber+" commit", "", func() error {
		token = sdk.Token(strconv.Itoa(t.n))
		return nil
	})
	return token, err
}

// simSink lets the calls of another sink go wrong. It refuses those of an instance after which
// another was opened for the seat.
type simSink struct {
	l        *life
	p        *process
	name     string
	at       func(seat int) sdk.Sink
	parallel bool

	start sdk.Start
	inner sdk.Sink
}

// errLateSink is what one is told who comes late.
var errLateSink = errors.New("another was opened for this seat")

func (s *simSink) ParallelWrites() bool { return s.parallel }

func (s *simSink) Open(ctx context.Context, start sdk.Start) error {
	return s.l.call(ctx, s.p, s.name+" open", "", func() error {
		if !s.l.opened(s.name, start) {
			return errLateSink
		}
		s.start, s.inner = start, s.at(start.Seat)
		if open := host.AbilitiesOf(s.inner).Open; open != nil {
			return open(ctx, start)
		}
		return nil
	})
}

func (s *simSink) Write(ctx context.Context, b sdk.Batch) error {
	write := func(b sdk.Batch) error {
		if s.l.late(s.name, s.start) {
			return errLateSink
		}
		return s.inner.Write(ctx, b)
	}
	return s.l.callIn(ctx, s.p, s.name+" write", splitOf(b), func() error { return write(b) }, func() error {
		_ = write(firstHalf(b)) // what it rejects is not told any more
		return nil
	})
}

func (s *simSink) Commit(ctx context.Context) (token sdk.Token, err error) {
	err = s.l.call(ctx, s.p, s.name+" commit", "", func() error {
		if s.l.late(s.name, s.start) {
			return errLateSink
		}
		token, err = s.inner.Commit(ctx)
		return err
	})
	return token, err
}

// Finish is told of the end of a run when everything of it is committed.
func (s *simSink) Finish(ctx context.Context, e sdk.End) error {
	return s.l.call(ctx, s.p, s.name+" finish", "", func() error {
		if s.l.late(s.name, s.start) {
			return errLateSink
		}
		s.l.finish(s.name, s.start, e)
		return nil
	})
}

func firstHalf(b sdk.Batch) sdk.Batch {
	all := slices.Collect(b.Records())
	out := sdk.Batch{Stream: b.Stream, Op: b.Op}
	for _, r := range all[:len(all)/2] {
		out.Payload = append(append(out.Payload, r...), '\n')
		out.Count++
	}
	return out
}

// keyedSink replaces what has the same key.
type keyedSink struct {
	mu      sync.Mutex
	records map[string]simRecord
}

func (k *keyedSink) Write(_ context.Context, b sdk.Batch) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for raw := range b.Records() {
		r := decodeSim(raw)
		k.records[r.key()] = r
	}
	return nil
}

func (*keyedSink) Commit(context.Context) (sdk.Token, error) { return nil, nil }

// looseSink appends and can take nothing back.
type looseSink struct {
	mu      sync.Mutex
	records map[string]int
}

func (s *looseSink) Write(_ context.Context, b sdk.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for raw := range b.Records() {
		s.records[decodeSim(raw).key()]++
	}
	return nil
}

func (*looseSink) Commit(context.Context) (sdk.Token, error) { return nil, nil }

// simLetters are the dead letters of all runs, and where the open ones are.
type simLetters struct {
	l  *life
	at place
}

func (b *simLetters) Open(run string, seat int, token sdk.Token) error {
	return b.call("open", "", func() error {
		b.at = place{run, seat}
		n := position(token)
		if n > len(b.l.letters[b.at]) {
			return sdk.Permanent(fmt.Errorf("%d letters were committed, %d are there", n, len(b.l.letters[b.at])))
		}
		b.l.owners[b.at], b.l.letters[b.at] = b, b.l.letters[b.at][:n:n]
		return nil
	})
}

func (b *simLetters) Add(l pipeline.Letter) error {
	return b.call("add", l.Stage+" "+l.Split, func() error {
		if b.l.owners[b.at] != b {
			return errLateSink
		}
		b.l.letters[b.at] = append(b.l.letters[b.at], l.Stage+" "+decodeSim(l.Record).ID)
		return nil
	})
}

func (b *simLetters) Commit() (token sdk.Token, err error) {
	err = b.call("commit", "", func() error {
		token = sdk.Token(strconv.Itoa(len(b.l.letters[b.at])))
		return nil
	})
	return token, err
}

func (b *simLetters) call(what, key string, effect func() error) error {
	return b.l.call(context.Background(), nil, lettersSite+" "+what, key, func() error {
		b.l.shelf.Lock()
		defer b.l.shelf.Unlock()
		return effect()
	})
}

// simStore lets the calls of another store go wrong.
type simStore struct {
	checkpoint.Store
	l *life
}

// stored lets a call of the store happen that returns something.
func stored[T any](ctx context.Context, l *life, what string, effect func() (T, error)) (out T, err error) {
	err = l.call(ctx, nil, "store "+what, "", func() error { out, err = effect(); return err })
	return out, err
}

func (s simStore) Begin(ctx context.Context, b checkpoint.Begin) (run checkpoint.Run, c checkpoint.Coordinator,
	err error) {
	run, err = stored(ctx, s.l, "begin", func() (checkpoint.Run, error) {
		var err error
		run, c, err = s.Store.Begin(ctx, b)
		return run, err
	})
	return run, simCoordinator{c, s.Store.View(), run.ID, s.l}, err
}

func (s simStore) Current(ctx context.Context) (run checkpoint.Run, ok bool, err error) {
	run, err = stored(ctx, s.l, "current", func() (checkpoint.Run, error) {
		var err error
		run, ok, err = s.Store.Current(ctx)
		return run, err
	})
	return run, ok, err
}

func (s simStore) Join(ctx context.Context, run checkpoint.Run, n int) (seat checkpoint.Seat, held checkpoint.Held,
	err error) {
	seat, err = stored(ctx, s.l, "join", func() (checkpoint.Seat, error) {
		var err error
		seat, held, err = s.Store.Join(ctx, run, n)
		return seat, err
	})
	return seat, simHeld{held, s.l}, err
}

func (s simStore) View() checkpoint.View { return simView{s.Store.View(), s.l} }

// simCoordinator lets the calls of a coordinator go wrong.
type simCoordinator struct {
	checkpoint.Coordinator
	view checkpoint.View
	run  string
	l    *life
}

func (c simCoordinator) Plan(ctx context.Context, pages iter.Seq2[[]sdk.Split, error]) error {
	return c.l.call(ctx, nil, "store plan", "", func() error {
		// A host that died while it planned has not planned: what it does from then on has no
		// effect.
		return c.Coordinator.Plan(ctx, func(yield func([]sdk.Split, error) bool) {
			for page, err := range pages {
				if c.l.host.dead() {
					page, err = nil, errDead
				}
				if !yield(page, err) || err != nil {
					return
				}
			}
			if c.l.host.dead() {
				yield(nil, errDead)
			}
		})
	})
}

func (c simCoordinator) Hold(ctx context.Context, f func(context.Context)) error {
	return c.l.call(ctx, nil, "store hold the run", "", func() error { return c.Coordinator.Hold(ctx, f) })
}

func (c simCoordinator) Finish(ctx context.Context, o checkpoint.Outcome, end checkpoint.End) error {
	return c.l.call(ctx, nil, "store finish", "", func() error {
		splits, err := checkpoint.All(checkpoint.EachSplit(ctx, c.view, c.run, ""))
		if err == nil {
			c.l.ending = splits
			err = c.Coordinator.Finish(ctx, o, end)
		}
		return err
	})
}

// simHeld lets the calls of a seat's holder go wrong.
type simHeld struct {
	checkpoint.Held
	l *life
}

func (h simHeld) Claim(ctx context.Context, n int) ([]checkpoint.Split, error) {
	return stored(ctx, h.l, "claim", func() ([]checkpoint.Split, error) { return h.Held.Claim(ctx, n) })
}

func (h simHeld) Commit(ctx context.Context, c checkpoint.Commit) ([]sdk.Split, error) {
	return stored(ctx, h.l, "commit", func() ([]sdk.Split, error) { return h.Held.Commit(ctx, c) })
}

func (h simHeld) Hold(ctx context.Context, f func(context.Context)) error {
	return h.l.call(ctx, nil, "store hold", "", func() error { return h.Held.Hold(ctx, f) })
}

func (h simHeld) Renew(ctx context.Context) error {
	return h.l.call(ctx, nil, "store renew", "", func() error { return h.Held.Renew(ctx) })
}

func (h simHeld) Leave(ctx context.Context) error {
	return h.l.call(ctx, nil, "store leave", "", func() error { return h.Held.Leave(ctx) })
}

// simView lets looking go wrong.
type simView struct {
	checkpoint.View
	l *life
}

func (v simView) Splits(ctx context.Context, run string, q checkpoint.Query) ([]checkpoint.Split, error) {
	return stored(ctx, v.l, "splits", func() ([]checkpoint.Split, error) { return v.View.Splits(ctx, run, q) })
}

func (v simView) Sums(ctx context.Context, run string) (checkpoint.Sums, error) {
	return stored(ctx, v.l, "sums", func() (checkpoint.Sums, error) { return v.View.Sums(ctx, run) })
}

func (v simView) Seats(ctx context.Context) ([]checkpoint.SeatInfo, error) {
	return stored(ctx, v.l, "seats", func() ([]checkpoint.SeatInfo, error) { return v.View.Seats(ctx) })
}

func (v simView) Previous(ctx context.Context, after string, n int) ([]sdk.Split, error) {
	return stored(ctx, v.l, "previous", func() ([]sdk.Split, error) { return v.View.Previous(ctx, after, min(n, 2)) })
}

// splitOf returns the split that a batch comes from: a group is of one.
func splitOf(b sdk.Batch) string {
	for raw := range b.Records() {
		return decodeSim(raw).Split
	}
	return ""
}

func decodeSim(raw []byte) (r simRecord) {
	if err := json.Unmarshal(raw, &r); err != nil {
		panic(fmt.Sprintf("%q is no record: %v", raw, err))
	}
	return r
}

func addSim(b *sdk.Builder, r simRecord) {
	if err := b.Add(simStream, r); err != nil {
		panic(err) // strings and numbers always marshal
	}
}

// multiset counts.
func multiset(keys []string) map[string]int {
	out := map[string]int{}
	for _, k := range keys {
		out[k]++
	}
	return out
}

// differ says how two multisets differ; "": they do not.
func differ(got, want map[string]int) string {
	if maps.Equal(got, want) {
		return ""
	}
	all := maps.Clone(want)
	maps.Copy(all, got)
	text := ""
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if got[k] != want[k] {
			text += fmt.Sprintf(" %s %d instead of %d,", k, got[k], want[k])
		}
	}
	return text
}
