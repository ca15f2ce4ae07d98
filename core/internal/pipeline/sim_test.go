// Simulation: whole runs in virtual time, with faults drawn from a seed, held against a model. A
// seed has one course, but for what happens in one and the same instant: the one that failed fails
// again.

package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

// TestSimulation runs many seeds: SCRAPEKIT_SEEDS says how many. SCRAPEKIT_SEED names the only one;
// then its course is told.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if one := os.Getenv("SCRAPEKIT_SEED"); one != "" {
		seed, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			t.Fatalf("SCRAPEKIT_SEED: %v", err)
		}
		for try := 0; try < replays && !t.Failed(); try++ {
			s := simulate(t, seed)
			t.Logf("seed %d: %d calls, %d faults\n%s", seed, len(s.faults.trace), s.faults.fired,
				tail(s.faults.trace, 5000))
		}
		return
	}
	seeds := 1000
	if many := os.Getenv("SCRAPEKIT_SEEDS"); many != "" {
		n, err := strconv.Atoi(many)
		if err != nil {
			t.Fatalf("SCRAPEKIT_SEEDS: %v", err)
		}
		seeds = n
	}
	var sum simTotals
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		t.Run("seeds", func(t *testing.T) {
			t.Parallel()
			for seed := next.Add(1); seed <= int64(seeds) && !t.Failed(); seed = next.Add(1) {
				sum.add(simulate(t, uint64(seed)))
			}
		})
	}
	t.Cleanup(func() { sum.check(t, seeds) })
}

// replays is how often a single seed is run: see [TestSimulationRepeats] for why once might show
// nothing.
const replays = 5

// simTotals are what all seeds together have done: a simulation in which little goes wrong proves
// little.
type simTotals struct {
	mu             sync.Mutex
	lives, records int
	faults         map[fault]int
	seats          map[int]int // how many seeds had so many
}

func (s *simTotals) add(w *sim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults == nil {
		s.faults, s.seats = map[fault]int{}, map[int]int{}
	}
	s.lives += w.lives
	for _, log := range w.logs {
		s.records += len(log.Items())
	}
	s.seats[len(w.logs)]++
	for _, e := range w.faults.trace {
		if e.fault != noFault {
			s.faults[e.fault]++
		}
	}
}

func (s *simTotals) check(t *testing.T, seeds int) {
	t.Logf("%d seeds: %d starts of the host, %d records, seeds by seats %v, faults %v", seeds, s.lives, s.records,
		s.seats, s.faults)
	for n := 1; n <= 4; n++ {
		took := 0 // n seats or more
		for seats, times := range s.seats {
			if seats >= n {
				took += times
			}
		}
		if seeds >= 1000 && took < seeds/50 {
			t.Errorf("%d seats were taken in %d of %d seeds: the simulation proves less than it says", n, took, seeds)
		}
	}
	kinds := slices.Sorted(slices.Values(append(may("sink write"), lostReply)))
	for _, f := range slices.Compact(kinds) {
		if seeds >= 1000 && s.faults[f] < seeds/16 { // the rarest, half done, comes once in twelve seeds
			t.Errorf("%q happened %d times in %d seeds: the simulation proves less than it says", f, s.faults[f], seeds)
		}
	}
}

// TestSimulationRepeats runs seeds again until they take the course that they took first: a failing
// one must fail again. Nearly all do so at once, to the last call. Where several goroutines wake in
// one instant, the scheduler has a say: hence the tries, and the half that is enough.
func TestSimulationRepeats(t *testing.T) {
	t.Parallel()
	const seeds, tries = 12, 5
	same := 0
	for seed := range uint64(seeds) {
		first := course(simulate(t, 5000+seed).faults.trace)
		for range tries {
			again := course(simulate(t, 5000+seed).faults.trace)
			if first == again {
				same++
				break
			}
			t.Logf("seed %d parts here:\n%s", 5000+seed, parting(first, again))
		}
	}
	if same < seeds/2 {
		t.Errorf("only %d of %d seeds took the same course again", same, seeds)
	}
}

