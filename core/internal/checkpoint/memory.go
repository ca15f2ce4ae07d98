// Memory: the store that keeps nothing beyond the process, for previews and tests.

package checkpoint

import (
	"bytes"
	"context"
	"crypto/rand"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Memory is a [Store] in memory. Close leaves it usable: opening it again is to go on with the same value.
type Memory struct {
	pipeline string
	mu       turn
	epoch    int64 // of the newest holder; 0: nobody holds
	last     int64 // the highest epoch ever given, also across Reset
	runs     []*memoryRun
	previous map[string]sdk.Split
	tokens   map[string]Token
}

type memoryRun struct {
	info        RunInfo
	fingerprint string
	planned     bool
	stats       []byte
	order       []string // the place of a split is its index and one
	splits      map[string]*Split
	sums        Sums
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{pipeline: rand.Text(), mu: make(turn, 1), previous: map[string]sdk.Split{}, tokens: map[string]Token{}}
}

// turn is a mutex for what may take long: who waits for a channel is seen to wait in virtual time.
type turn chan struct{}

func (t turn) Lock()   { t <- struct{}{} }
func (t turn) Unlock() { <-t }

// Begin implements [Store].
func (m *Memory) Begin(ctx context.Context, b Begin) (Run, error) {
	if err := ctx.Err(); err != nil {
		return Run{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.unfinished()
	resumed := r != nil && !b.Full
	switch {
	case resumed:
		if r.planned && r.fingerprint != b.Fingerprint {
			return Run{}, ErrChanged
		}
		r.fingerprint = b.Fingerprint
		r.reopen()
	case m.run(b.ID) != nil:
		return Run{}, usedID(b.ID)
	default:
		if r != nil {
			r.end(Abandoned, b.Now)
		}
		r = &memoryRun{fingerprint: b.Fingerprint, splits: map[string]*Split{}}
		r.info = RunInfo{ID: b.ID, Started: b.Now.UTC().Round(0), Outcome: Running, Full: b.Full, Starts: 1}
		m.runs = append(m.runs, r)
	}
	m.last++
	m.epoch = m.last
	return Run{
		Pipeline: m.pipeline, ID: r.info.ID, Epoch: m.epoch, Started: r.info.Started, Full: r.info.Full,
		Planned: r.planned, Resumed: resumed, Stats: bytes.Clone(r.stats),
	}, nil
}

// Join implements [Store].
func (m *Memory) Join(ctx context.Context, run Run) (Run, error) {
	_, unlock, err := m.held(ctx, run)
	if err != nil {
		return run, err
	}
	defer unlock()
	m.last++
	m.epoch = m.last
	run.Epoch = m.epoch
	return run, nil
}

// Plan implements [Store].
func (m *Memory) Plan(ctx context.Context, run Run, pages iter.Seq2[[]sdk.Split, error]) error {
	splits, err := All(pages)
	if err != nil {
		return err
	}
	r, unlock, err := m.held(ctx, run)
	if err != nil {
		return err
	}
	defer unlock()
	if r.planned {
		return plannedTwice(run.ID)
	}
	if err := named(splits, 0); err != nil {
		return err
	}
	seen := make(map[string]bool, len(splits))
	for _, p := range splits {
		if seen[p.ID] || r.splits[p.ID] != nil {
			return splitTwice(p.ID)
		}
		seen[p.ID] = true
	}
	r.planned = true
	r.add(splits)
	return nil
}

// Splits implements [Store].
func (m *Memory) Splits(ctx context.Context, run Run, q Query) ([]Split, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return clones(m.run(run.ID).page(q)), nil
}

// Sums implements [Store].
func (m *Memory) Sums(ctx context.Context, run Run) (Sums, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.run(run.ID)
	if r == nil {
		return nil, nil
	}
	return slices.Clone(r.sums), nil
}

// Claim implements [Store].
func (m *Memory) Claim(ctx context.Context, run Run, after int64, n int) ([]Split, error) {
	r, unlock, err := m.held(ctx, run)
	if err != nil {
		return nil, err
	}
	defer unlock()
	page := r.page(Query{Status: Open, After: after, N: n})
	for _, s := range page {
		s.Epoch++
	}
	return clones(page), nil
}

// Commit implements [Store].
func (m *Memory) Commit(ctx context.Context, run Run, c Commit) ([]sdk.Split, error) {
	r, unlock, err := m.held(ctx, run)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := named(c.New, 0); err != nil {
		return nil, err
	}
	for _, p := range c.Splits {
		s := r.splits[p.ID]
		if s == nil {
			return nil, unknownSplit(run.ID, p.ID)
		}
		if p.Epoch == 0 || p.Epoch != s.Epoch {
			return nil, splitFenced(p.ID)
		}
	}
	for _, p := range c.Splits {
		r.change(r.splits[p.ID], func(s *Split) {
			s.Cursor, s.Status, s.Records, s.Problem = bytes.Clone(p.Cursor), p.Status, p.Records, p.Problem
		})
	}
	for stage, t := range c.Tokens {
		m.tokens[stage] = Token{Run: run.ID, Token: bytes.Clone(t)}
	}
	if c.Stats != nil {
		r.stats = bytes.Clone(c.Stats)
	}
	return r.add(c.New), nil
}

// Hold implements [Store].
func (m *Memory) Hold(ctx context.Context, run Run, f func()) error {
	_, unlock, err := m.held(ctx, run)
	if err != nil {
		return err
	}
	defer unlock()
	f()
	return nil
}

// Finish implements [Store].
func (m *Memory) Finish(ctx context.Context, run Run, outcome Outcome, end End) error {
	r, unlock, err := m.held(ctx, run)
	if err != nil {
		return err
	}
	defer unlock()
	if err := mayFinish(run.ID, outcome, r.planned, r.sums.Splits()); err != nil {
		return err
	}
	if outcome == Complete {
		m.keep(r)
	}
	r.end(outcome, end.Now)
	r.info.Gaps = end.Gaps
	m.epoch = 0
	return nil
}

// keep makes the splits of a complete run the previous ones.
func (m *Memory) keep(r *memoryRun) {
	if r.info.Full {
		clear(m.previous)
	}
	for id, s := range r.splits {
		if s.Status != Done {
			continue
		}
		m.previous[id] = s.Split
	}
}

// Previous implements [Store].
func (m *Memory) Previous(ctx context.Context, after string, n int) ([]sdk.Split, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for id := range m.previous {
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var out []sdk.Split
	left := newRoom(n)
	for _, id := range ids[:min(len(ids), max(n, 0))] {
		out = append(out, cloneSplit(m.previous[id]))
		if left.full(m.previous[id]) {
			break
		}
	}
	return out, nil
}

// CountPrevious implements [Store].
func (m *Memory) CountPrevious(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.previous), nil
}

// Tokens implements [Store].
func (m *Memory) Tokens(ctx context.Context) (map[string]Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]Token{}
	for stage, t := range m.tokens {
		out[stage] = Token{Run: t.Run, Token: bytes.Clone(t.Token)}
	}
	return out, nil
}

// Runs implements [Store].
func (m *Memory) Runs(ctx context.Context, n int) ([]RunInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []RunInfo
	for _, r := range slices.Backward(m.runs) {
		if len(out) >= n {
			break
		}
		info := r.info
		info.Splits = r.counts()
		out = append(out, info)
	}
	return out, nil
}

// Prune implements [Store].
func (m *Memory) Prune(ctx context.Context, n int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unfinished() != nil {
		n = max(n, 1)
	}
	gone := max(0, len(m.runs)-max(n, 0))
	m.runs = slices.Clone(m.runs[gone:])
	return gone, nil
}

// Compact implements [Store].
func (m *Memory) Compact(ctx context.Context) error { return ctx.Err() }

// Reset implements [Store].
func (m *Memory) Reset(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch, m.runs = 0, nil
	clear(m.previous)
	clear(m.tokens)
	return nil
}

// Forget implements [Store].
func (m *Memory) Forget(ctx context.Context, id string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, found := m.previous[id]
	delete(m.previous, id)
	if r := m.unfinished(); r != nil {
		if s := r.splits[id]; s != nil {
			found = true
			s.Epoch++
			r.change(s, func(s *Split) { s.Cursor, s.Status, s.Records, s.Problem = nil, Open, 0, "" })
		}
	}
	return found, nil
}

// GiveUp implements [Store].
func (m *Memory) GiveUp(ctx context.Context, id string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.unfinished()
	if r == nil {
		return false, nil
	}
	s := r.splits[id]
	if s == nil || s.Status == Done {
		return false, nil
	}
	s.Epoch++
	r.change(s, func(s *Split) { s.Status, s.Problem = Done, "" })
	return true, nil
}

// Close implements [Store].
func (m *Memory) Close() error { return nil }

// held locks the store and returns the run if run holds it still.
func (m *Memory) held(ctx context.Context, run Run) (*memoryRun, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	r := m.run(run.ID)
	if r == nil || m.epoch == 0 || run.Epoch != m.epoch {
		m.mu.Unlock()
		return nil, nil, runFenced(run.ID)
	}
	return r, m.mu.Unlock, nil
}

func (m *Memory) run(id string) *memoryRun {
	for _, r := range m.runs {
		if r.info.ID == id {
			return r
		}
	}
	return nil
}

// unfinished returns the run that the next one goes on with: only the newest can be it.
func (m *Memory) unfinished() *memoryRun {
	if len(m.runs) == 0 {
		return nil
	}
	r := m.runs[len(m.runs)-1]
	if r.info.Outcome == Complete || r.info.Outcome == Abandoned {
		return nil
	}
	return r
}

// reopen starts a run once more.
func (r *memoryRun) reopen() {
	r.info.Starts++
	r.info.Outcome, r.info.Ended = Running, time.Time{}
	for _, s := range r.splits {
		if s.Status == Broken {
			r.change(s, func(s *Split) { s.Status, s.Problem = Open, "" })
		}
	}
}

// end notes how the run ended. A run that nobody goes on with keeps the counts of its splits alone.
func (r *memoryRun) end(o Outcome, now time.Time) {
	r.info.Outcome, r.info.Ended = o, notBefore(now, r.info.Started)
	if o == Complete || o == Abandoned {
		r.info.Splits = r.counts()
		r.order, r.splits, r.sums, r.stats = nil, nil, nil, nil
	}
}

func (r *memoryRun) counts() map[Status]int {
	if r.splits == nil {
		return maps.Clone(r.info.Splits)
	}
	return r.sums.Splits()
}

// add appends the splits whose ids are not known, and returns them.
func (r *memoryRun) add(splits []sdk.Split) (added []sdk.Split) {
	for _, p := range splits {
		if r.splits[p.ID] != nil {
			continue
		}
		r.order = append(r.order, p.ID)
		s := &Split{Split: cloneSplit(p), Place: int64(len(r.order)), Status: Open}
		r.splits[p.ID] = s
		r.sums.Add(*s)
		added = append(added, p)
	}
	return added
}

// change changes a split, and the sums with it.
func (r *memoryRun) change(s *Split, f func(s *Split)) {
	before := *s
	f(s)
	r.sums.Change(before, *s)
}

// page returns the splits of a page. A run that there is not has none.
func (r *memoryRun) page(q Query) (out []*Split) {
	if r == nil || q.N <= 0 || q.After >= int64(len(r.order)) {
		return nil
	}
	left := newRoom(q.N)
	for _, id := range r.order[q.After:] {
		s := r.splits[id]
		if q.Status != "" && s.Status != q.Status {
			continue
		}
		out = append(out, s)
		if left.full(s.Split) {
			break
		}
	}
	return out
}

func clones(splits []*Split) (out []Split) {
	for _, s := range splits {
		out = append(out, s.clone())
	}
	return out
}

func (s *Split) clone() Split {
	out := *s
	out.Split = cloneSplit(s.Split)
	return out
}

func cloneSplit(s sdk.Split) sdk.Split {
	s.Data, s.Cursor = bytes.Clone(s.Data), bytes.Clone(s.Cursor)
	return s
}
