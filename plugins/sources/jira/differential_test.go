// Differential histories: a random past goes on while full and incremental runs read, are killed and go on; what a keyed
// sink holds in the end is what the server's books say, stream by stream. A failing history is printed as the short list of
// the changes that it takes.
//
//	SCRAPEKIT_HISTORIES=2000 go test -run TestDifferentialHistories -timeout 60m ./plugins/sources/jira

package jira_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

// compared are the streams, with what the books and the sink say of each: text by key.
var compared = []struct {
	stream string
	full   string // why only a full run sees all of it; "": an incremental one does
	book   func(key string, l jiratest.Line) (string, string)
	record func(r map[string]any) (string, string)
}{
	{"issues", "", bookedIssue, recordedIssue},
	{"comments", "", child, childBy("id")},
	{"worklogs", "", child, childBy("id")},
	{"attachments", "", child, childBy("id")},
	{"changelog", "", child, childBy("history_id")},
	{"remote_links", "they do not touch updated", child, childBy("id")},
}

func child(key string, l jiratest.Line) (string, string) { return l.Parent + "/" + key, "" }

func childBy(field string) func(map[string]any) (string, string) {
	return func(r map[string]any) (string, string) { return fmt.Sprint(r["issue_id"], "/", r[field]), "" }
}

func bookedIssue(key string, l jiratest.Line) (string, string) {
	var b struct {
		Key    string
		Fields struct{ Updated, Summary string }
	}
	if err := json.Unmarshal(l.JSON, &b); err != nil {
		panic(err) // the books are the test's own
	}
	at, err := time.Parse("2006-01-02T15:04:05-0700", b.Fields.Updated)
	if err != nil {
		panic(err)
	}
	return key, fmt.Sprint(b.Key, " as of ", at.UTC().Format("2006-01-02T15:04:05.000Z"), " ", b.Fields.Summary)
}

func recordedIssue(r map[string]any) (string, string) {
	fields, _ := r["raw"].(map[string]any)["fields"].(map[string]any)
	return fmt.Sprint(r["id"]), fmt.Sprint(r["key"], " as of ", r["updated"], " ", fields["summary"])
}

// event is a change at a request of a run, or between runs.
type event struct {
	run, request int // request -1: before the run
	seed         uint64
}

// past is a history that can be played again, whole or in part.
type past struct {
	flavour jiratest.Flavour
	seed    uint64
	events  []event
}

const pastRuns = 3

func newPast(f jiratest.Flavour, seed uint64) past {
	rng := rand.New(rand.NewPCG(seed, 77))
	p := past{flavour: f, seed: seed}
	for run := range pastRuns + 1 {
		for range 5 + rng.IntN(25) {
			p.events = append(p.events, event{run, rng.IntN(40) - 5, rng.Uint64()})
		}
	}
	slices.SortStableFunc(p.events, func(a, b event) int { return (a.run-b.run)*1000 + a.request - b.request })
	return p
}

// player plays a past once.
type player struct {
	past
	*jiratest.Server
	now      time.Time
	mu       sync.Mutex
	run      int
	request  int
	done     []string
	previous map[string]sdk.Split
	chance   *rand.Rand
	source   sdk.Source
	disk     *sdktest.MemorySink
	sink     sdk.Sink
	streams  []string
}

// RoundTrip answers in this process, and lets happen what happens at this request.
func (p *player) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(delay(req))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.request++
	p.now = p.now.Add(time.Duration(1+p.seed%20) * time.Second)
	p.happen(p.request)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, req)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// delay puts requests that are made at once into an order of their own: in virtual time, so that a seed decides all.
func delay(req *http.Request) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(req.URL.String()))
	if req.GetBody != nil {
		if body, err := req.GetBody(); err == nil {
			_, _ = io.Copy(h, body) // a hash takes all
		}
	}
	return time.Duration(1 + h.Sum32()%1_000_000)
}

// happen makes the changes that are due.
func (p *player) happen(until int) {
	for len(p.events) > 0 && (p.events[0].run < p.run || p.events[0].run == p.run && p.events[0].request <= until) {
		e := p.events[0]
		p.events = p.events[1:]
		p.done = append(p.done, fmt.Sprintf("run %d, request %d: %s", e.run, e.request, p.change(rand.New(rand.NewPCG(e.seed, 3)), e.request > 0)))
	}
}

