// Differential histories: a random past goes on while full and incremental runs read, are killed
// and go on; what a keyed sink holds in the end is what the server's content say, stream by stream. A
// failing history is printed as the short list of the changes that it takes.
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

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

// late are the streams of which a run learns only when the issue was updated otherwise, or that a
// full run alone sees whole. In half of the histories every issue is updated before the last run,
// which then must bring all.
var late = map[string]string{
	"remote_links":     "they do not touch updated",
	"votes":            "they do not touch updated",
	"watchers":         "they do not touch updated",
	"issue_properties": "they do not touch updated",
	"issue_links":      "that the other issue is deleted or hidden does not touch updated",
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
	// loses is a defect that a test plants: what of the output never reaches the sink.
	loses func(sdk.Batch) bool
	// streams are those to read; nil: chance decides.
	streams []string
}

const pastRuns = 3

// histories is how many of each flavour are played by default: together they read every stream.
const histories = 6

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
	touched  bool            // every issue, before the last run
	hidden   map[string]bool // ids of issues that could not be seen at some time
	compared map[string]bool // streams of which the sink held something
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
	in := req.Clone(req.Context())
	in.Header.Set("Authorization", "Bearer secret")
	w := httptest.NewRecorder()
	p.ServeHTTP(w, in)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// delay puts requests that are made at once into an order of their own: in virtual time, so that a
// seed decides all.
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
		p.done = append(p.done, fmt.Sprintf("run %d, request %d: %s", e.run, e.request,
			p.change(rand.New(rand.NewPCG(e.seed, 3)))))
		p.noteHidden()
	}
}

// change makes one random change; the ones that only a census sees come more often than in
// MutateIssue.
func (p *player) change(rng *rand.Rand) string {
	truth := p.Snapshot()
	if kind := rng.IntN(12); kind < 4 && len(truth) > 0 {
		key := truth[rng.IntN(len(truth))].Key
		switch kind {
		case 0, 1:
			return fmt.Sprint("delete ", key, " ", p.Delete(key))
		case 2:
			return fmt.Sprint("hide ", key, " ", p.Hide(key))
		}
		var err error
		for _, b := range truth {
			err = errors.Join(err, p.Show(b.Key))
		}
		return fmt.Sprint("show all ", err)
	}
	return p.Mutate(rng)
}

func (p *player) noteHidden() {
	for _, b := range p.Snapshot() {
		if !b.Found {
			p.hidden[b.ID] = true
		}
	}
}

// play returns how the sink differs from the server, or nil.
func play(t *testing.T, h past) (p *player, err error) {
	synctest.Test(t, func(t *testing.T) {
		p = newPlayer(h)
		err = p.play(t.Context())
	})
	return p, err
}

// newPlayer makes the Jira in which the past begins.
func newPlayer(h past) *player {
	p := &player{past: h, now: epoch, previous: map[string]sdk.Split{}, hidden: map[string]bool{},
		compared: map[string]bool{}, chance: rand.New(rand.NewPCG(h.seed, 5))}
	p.events = slices.Clone(h.events)
	p.Server = jiratest.New(jiratest.Options{
		Flavour: h.flavour, Seed: h.seed, MaxResults: pageSize(p.chance.IntN),
		JQLPrecision: []time.Duration{0, time.Second, time.Minute}[p.chance.IntN(3)],
		TimeZone:     time.FixedZone("somewhere", (p.chance.IntN(27)-12)*3600), EmbeddedComments: p.chance.IntN(4),
		Now: func() time.Time { return p.now }, ListPage: 2 + p.chance.IntN(20), FeedPage: 1 + p.chance.IntN(20),
		Auth: jiratest.Auth{Bearer: map[string]string{"secret": "root"}},
		Quirks: jiratest.Quirks{RepeatLastToken: p.chance.IntN(2) == 0, OmitIsLast: p.chance.IntN(2) == 0,
			OmitTotal: p.chance.IntN(4) == 0, PlaceTokens: p.chance.IntN(2) == 0},
	})
	p.Generate(jiratest.Synthetic{Projects: []jiratest.Project{{Key: "A", Issues: 3 + p.chance.IntN(12)},
		{Key: "B", Issues: 3 + p.chance.IntN(12)}}})
	p.streams = h.streams
	for n, stream := range plugin().Streams {
		chosen := jira.IssueStream(stream.Name) || stream.Name == "census" || p.chance.IntN(4) == 0 ||
			uint64(n)%histories == h.seed%histories
		if h.streams == nil && chosen {
			p.streams = append(p.streams, stream.Name)
		}
	}
	return p
}