// parting returns the lines around the first difference.
func parting(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	i := 0
	for i < len(as) && i < len(bs) && as[i] == bs[i] {
		i++
	}
	return strings.Join(as[max(0, i-5):min(len(as), i+5)], "\n") + "\n  or\n" +
		strings.Join(bs[min(i, len(bs)):min(len(bs), i+5)], "\n")
}

// sim is what outlives the hosts of one seed.
type sim struct {
	t       *testing.T
	seed    uint64
	began   time.Time
	model   *model
	faults  *faults
	lives   int
	helpers int // processes beside the coordinator's
	done    int // records of each root that complete runs have delivered

	completed map[string]bool    // runs
	ending    []checkpoint.Split // of the run that ended last

	openStore func() checkpoint.Store
	logs      map[int]*sdktest.MemorySink // by seat
	keyed     *keyedSink
	loose     *looseSink

	mu       sync.Mutex
	shelf    sync.Mutex                 // guards letters and owners, which all lives share
	letters  map[place][]string         // by run and seat
	owners   map[place]*simLetters      // who has opened them last
	finished map[string]map[string]bool // by run and sink
	starts   map[place]sdk.Start        // the last by sink and seat
}

// place is what belongs to a seat: the dead letters of a run, a sink.
type place struct {
	of   string
	seat int
}

// simulate runs a seed to its end, in a bubble of its own.
func simulate(t *testing.T, seed uint64) *sim {
	t.Helper()
	s := &sim{t: t, seed: seed, model: newModel(seed), faults: newFaults(seed), completed: map[string]bool{},
		letters: map[place][]string{}, owners: map[place]*simLetters{}}
	s.finished, s.starts = map[string]map[string]bool{}, map[place]sdk.Start{}
	s.logs = map[int]*sdktest.MemorySink{}
	s.keyed = &keyedSink{records: map[string]simRecord{}}
	s.loose = &looseSink{records: map[string]int{}}
	s.helpers = []int{0, 0, 1, 1, 2, 4}[chance(seed, "seats").IntN(6)]
	dir := t.TempDir()
	s.openStore = sync.OnceValue(func() checkpoint.Store { return checkpoint.NewMemory() }) // in the bubble
	if seed%sqliteEvery == 0 {
		s.openStore = func() checkpoint.Store {
			store, err := checkpoint.OpenSQLite(context.Background(), filepath.Join(dir, "state.db"))
			if err != nil {
				panic(err)
			}
			return store
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s.t = t
		s.began = time.Now()
		s.phases(dir)
	})
	return s
}

// sqliteEvery is which part of the seeds keeps its state in a file.
const sqliteEvery = 50

// phases are a first run, and perhaps some that find more, or start over.
func (s *sim) phases(dir string) {
	r := chance(s.seed, "phases")
	for phase := range 1 + r.IntN(3) {
		full := phase > 0 && r.IntN(3) == 0
		if phase > 0 {
			s.model.records += r.IntN(8)
		}
		for starts := 0; !s.start(dir, &full) && !s.t.Failed(); starts++ {
			if starts > 100 {
				s.fail("no end after %d starts", starts)
			}
		}
		s.complete()
		if s.t.Failed() {
			return
		}
	}
}