// change makes one random change; the ones that only a census sees come more often than in MutateIssue. Issues are hidden
// and shown between runs only: see the end of census.go's doc comment.
func (p *player) change(rng *rand.Rand, reading bool) string {
	books := p.Snapshot()
	if kind := rng.IntN(12); kind < 4 && len(books) > 0 && (kind < 2 || !reading) {
		key := books[rng.IntN(len(books))].Key
		switch kind {
		case 0, 1:
			return fmt.Sprint("delete ", key, " ", p.Delete(key))
		case 2:
			return fmt.Sprint("hide ", key, " ", p.Hide(key))
		}
		var err error
		for _, b := range books {
			err = errors.Join(err, p.Show(b.Key))
		}
		return fmt.Sprint("show all ", err)
	}
	if !reading {
		return p.MutateIssue(rng)
	}
	before := p.visible()
	done := p.MutateIssue(rng)
	what, key, _ := strings.Cut(done, " ")
	undo := map[string]func(string) error{"hide": p.Show, "show": p.Hide, "archive": p.Restore, "restore": p.Archive}[what]
	if undo == nil || before[key] == p.visible()[key] {
		return done
	}
	return fmt.Sprint(done, ", and back ", undo(key))
}

// visible returns the keys of the issues that anybody may see.
func (p *player) visible() map[string]bool {
	ids := p.Books("http://jira.test", "").Of("issues")
	keys := map[string]bool{}
	for _, b := range p.Snapshot() {
		_, keys[b.Key] = ids[b.ID]
	}
	return keys
}

// play returns how the sink differs from the books, or nil.
func play(t *testing.T, h past) (done []string, err error) {
	synctest.Test(t, func(t *testing.T) { done, err = playOnce(t.Context(), h) })
	return done, err
}

func playOnce(ctx context.Context, h past) (done []string, err error) {
	p := &player{past: h, now: epoch, previous: map[string]sdk.Split{}, chance: rand.New(rand.NewPCG(h.seed, 5))}
	p.events = slices.Clone(h.events)
	p.Server = jiratest.New(jiratest.Options{
		Flavour: h.flavour, Seed: h.seed, MaxResults: 1 + p.chance.IntN(12), JQLPrecision: []time.Duration{0, time.Second, time.Minute}[p.chance.IntN(3)],
		TimeZone: time.FixedZone("somewhere", (p.chance.IntN(27)-12)*3600), EmbeddedComments: p.chance.IntN(4),
		Now:    func() time.Time { return p.now },
		Quirks: jiratest.Quirks{RepeatLastToken: p.chance.IntN(2) == 0, OmitIsLast: p.chance.IntN(2) == 0, OmitTotal: p.chance.IntN(4) == 0},
	})
	p.Generate(jiratest.Synthetic{Projects: []jiratest.Project{{Key: "A", Issues: 3 + p.chance.IntN(12)}, {Key: "B", Issues: 3 + p.chance.IntN(12)}}})
	for _, c := range compared {
		p.streams = append(p.streams, c.stream)
	}
	p.streams = append(p.streams, "census")
	ctx = sdk.WithHost(ctx, sdk.Host{Transport: p})
	if err := p.open(ctx); err != nil {
		return p.done, err
	}
	for p.run = range pastRuns + 1 { // the last one is quiet, but for what happened before it
		p.now = p.now.Add(time.Duration(p.chance.IntN(1000)) * time.Second)
		p.request = 0
		p.happen(0)
		if p.run == pastRuns {
			p.happen(1 << 30)
		}
		if err := p.read(ctx); err != nil {
			return p.done, fmt.Errorf("run %d: %w", p.run, err)
		}
		p.happen(1 << 30)
	}
	if err := p.differs(false); err != nil {
		return p.done, err
	}
	p.previous = map[string]sdk.Split{} // as with --full
	if err := p.open(ctx); err != nil {
		return p.done, err
	}
	if err := p.read(ctx); err != nil {
		return p.done, fmt.Errorf("full run: %w", err)
	}
	return p.done, p.differs(true)
}

// open begins with an empty sink.
func (p *player) open(ctx context.Context) error {
	settings, err := json.Marshal(map[string]any{"url": "http://jira.test", "split_size": 5 + p.chance.IntN(20), "deletions": true, "mass_deletion": 0})
	if err != nil {
		return err
	}
	source, err := plugin().New(ctx, settings)
	if err != nil {
		return err
	}
	p.source = source.(sdk.Source)
	streams, err := p.source.Streams(ctx)
	if err != nil {
		return err
	}
	p.disk = sdktest.NewMemorySink()
	sink, err := p.disk.Plugin().New(ctx, []byte("{}"))
	if err != nil {
		return err
	}
	p.sink = sink.(sdk.Sink)
	return sink.(sdk.Opener).Open(ctx, sdk.Start{Run: "r", Streams: streams})
}