// play does the runs, and one more that begins anew.
func (p *player) play(ctx context.Context) error {
	ctx = sdk.Host{Transport: p}.In(ctx)
	if err := p.open(ctx); err != nil {
		return err
	}
	for p.run = range pastRuns + 1 { // the last one is quiet, but for what happened before it
		p.now = p.now.Add(time.Duration(p.chance.IntN(1000)) * time.Second)
		p.request = 0
		p.happen(0)
		if p.run == pastRuns {
			p.happen(1 << 30)
			if err := p.finish(); err != nil {
				return err
			}
			p.now = p.now.Add(2 * time.Minute) // what the feeds of worklogs leave to the next run
		}
		if err := p.read(ctx); err != nil {
			return fmt.Errorf("run %d: %w", p.run, err)
		}
		p.happen(1 << 30)
	}
	if err := p.differs(false); err != nil {
		return err
	}
	p.previous = map[string]sdk.Split{} // as with --full
	if err := p.open(ctx); err != nil {
		return err
	}
	if err := p.read(ctx); err != nil {
		return fmt.Errorf("full run: %w", err)
	}
	return p.differs(true)
}

// finish makes what histories have too few of, an epic and an issue in a sprint, and updates every
// issue in half of them.
func (p *player) finish() error {
	sprints := slices.Sorted(maps.Keys(p.Truth("http://jira.test", "root").Of("sprints")))
	if issues := p.Snapshot(); len(issues) > 0 {
		// unless the type was renamed
		_, _ = p.Create(issues[0].Project, map[string]any{"issuetype": "Epic", "summary": "an epic"})
		for _, id := range sprints {
			_ = p.MoveToSprint(issues[0].Key, id) // unless it is of another project, or closed
		}
	}
	p.touched = p.seed%2 == 0
	if !p.touched {
		return nil
	}
	for _, b := range p.Snapshot() {
		if err := p.Edit(b.Key, map[string]any{"summary": "at last"}); err != nil {
			return err
		}
	}
	return nil
}

