// Fakes that store: a source of numbered records, a sink with durable and lost parts, dead letters.

package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

// numbers is a source: each split has records 0…records-1, with a cursor every few.
type numbers struct {
	splits, records, every int
	// before is called before each record; an error breaks the read off there.
	before func(ctx context.Context, split string, n int) error
	plans  []sdk.Plan
}

type number struct {
	Split string `json:"split"`
	N     int    `json:"n"`
}

func (s *numbers) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "numbers"}, {Name: "others"}}, nil
}

func (s *numbers) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) {
	s.plans = append(s.plans, p)
	var out []sdk.Split
	for i := range s.splits {
		out = append(out, sdk.Split{ID: "s" + strconv.Itoa(i), Stream: "numbers", Estimate: int64(s.records)})
	}
	return out, nil
}

func (s *numbers) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	from := 0
	if split.Cursor != nil {
		if err := json.Unmarshal(split.Cursor, &from); err != nil {
			return sdk.Permanent(err)
		}
	}
	for n := from; n < s.records; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.before != nil {
			if err := s.before(ctx, split.ID, n); err != nil {
				return err
			}
		}
		if err := w.Emit("numbers", number{split.ID, n}); err != nil {
			return err
		}
		sdk.Count(ctx, "seen/"+split.ID, 1)
		if (n+1)%s.every == 0 {
			if err := w.Cursor(n + 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// shelf is where a sink's records are kept; it outlives the sink's instances.
type shelf struct {
	mu      sync.Mutex
	records []string
	opens   []sdk.Start
	// open is told of each; write and commit may fail; nil: they do not.
	open   func()
	write  func(b sdk.Batch) error
	commit func() error
}

// memorySink stores on a shelf and keeps its length as the token.
type memorySink struct{ s *shelf }

func (m memorySink) Open(_ context.Context, start sdk.Start) error {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.s.opens = append(m.s.opens, start)
	if m.s.open != nil {
		m.s.open()
	}
	n := 0
	if start.Token != nil && !start.Full {
		var err error
		if n, err = strconv.Atoi(string(start.Token)); err != nil {
			return err
		}
	}
	if n > len(m.s.records) {
		return sdk.Permanent(fmt.Errorf("%d records were committed, %d are there", n, len(m.s.records)))
	}
	m.s.records = m.s.records[:n]
	return nil
}

func (m memorySink) Write(_ context.Context, b sdk.Batch) error {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if m.s.write != nil {
		if err := m.s.write(b); err != nil {
			var rejects sdk.Rejects
			if !errors.As(err, &rejects) {
				m.s.records = append(m.s.records, "half a batch")
			}
			return err
		}
	}
	for r := range b.Records() {
		m.s.records = append(m.s.records, string(r))
	}
	return nil
}

func (m memorySink) Commit(context.Context) (sdk.Token, error) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if m.s.commit != nil {
		if err := m.s.commit(); err != nil {
			return nil, err
		}
	}
	return sdk.Token(strconv.Itoa(len(m.s.records))), nil
}

// sorted returns the shelf's records as a multiset.
func (s *shelf) sorted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.records))
}

// box keeps dead letters like a sink.
type box struct {
	mu      sync.Mutex
	letters []pipeline.Letter
}

func (b *box) Open(_ string, _ int, token sdk.Token) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	if token != nil {
		n, _ = strconv.Atoi(string(token))
	}
	b.letters = b.letters[:n]
	return nil
}

func (b *box) Add(l pipeline.Letter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = append(b.letters, l)
	return nil
}

func (b *box) Commit() (sdk.Token, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return sdk.Token(strconv.Itoa(len(b.letters))), nil
}

// otherStore is a store of whose parts some are others; nil: they are the same.
type otherStore struct {
	checkpoint.Store
	coordinator func(checkpoint.Coordinator) checkpoint.Coordinator
	held        func(checkpoint.Held) checkpoint.Held
	view        func(checkpoint.View) checkpoint.View
}

func (s otherStore) Begin(ctx context.Context, b checkpoint.Begin) (checkpoint.Run, checkpoint.Coordinator, error) {
	run, c, err := s.Store.Begin(ctx, b)
	if err == nil && s.coordinator != nil {
		c = s.coordinator(c)
	}
	return run, c, err
}

func (s otherStore) Join(ctx context.Context, run checkpoint.Run, n int) (checkpoint.Seat, checkpoint.Held, error) {
	seat, held, err := s.Store.Join(ctx, run, n)
	if err == nil && s.held != nil {
		held = s.held(held)
	}
	return seat, held, err
}

func (s otherStore) View() checkpoint.View {
	if s.view == nil {
		return s.Store.View()
	}
	return s.view(s.Store.View())
}

// always is a stage whose plugin is always there.
func always[P any](name string, plugin P) pipeline.Stage[P] {
	return pipeline.Stage[P]{Name: name, MaxRejects: -1, Start: func(context.Context) (pipeline.Instance[P], error) {
		return pipeline.Instance[P]{Plugin: plugin, Stop: func(context.Context) error { return nil }}, nil
	}}
}

// world is one pipeline with everything that outlives a run.
type world struct {
	source *numbers
	shelf  *shelf
	box    *box
	store  checkpoint.Store
	config pipeline.Config
	runs   int
}

func newWorld(t *testing.T, source *numbers) *world {
	t.Helper()
	w := &world{source: source, shelf: &shelf{}, box: &box{}, store: checkpoint.NewMemory()}
	w.config = pipeline.Config{
		Source: always[sdk.Source]("source numbers", source), Store: w.store, Letters: w.box,
		Sinks:       []pipeline.Stage[sdk.Sink]{always[sdk.Sink]("sink shelf", memorySink{w.shelf})},
		Concurrency: 3, CommitEvery: 10 * time.Millisecond, SpoolDir: t.TempDir(),
	}
	w.config.Source.Streams = []string{"numbers"}
	return w
}

// run does one run; each has an id of its own.
func (w *world) run(ctx context.Context, t *testing.T) pipeline.Result {
	t.Helper()
	res, err := w.try(ctx)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return res
}

func (w *world) try(ctx context.Context) (pipeline.Result, error) {
	w.runs++
	w.config.Begin = checkpoint.Begin{ID: "run" + strconv.Itoa(w.runs), Now: time.Now(), Full: w.config.Begin.Full}
	return pipeline.New(w.config).Run(ctx)
}

// want is the multiset of all records of the source, times over.
func (w *world) want(times int) []string {
	var out []string
	for range times {
		for s := range w.source.splits {
			for n := range w.source.records {
				raw, _ := json.Marshal(number{"s" + strconv.Itoa(s), n})
				out = append(out, string(raw))
			}
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) check(t *testing.T, times int) {
	t.Helper()
	got, want := w.shelf.sorted(), w.want(times)
	if slices.Equal(got, want) {
		return
	}
	count := map[string]int{}
	for _, r := range got {
		count[r]++
	}
	lost, twice := 0, 0
	for _, r := range slices.Compact(want) {
		lost += max(0, times-count[r])
		twice += max(0, count[r]-times)
	}
	t.Errorf("%d records, want %d: %d lost, %d twice", len(got), len(want), lost, twice)
}
