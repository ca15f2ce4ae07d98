// Memory: a store that lasts as long as the process, for previews and tests.

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

// Memory is a [Store] in memory. Close leaves it usable, so that a test can open the same value
// again.
type Memory struct {
	pipeline string
	mu       chanMutex
	epoch    int64 // of the coordinator; 0: none
	last     int64 // the highest epoch ever issued, also across Reset
	runs     []*memoryRun
	seats    map[int]*memorySeat
	previous map[string]sdk.Split
}

type memoryRun struct {
	info        RunInfo
	fingerprint string
	planned     bool
	stats       []byte
	order       []string // a split's place is its index plus 1
	splits      map[string]*Split
	sums        Sums
}

type memorySeat struct {
	epoch   int64 // of its holder; 0: none
	until   time.Time
	settled bool
	tokens  map[string]Token
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		pipeline: rand.Text(), mu: make(chanMutex, 1), seats: map[int]*memorySeat{}, previous: map[string]sdk.Split{},
	}
}

// chanMutex is a mutex that may be held for long. It is a channel, so that synctest sees a waiting
// goroutine as durably blocked.
type chanMutex chan struct{}

func (t chanMutex) Lock()   { t <- struct{}{} }
func (t chanMutex) Unlock() { <-t }

// View implements [Store].
func (m *Memory) View() View { return m }

// Admin implements [Store].
func (m *Memory) Admin() Admin { return m }