// start is one life of the host. It reports whether the run is complete.
func (s *sim) start(dir string, full *bool) bool {
	s.lives++
	store := s.openStore()
	defer func() {
		if err := store.Close(); err != nil {
			s.fail("close: %v", err)
		}
	}()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	l := &life{sim: s, n: s.lives, host: newProcess(), stop: stop}
	helped := s.help(store, dir)
	before := s.faults.count()
	// Whoever sets the clock may set it back.
	now := time.Now().Add(time.Duration(chance(s.seed, "clock", l.n).IntN(200)-100) * time.Hour)
	c := s.config(l, store, dir)
	c.Begin = checkpoint.Begin{ID: "run" + strconv.Itoa(l.n), Now: now, Full: *full}
	res, err := pipeline.New(c).Run(ctx)
	if l.host.dead() {
		s.faults.note(l.n, s.began, "ended: the host is dead")
	} else {
		s.faults.note(l.n, s.began, fmt.Sprintf("ended: %s, %v, %v", res.Outcome, res.Err, err))
	}
	l.host.die()
	helped()
	runs, lookErr := store.View().Runs(context.Background(), 1)
	if lookErr != nil {
		s.fail("runs: %v", lookErr)
		return true
	}
	if *full && len(runs) > 0 && runs[0].ID == c.Begin.ID {
		*full = false // it has begun: the next start goes on with it
	}
	done := len(runs) > 0 && runs[0].Outcome == checkpoint.Complete && !s.completed[runs[0].ID]
	if !done && before == s.faults.count() {
		s.fail("nothing went wrong, but the run is not complete: %s, %v, %v", res.Outcome, res.Err, err)
	}
	s.audit(store, runs)
	if err == nil && res.Outcome == checkpoint.Complete {
		s.counts(res)
	}
	if done {
		s.completed[runs[0].ID] = true // even if the host did not live to tell
		if told := len(s.finished[runs[0].ID]); told != len(c.Sinks) {
			s.fail("run %s is complete, and %d of %d sinks were told", runs[0].ID, told, len(c.Sinks))
		}
	}
	return done
}

// help has others take part in the run, each of which is followed by another when it dies. The
// function that is returned kills them all.
func (s *sim) help(store checkpoint.Store, dir string) func() {
	var wg sync.WaitGroup
	over, dies := false, func() {}
	var mu sync.Mutex
	next := func() (*life, context.Context) {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return nil, nil
		}
		s.lives++
		ctx, stop := context.WithCancel(context.Background())
		l := &life{sim: s, n: s.lives, host: newProcess(), stop: stop}
		before := dies
		dies = func() { before(); l.die() }
		return l, ctx
	}
	began := s.lives
	for i := range s.helpers {
		wg.Go(func() {
			early := chance(s.seed, "help", began, i).Int64N(int64(120 * time.Millisecond))
			time.Sleep(time.Duration(early) + nap)
			for l, ctx := next(); l != nil; l, ctx = next() {
				err := pipeline.New(s.config(l, store, dir)).Work(ctx)
				s.faults.note(l.n, s.began, fmt.Sprintf("worked: %v", err))
				time.Sleep(time.Second + time.Duration(i)*nap)
			}
		})
	}
	return func() {
		mu.Lock()
		over = true
		mu.Unlock()
		dies()
		wg.Wait()
	}
}

// opened checks what fencing rests on: the pipeline is the same, and the epoch of each sink's
// instances rises, seat by seat. It returns false for one that comes too late.
func (s *sim) opened(sink string, start sdk.Start) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, again := s.starts[place{sink, start.Seat}]
	if s.helpers > 0 && start.Epoch < before.Epoch {
		return false
	}
	s.starts[place{sink, start.Seat}] = start
	if start.Pipeline == "" || again && start.Pipeline != before.Pipeline {
		s.fail("%s was opened for pipeline %q, and before for %q", sink, start.Pipeline, before.Pipeline)
	}
	if start.Epoch <= before.Epoch {
		s.fail("%s was opened with epoch %d after %d", sink, start.Epoch, before.Epoch)
	}
	return true
}

// late reports whether another instance was opened for the seat of one that was opened so.
func (s *sim) late(sink string, start sdk.Start) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return start.Epoch < s.starts[place{sink, start.Seat}].Epoch
}

// finish checks that the end of a run is told when all of it is there, and before the store knows
// of it.
func (s *sim) finish(sink string, start sdk.Start, e sdk.End) {
	s.same("the log at the end of a run", s.logged(nil), s.model.expect(s.model.closure(0, s.model.records)).log)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.completed[e.Run] {
		s.fail("%s is told of the end of run %s, which the store knows already", sink, e.Run)
	}
	if e.Run != start.Run {
		s.fail("%s is told of the end of run %s, and was opened for %s", sink, e.Run, start.Run)
	}
	if s.finished[e.Run] == nil {
		s.finished[e.Run] = map[string]bool{}
	}
	s.finished[e.Run][sink] = true
}