// read does a run. Splits are read in turn, killed now and then; their groups reach the sink in any order among splits.
func (p *player) read(ctx context.Context) error {
	splits, err := p.source.Plan(ctx, sdk.Plan{Streams: p.streams, Previous: slices.Collect(maps.Values(p.previous))})
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	var queues [][][]sdk.Batch
	p.chance.Shuffle(len(splits), func(i, j int) { splits[i], splits[j] = splits[j], splits[i] })
	for i := range splits {
		o := &groups{player: p, split: &splits[i]}
		if err := o.read(ctx); err != nil {
			return err
		}
		p.previous[splits[i].ID] = splits[i]
		queues = append(queues, o.groups)
	}
	for len(queues) > 0 {
		n := p.chance.IntN(len(queues))
		if len(queues[n]) == 0 {
			queues = slices.Delete(queues, n, n+1)
			continue
		}
		for _, b := range queues[n][0] {
			if err := p.sink.Write(ctx, b); err != nil {
				return err
			}
		}
		queues[n] = queues[n][1:]
	}
	return nil
}

// groups is the output of one split.
type groups struct {
	*player
	split  *sdk.Split
	open   []sdk.Batch
	groups [][]sdk.Batch
}

func (g *groups) read(ctx context.Context) error {
	var last error
	for range 200 {
		g.open = nil
		w := sdk.NewWriter(g)
		err := g.source.Read(ctx, *g.split, w)
		if err == nil {
			err = w.Flush()
		}
		if err == nil {
			g.groups = append(g.groups, g.open)
			return nil
		}
		if sdk.IsPermanent(err) {
			return err
		}
		last = err
	}
	return fmt.Errorf("killed for ever: %w", last)
}

func (g *groups) Batch(b sdk.Batch) error {
	b.Payload = slices.Clone(b.Payload)
	g.open = append(g.open, b)
	return nil
}

func (g *groups) Cursor(c []byte) error {
	time.Sleep(time.Millisecond) // what is read ahead is read first
	if g.chance.IntN(10) == 0 {
		return errKilled // with what has come since the last one
	}
	g.split.Cursor = slices.Clone(c)
	g.groups, g.open = append(g.groups, g.open), nil
	if g.chance.IntN(10) == 0 {
		return errKilled
	}
	return nil
}

func (g *groups) Split(sdk.Split) error { return errors.New("no further splits are expected") }

func (g *groups) Reject(r sdk.Reject) error {
	return fmt.Errorf("rejected from %s: %s", r.Stream, r.Reason)
}

// differs compares all streams that a run like the last one sees whole. What is hidden counts as neither there nor gone.
func (p *player) differs(full bool) error {
	books := p.Books("http://jira.test", "")
	inBooks := map[string]bool{}
	for _, b := range p.Snapshot() {
		inBooks[b.ID] = true
	}
	visible := books.Of("issues")
	var wrong []string
	for _, c := range compared {
		if c.full != "" && !full {
			continue
		}
		want, have := map[string]string{}, map[string]string{}
		for key, line := range books.Of(c.stream) {
			k, v := c.book(key, line)
			want[k] = v
		}
		for _, record := range p.disk.Latest(c.stream) {
			var r map[string]any
			if err := json.Unmarshal([]byte(record), &r); err != nil {
				return err
			}
			k, v := c.record(r)
			issue, _, _ := strings.Cut(k, "/")
			if _, seen := visible[issue]; seen || !inBooks[issue] {
				have[k] = v
			}
		}
		for k := range maps.Keys(union(want, have)) {
			w, expected := want[k]
			if h, there := have[k]; h != w || expected != there {
				wrong = append(wrong, fmt.Sprintf("%s %s: sink %q (%v), books %q (%v)", c.stream, k, h, there, w, expected))
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return errors.New(strings.Join(wrong[:min(len(wrong), 8)], "\n"))
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// shrink leaves out what the failure does not need.
func shrink(t *testing.T, h past) past {
	for size := len(h.events) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(h.events); {
			less := h
			less.events = slices.Delete(slices.Clone(h.events), at, at+size)
			if _, err := play(t, less); err != nil {
				h = less
			} else {
				at += size
			}
		}
	}
	return h
}

func TestDifferentialHistories(t *testing.T) {
	t.Parallel()
	count := 10 // of each flavour: about 20 s under the race detector
	if s := os.Getenv("SCRAPEKIT_HISTORIES"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	first := uint64(0)
	if s := os.Getenv("SCRAPEKIT_SEED"); s != "" {
		var err error
		if first, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for seed := first; seed < first+uint64(count); seed++ {
			h := newPast(f, seed)
			if _, err := play(t, h); err == nil {
				continue
			}
			h = shrink(t, h)
			done, err := play(t, h)
			t.Fatalf("seed %d, SCRAPEKIT_SEED=%d SCRAPEKIT_HISTORIES=1 repeats it:\n%s\nafter\n%s", seed, seed, err, strings.Join(done, "\n"))
		}
	})
}