// Begin implements [Store].
func (m *Memory) Begin(ctx context.Context, b Begin) (Run, Coordinator, error) {
	if err := ctx.Err(); err != nil {
		return Run{}, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.unfinished()
	resumed := r != nil && !b.Full
	switch {
	case resumed:
		if r.planned && r.fingerprint != b.Fingerprint {
			return Run{}, nil, ErrChanged
		}
		r.fingerprint = b.Fingerprint
		r.reopen()
	case m.run(b.ID) != nil:
		return Run{}, nil, usedID(b.ID)
	default:
		if r != nil {
			r.end(Abandoned, b.Now)
		}
		r = &memoryRun{fingerprint: b.Fingerprint, splits: map[string]*Split{}}
		r.info = RunInfo{ID: b.ID, Started: b.Now.UTC().Round(0), Outcome: Running, Full: b.Full, Starts: 1}
		m.runs = append(m.runs, r)
		for _, s := range m.seats {
			s.settled = s.settled && !b.Full
		}
	}
	m.fence()
	m.last++
	m.epoch = m.last
	run := m.asRun(r)
	run.Resumed = resumed
	return run, &memoryCoordinator{m: m, run: run}, nil
}

// fence fences the coordinator of the run and the holders of its seats.
func (m *Memory) fence() {
	m.epoch = 0
	for _, s := range m.seats {
		s.epoch = 0
	}
}

func (m *Memory) asRun(r *memoryRun) Run {
	return Run{
		Pipeline: m.pipeline, ID: r.info.ID, Epoch: m.epoch, Started: r.info.Started, Full: r.info.Full,
		Planned: r.planned, Resumed: r.info.Starts > 1, Stats: bytes.Clone(r.stats),
	}
}

// Current implements [Store].
func (m *Memory) Current(ctx context.Context) (Run, bool, error) {
	if err := ctx.Err(); err != nil {
		return Run{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epoch == 0 {
		return Run{}, false, nil
	}
	return m.asRun(m.unfinished()), true, nil
}

// Join implements [Store].
func (m *Memory) Join(ctx context.Context, run Run, seat int) (Seat, Held, error) {
	r, unlock, err := m.coordinated(ctx, run)
	if err != nil {
		return Seat{}, nil, err
	}
	defer unlock()
	if seat == AnySeat {
		seat = anySeat(m.info())
	}
	s := m.seats[seat]
	if s == nil {
		s = &memorySeat{tokens: map[string]Token{}}
		m.seats[seat] = s
	}
	m.last++
	s.epoch, s.until, s.settled = m.last, time.Now().Add(Lease), false
	return Seat{Run: m.asRun(r), N: seat, Epoch: s.epoch, Tokens: cloneTokens(s.tokens)},
		&memoryHeld{m: m, run: run.ID, seat: seat, epoch: s.epoch}, nil
}

// coordinated locks the store and returns the run, if run still has the same coordinator.
func (m *Memory) coordinated(ctx context.Context, run Run) (*memoryRun, func(), error) {
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

type memoryCoordinator struct {
	m   *Memory
	run Run
}

// Plan implements [Coordinator].
func (c *memoryCoordinator) Plan(ctx context.Context, pages iter.Seq2[[]sdk.Split, error]) error {
	splits, err := All(pages)
	if err != nil {
		return err
	}
	r, unlock, err := c.m.coordinated(ctx, c.run)
	if err != nil {
		return err
	}
	defer unlock()
	if r.planned {
		return plannedTwice(c.run.ID)
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

// Hold implements [Coordinator].
func (c *memoryCoordinator) Hold(ctx context.Context, f func(ctx context.Context)) error {
	_, unlock, err := c.m.coordinated(ctx, c.run)
	if err != nil {
		return err
	}
	defer unlock()
	f(ctx)
	return nil
}

// Finish implements [Coordinator].
func (c *memoryCoordinator) Finish(ctx context.Context, outcome Outcome, end End) error {
	m := c.m
	r, unlock, err := m.coordinated(ctx, c.run)
	if err != nil {
		return err
	}
	defer unlock()
	if err := mayFinish(c.run.ID, outcome, r.planned, r.sums.Splits(), m.info()); err != nil {
		return err
	}
	if outcome == Complete {
		m.keep(r)
	}
	r.end(outcome, end.Now)
	r.info.Gaps = end.Gaps
	m.fence()
	return nil
}

// keep makes the splits of a complete run the previous splits.
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

type memoryHeld struct {
	m       *Memory
	run     string
	seat    int
	epoch   int64
	claimed bool  // the first claim is done; guarded by m.mu
	after   int64 // the next claim starts after this place
}

// held locks the store and renews the lease, if the seat is still held.
func (h *memoryHeld) held(ctx context.Context) (*memoryRun, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	h.m.mu.Lock()
	s := h.m.seats[h.seat]
	if s == nil || s.epoch != h.epoch {
		h.m.mu.Unlock()
		return nil, nil, seatFenced(h.run, h.seat)
	}
	return h.m.run(h.run), func() {
		s.until = time.Now().Add(Lease)
		h.m.mu.Unlock()
	}, nil
}

// Claim implements [Held].
func (h *memoryHeld) Claim(ctx context.Context, n int) ([]Split, error) {
	r, unlock, err := h.held(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !h.claimed {
		r.giveBack(h.seat)
		h.claimed = true
	}
	q := Query{Status: Open, Free: true, After: h.after, N: n}
	page := r.page(q)
	if len(page) == 0 {
		q.After = 0
		page = r.page(q)
	}
	for _, s := range page {
		s.Epoch++
		s.Seat, h.after = h.seat, s.Place
	}
	return clones(page), nil
}

// Commit implements [Held].
func (h *memoryHeld) Commit(ctx context.Context, c Commit) ([]sdk.Split, error) {
	r, unlock, err := h.held(ctx)
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
			return nil, unknownSplit(h.run, p.ID)
		}
		if s.Seat != h.seat || p.Epoch != s.Epoch {
			return nil, splitFenced(p.ID)
		}
	}
	stats, err := addStats(r.stats, c.Stats)
	if err != nil {
		return nil, err
	}
	r.stats = stats
	for _, p := range c.Splits {
		r.change(r.splits[p.ID], func(s *Split) {
			s.Cursor, s.Status, s.Records, s.Problem = bytes.Clone(p.Cursor), p.Status, p.Records, p.Problem
			if ended(p.Status) {
				s.Seat = AnySeat
			}
		})
	}
	for stage, t := range c.Tokens {
		h.m.seats[h.seat].tokens[stage] = Token{Run: h.run, Token: bytes.Clone(t)}
	}
	return r.add(c.New), nil
}

// Hold implements [Held].
func (h *memoryHeld) Hold(ctx context.Context, f func(ctx context.Context)) error {
	_, unlock, err := h.held(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	f(ctx)
	return nil
}

// Renew implements [Held].
func (h *memoryHeld) Renew(ctx context.Context) error { return h.Hold(ctx, func(context.Context) {}) }

// Leave implements [Held].
func (h *memoryHeld) Leave(ctx context.Context) error {
	r, unlock, err := h.held(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	r.giveBack(h.seat)
	s := h.m.seats[h.seat]
	s.epoch, s.settled = 0, true
	return nil
}

// info returns the seats by number.
func (m *Memory) info() []SeatInfo {
	var out []SeatInfo
	for _, n := range slices.Sorted(maps.Keys(m.seats)) {
		s := m.seats[n]
		free := s.epoch == 0 || !time.Now().Before(s.until)
		out = append(out, SeatInfo{N: n, Free: free, Settled: s.settled, Tokens: cloneTokens(s.tokens)})
	}
	return out
}

// Seats implements [View].
func (m *Memory) Seats(ctx context.Context) ([]SeatInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.info(), nil
}

// Splits implements [View].
func (m *Memory) Splits(ctx context.Context, run string, q Query) ([]Split, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return clones(m.run(run).page(q)), nil
}

// Sums implements [View].
func (m *Memory) Sums(ctx context.Context, run string) (Sums, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.run(run)
	if r == nil {
		return nil, nil
	}
	return slices.Clone(r.sums), nil
}

// Previous implements [View].
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

// CountPrevious implements [View].
func (m *Memory) CountPrevious(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.previous), nil
}

// Runs implements [View].
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

// Prune implements [Admin].
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

// Compact implements [Admin].
func (m *Memory) Compact(ctx context.Context) error { return ctx.Err() }

// Reset implements [Admin].
func (m *Memory) Reset(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch, m.runs = 0, nil
	clear(m.previous)
	clear(m.seats)
	return nil
}

// Forget implements [Admin].
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
			r.change(s, func(s *Split) { s.Cursor, s.Status, s.Seat, s.Records, s.Problem = nil, Open, AnySeat, 0, "" })
		}
	}
	return found, nil
}

// GiveUp implements [Admin].
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
	r.change(s, func(s *Split) { s.Status, s.Seat, s.Problem = Done, AnySeat, "" })
	return true, nil
}

// Close implements [Store].
func (m *Memory) Close() error { return nil }

func (m *Memory) run(id string) *memoryRun {
	for _, r := range m.runs {
		if r.info.ID == id {
			return r
		}
	}
	return nil
}

// unfinished returns the run that the next one resumes, which can only be the newest.
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

// reopen starts a run again.
func (r *memoryRun) reopen() {
	r.info.Starts++
	r.info.Outcome, r.info.Ended = Running, time.Time{}
	for _, s := range r.splits {
		if s.Status == Broken {
			r.change(s, func(s *Split) { s.Status, s.Seat, s.Problem = Open, AnySeat, "" })
		}
	}
}

// end records the end of a run. A run that will not be resumed keeps only the counts of its splits.
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

// giveBack releases the splits that a seat holds.
func (r *memoryRun) giveBack(seat int) {
	for _, s := range r.splits {
		if s.Seat == seat {
			s.Seat = AnySeat
		}
	}
}

// add appends the splits with unknown ids, and returns them.
func (r *memoryRun) add(splits []sdk.Split) (added []sdk.Split) {
	for _, p := range splits {
		if r.splits[p.ID] != nil {
			continue
		}
		r.order = append(r.order, p.ID)
		s := &Split{Split: cloneSplit(p), Place: int64(len(r.order)), Seat: AnySeat, Status: Open}
		r.splits[p.ID] = s
		r.sums.Add(*s)
		added = append(added, p)
	}
	return added
}

// change changes a split, and updates the sums.
func (r *memoryRun) change(s *Split, f func(s *Split)) {
	before := *s
	f(s)
	r.sums.Change(before, *s)
}

// page returns a page of splits. A missing run has none.
func (r *memoryRun) page(q Query) (out []*Split) {
	if r == nil || q.N <= 0 || q.After >= int64(len(r.order)) {
		return nil
	}
	left := newRoom(q.N)
	for _, id := range r.order[q.After:] {
		s := r.splits[id]
		if q.Status != "" && s.Status != q.Status || q.Free && s.Seat != AnySeat {
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

func cloneTokens(tokens map[string]Token) map[string]Token {
	out := map[string]Token{}
	for stage, t := range tokens {
		out[stage] = Token{Run: t.Run, Token: bytes.Clone(t.Token)}
	}
	return out
}