func (s *sim) config(l *life, store checkpoint.Store, dir string) pipeline.Config {
	r := chance(s.seed, "config")
	c := pipeline.Config{
		Source: staged(l, simSource, func(p *process) sdk.Source { return simReader{l, p} }),
		Transforms: []pipeline.Stage[sdk.Transform]{
			staged(l, simDouble, func(p *process) sdk.Transform { return simDoubler{l, p} }),
			staged(l, simNumber, func(p *process) sdk.Transform { return &simNumberer{l: l, p: p} }),
		},
		Sinks: []pipeline.Stage[sdk.Sink]{
			s.sink(l, simLog, r.IntN(2) == 0, s.openLog),
			s.sink(l, simKeyed, r.IntN(2) == 0, func(int) sdk.Sink { return s.keyed }),
			s.sink(l, simLoose, r.IntN(2) == 0, func(int) sdk.Sink { return s.loose }),
		},
		Store: simStore{store, l}, Letters: &simLetters{l: l},
		Concurrency: 1 + r.IntN(5), ClaimAtOnce: 1 + r.IntN(3),
		CommitEvery: time.Duration(1+r.IntN(200)) * time.Millisecond, CommitBytes: int64(r.IntN(4000)),
		SpoolDir: dir, GroupMemory: []int{1, 400}[r.IntN(2)] << (20 * min(1, r.IntN(6))),
		Keep: func(pipeline.Result) error {
			return l.call(context.Background(), nil, "keep", "", func() error { return nil })
		},
		Step: func(name string) {
			_ = l.call(context.Background(), nil, "step "+name, "", func() error { return nil }) // a step cannot fail
		},
	}
	pauses := 0
	var mu sync.Mutex
	c.Random = func(bound int64) int64 {
		mu.Lock()
		defer mu.Unlock()
		pauses++
		return chance(s.seed, "pause", l.n, pauses).Int64N(bound)
	}
	c.Source.Streams = []string{simStream}
	return c
}

func (s *sim) sink(l *life, name string, parallel bool, open func(seat int) sdk.Sink) pipeline.Stage[sdk.Sink] {
	return staged(l, name, func(p *process) sdk.Sink {
		return &simSink{l: l, p: p, name: name, at: open, parallel: parallel}
	})
}

// openLog returns an instance of the log of a seat.
func (s *sim) openLog(seat int) sdk.Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.logs[seat]
	if log == nil {
		log = sdktest.NewMemorySink()
		log.Reject = func(_ string, record []byte) string {
			if r := decodeSim(record); s.model.refuser(r.Split, r.N) == simLog {
				return "the log refuses"
			}
			return ""
		}
		s.logs[seat] = log
	}
	v, err := log.Plugin().New(context.Background(), json.RawMessage("{}"))
	if err != nil {
		panic(err)
	}
	return v.(sdk.Sink)
}

// audit holds what is kept against itself: up to their tokens, the log and the dead letters must be
// what the cursors say, whatever has happened.
func (s *sim) audit(store checkpoint.Store, runs []checkpoint.RunInfo) {
	if len(runs) == 0 || runs[0].Outcome == checkpoint.Complete {
		return
	}
	run := runs[0]
	splits, err := checkpoint.All(checkpoint.EachSplit(context.Background(), store.View(), run.ID, ""))
	if err != nil {
		s.fail("splits: %v", err)
		return
	}
	s.sums(store, run, splits)
	seats, err := store.View().Seats(context.Background())
	if err != nil {
		s.fail("seats: %v", err)
		return
	}
	spans := s.model.spans(splits)
	var letters []string
	tokens := map[int]sdk.Token{}
	for _, seat := range seats {
		if mine := seat.Tokens["dead letters"]; mine.Run == run.ID {
			letters = append(letters, s.letters[place{run.ID, seat.N}][:position(mine.Token)]...)
		}
		if mine := seat.Tokens[simLog]; !run.Full || mine.Run == run.ID { // or what is there is to be discarded
			tokens[seat.N] = mine.Token
		}
	}
	s.same("dead letters", multiset(letters), s.model.expect(spans).letters)
	if !run.Full {
		spans = append(spans, s.model.closure(0, s.done)...)
	}
	s.same("the logs up to their tokens", s.logged(tokens), s.model.expect(spans).log)
}