// open begins with an empty sink.
func (p *player) open(ctx context.Context) error {
	settings, err := json.Marshal(map[string]any{"url": "http://jira.test", "split_size": 5 + p.chance.IntN(20),
		"deletions": true, "mass_deletion": 0})
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

// read does a run. Splits are read in turn, killed now and then; their groups reach the sink in any
// order among splits.
func (p *player) read(ctx context.Context) error {
	splits, err := p.source.Plan(ctx, sdk.Plan{Streams: p.streams, Previous: slices.Collect(maps.Values(p.previous))})
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	var queues [][][]sdk.Batch
	p.chance.Shuffle(len(splits), func(i, j int) { splits[i], splits[j] = splits[j], splits[i] })
	known := map[string]bool{}
	for i := 0; i < len(splits); i++ { // grows
		if known[splits[i].ID] {
			continue
		}
		known[splits[i].ID] = true
		split := splits[i]
		o := &groups{player: p, split: &split}
		if err := o.read(ctx); err != nil {
			return err
		}
		p.previous[split.ID] = split
		queues = append(queues, o.groups)
		splits = append(splits, o.added...)
	}
	for len(queues) > 0 {
		n := p.chance.IntN(len(queues))
		if len(queues[n]) == 0 {
			queues = slices.Delete(queues, n, n+1)
			continue
		}
		for _, b := range queues[n][0] {
			if p.loses != nil && p.loses(b) {
				continue
			}
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
	found  []sdk.Split // since the last cursor
	added  []sdk.Split
}

func (g *groups) read(ctx context.Context) error {
	var last error
	for range 200 {
		g.open, g.found = nil, nil
		w := sdk.NewWriter(g)
		err := g.source.Read(ctx, *g.split, w)
		if err == nil {
			err = w.Flush()
		}
		if err == nil {
			g.groups, g.added = append(g.groups, g.open), append(g.added, g.found...)
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
	g.added, g.found = append(g.added, g.found...), nil
	if g.chance.IntN(10) == 0 {
		return errKilled
	}
	return nil
}

func (g *groups) Split(s sdk.Split) error {
	g.found = append(g.found, s)
	return nil
}

func (g *groups) Reject(r sdk.Reject) error {
	return fmt.Errorf("rejected from %s: %s", r.Stream, r.Reason)
}

// differs compares all streams that were read. full: the last run began anew.
func (p *player) differs(full bool) error {
	truth := p.Truth("http://jira.test", "root")
	exists := map[string]bool{}
	for _, b := range p.Snapshot() {
		exists[b.ID] = true
	}
	seen := truth.Of("issues")
	var wrong []string
	for _, stream := range p.streams {
		if late[stream] != "" && !full && !p.touched {
			continue
		}
		want, have := trueRecords(truth, p.flavour, stream), map[string]string{}
		for _, line := range p.disk.Latest(stream) {
			key, content := recorded(stream, []byte(line))
			have[key] = content
		}
		if len(have) > 0 {
			p.compared[stream] = true
		}
		if jira.ListStream(stream) && len(want) == 0 && len(have) >= 10 {
			continue // a long list that is suddenly empty is not believed
		}
		for key := range union(want, have) {
			issue, rest, _ := strings.Cut(key, "/")
			_, end, _ := strings.Cut(strings.TrimSuffix(rest, "/"), ":") // of a link to a sub-task or parent
			_, visible := seen[issue]
			_, endVisible := seen[end]
			if p.ofIssues(stream) && (exists[issue] && !visible || exists[end] && !endVisible) {
				continue // what is hidden is neither there nor gone
			}
			w, expected := want[key]
			h, there := have[key]
			if p.excused(stream, key, h, expected, there, full) {
				continue
			}
			w, h = p.settled(stream, w, full), p.settled(stream, h, full)
			if h != w || expected != there {
				wrong = append(wrong, fmt.Sprintf("%s %s: sink %q (%v), truth %q (%v)", stream, key, h, there, w,
					expected))
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return errors.New(strings.Join(wrong[:min(len(wrong), 8)], "\n"))
}

// ofIssues reports whether the keys of a stream begin with the id of an issue.
func (p *player) ofIssues(stream string) bool {
	return stream == "census" || jira.IssueStream(stream) && stream != "worklog_feed" && stream != "users_seen"
}

// excused tells the differences that are none.
func (p *player) excused(stream, key, have string, expected, there, full bool) bool {
	switch stream {
	case "users_seen":
		return there // who is not named any more stays, and the look of a place is that of its time
	case "census":
		return !expected && have == "deleted" // of an issue that is not there
	case "worklog_feed":
		// Its feeds do not say that an issue was deleted, nor that it can be seen again.
		return !expected && !full && p.ofGone(have) || p.hiddenWorklog(strings.TrimSuffix(key, "/"))
	}
	return false
}

// ofGone reports whether a worklog is of an issue that is not there any more.
func (p *player) ofGone(worklog string) bool {
	var w struct{ IssueID string }
	decode([]byte(worklog), &w)
	return !slices.ContainsFunc(p.Snapshot(), func(b jiratest.Issue) bool { return b.ID == w.IssueID })
}

// hiddenWorklog reports whether a worklog belongs to an issue that could not be seen at some time.
func (p *player) hiddenWorklog(id string) bool {
	for _, b := range p.Snapshot() {
		if p.hidden[b.ID] && slices.Contains(b.Worklogs, id) {
			return true
		}
	}
	return false
}

// settled is a content without what an incremental run may have missed: what a value shows of other
// things, such as the names of people and states.
func (p *player) settled(stream, content string, full bool) string {
	switch {
	case full || content == "":
		return content
	case stream == "issues":
		return issueVersion(content)
	case jira.IssueStream(stream) && !p.touched, stream == "worklog_feed":
		return ""
	}
	return content
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

// setting returns a number of the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func TestDifferentialHistories(t *testing.T) {
	t.Parallel()
	count, first := setting(t, "SCRAPEKIT_HISTORIES", histories), setting(t, "SCRAPEKIT_SEED", 0)
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		compared := map[string]bool{}
		for seed := first; seed < first+count; seed++ {
			h := newPast(f, uint64(seed))
			p, err := play(t, h)
			if err == nil {
				maps.Copy(compared, p.compared)
				continue
			}
			h = shrink(t, h)
			p, err = play(t, h)
			t.Fatalf("seed %d, SCRAPEKIT_SEED=%d SCRAPEKIT_HISTORIES=1 repeats it:\n%s\nafter\n%s", seed, seed, err,
				strings.Join(p.done, "\n"))
		}
		if first != 0 || count < histories {
			return
		}
		for _, s := range plugin().Streams { // that all are read and none is left out is not to depend on a list here
			if jira.InFlavour(s.Name, flavourNames[f]) && !compared[s.Name] {
				t.Errorf("no history compared a record of the stream %s", s.Name)
			}
		}
	})
}

// A defect that is planted is found, and told by the few changes that it takes.
func TestHistoriesShrink(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for seed := range uint64(20) {
			h := newPast(f, seed)
			h.streams = []string{"issues", "census"}
			h.loses = func(b sdk.Batch) bool { return b.Stream == "issues" && b.Op == sdk.Delete }
			if _, err := play(t, h); err == nil {
				continue
			}
			less := shrink(t, h)
			p, err := play(t, less)
			if err == nil || !strings.Contains(err.Error(), "issues") || len(less.events) > 3 {
				t.Errorf("of %d changes %d are left, and end with %v: %q", len(h.events), len(less.events), err, p.done)
			}
			return
		}
		t.Error("no history found that deletions of issues are lost")
	})
}