// sums holds what the store has added up of the splits against these.
func (s *sim) sums(store checkpoint.Store, run checkpoint.RunInfo, splits []checkpoint.Split) {
	var want checkpoint.Sums
	for _, p := range splits {
		want.Add(p)
	}
	got, err := store.View().Sums(context.Background(), run.ID)
	if err != nil || !slices.Equal(got, want) {
		s.fail("the sums of the splits are %+v (%v), want %+v", got, err, want)
	}
	if counted := want.Splits(); !maps.Equal(run.Splits, counted) {
		s.fail("the run has %v, its splits are %v", run.Splits, counted)
	}
}

// logged returns what is in the logs of all seats, or, if there are tokens, of those that have one
// up to it.
func (s *sim) logged(tokens map[int]sdk.Token) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for seat, log := range s.logs {
		items := log.Items()
		if tokens != nil {
			t := struct{ Items int }{}
			if token := tokens[seat]; token != nil {
				if err := json.Unmarshal(token, &t); err != nil {
					panic(err)
				}
			}
			items = items[:t.Items]
		}
		for _, it := range items {
			out[decodeSim([]byte(it.Record)).key()]++
		}
	}
	return out
}

// complete checks all sinks after a complete run.
func (s *sim) complete() {
	want := s.model.expect(s.model.closure(0, s.model.records))
	s.done = s.model.records
	s.same("the log", s.logged(nil), want.log)
	keyed, numbers := map[string]int{}, map[int]bool{}
	for key, r := range s.keyed.records {
		keyed[key]++
		numbers[r.Seq] = true
	}
	s.same("what is kept by key", keyed, want.all)
	for n := 1; n <= len(keyed) && s.helpers == 0; n++ { // each seat counts for itself
		if !numbers[n] {
			s.fail("no record has the number %d of %d: the transform did not go back to its token", n, len(keyed))
			break
		}
	}
	for key := range s.loose.records {
		s.loose.records[key] = min(1, s.loose.records[key])
	}
	s.same("what came at least once", s.loose.records, want.all)
}

// counts holds the counts of a complete run against the model, exactly.
func (s *sim) counts(res pipeline.Result) {
	want := s.model.expect(s.model.spans(s.ending))
	for name, w := range want.counts {
		var got pipelineCounts
		if c := res.Counts.Stages[name]; c != nil {
			got = pipelineCounts{c.In, c.Out, c.Rejected}
		}
		if got != *w {
			s.fail("%s: in, out, rejected are %v, want %v", name, got, *w)
		}
		if name != simDouble && got.In != got.Out+got.Rejected {
			s.fail("%s: in is not out and rejected: %v", name, got)
		}
	}
	if got := res.Counts.Counters["seen"]; got != want.seen {
		s.fail("the source has counted %d records, want %d", got, want.seen)
	}
	s.same("dead letters of a complete run", multiset(s.lettersOf(res.Run.ID)), want.letters)
}

func (s *sim) lettersOf(run string) (all []string) {
	for at, letters := range s.letters {
		if at.of == run {
			all = append(all, letters...)
		}
	}
	return all
}

func (s *sim) same(what string, got, want map[string]int) {
	if text := differ(got, want); text != "" {
		s.fail("%s:%s", what, text)
	}
}

func (s *sim) fail(format string, args ...any) {
	s.t.Errorf("seed %d: %s\nto see it again: SCRAPEKIT_SEED=%d go test -run 'TestSimulation$' "+
		"./core/internal/pipeline\n%s",
		s.seed, fmt.Sprintf(format, args...), s.seed, tail(s.faults.trace, 80))
}
