// The harness of the tests: a Jira of our own, and a host that keeps groups, cursors and finished
// splits as the real one does.

package jira_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// epoch is when the tests' time begins.
var epoch = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// plugin is made once: the schemas of its settings and streams are the same every time.
var plugin = sync.OnceValue(jira.Plugin)

// world is a Jira with a clock that only the test moves.
type world struct {
	*jiratest.Server
	url     string
	flavour jiratest.Flavour
	wire    bool         // requests go over a real connection, not straight to the handler
	ticks   atomic.Int64 // since epoch
}

func (w *world) now() time.Time          { return epoch.Add(time.Duration(w.ticks.Load())) }
func (w *world) advance(d time.Duration) { w.ticks.Add(int64(d)) }

func newWorld(t *testing.T, o jiratest.Options) *world {
	t.Helper()
	w := &world{flavour: o.Flavour, wire: o.BasePath != "" || o.Faults != jiratest.Faults{}}
	if o.Now == nil {
		o.Now = w.now
	}
	w.Server = jiratest.New(o)
	srv := httptest.NewServer(w.Server)
	t.Cleanup(srv.Close)
	w.url = srv.URL + o.BasePath
	return w
}

// quietWorld is a world that is asked without a connection, for synctest.
func quietWorld(o jiratest.Options) *world {
	w := &world{flavour: o.Flavour, url: "http://jira.test"}
	o.Now = w.now
	w.Server = jiratest.New(o)
	return w
}

// fill creates issues, one every step, and returns their keys.
func (w *world) fill(t *testing.T, project string, n int, step time.Duration) []string {
	t.Helper()
	keys := make([]string, n)
	for i := range keys {
		key, err := w.Create(project, map[string]any{"summary": fmt.Sprintf("issue %d", i)})
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
		w.advance(step)
	}
	return keys
}

// host plays the host: it keeps what finished runs left.
type host struct {
	t         *testing.T
	settings  map[string]any
	transport http.RoundTripper
	keep      func(req *http.Request, key string, expect reply.Expect) (reply.File, error)
	previous  map[string]sdk.Split
	pending   []sdk.Batch // that are not in holds yet; guarded by the harvest's mutex
	holds     keyed
	attempts  int  // per split; 0: 1
	checks    bool // before each plan, as the program does
	inTurn    bool // one split after the other, so that a seed decides all
	// afterCursor is called after every cursor; an error kills the read.
	afterCursor func(split string) error
}

func newHost(t *testing.T, w *world, settings map[string]any) *host {
	t.Helper()
	wire := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(wire.CloseIdleConnections)
	var transport http.RoundTripper = wire
	if w.Server != nil && !w.wire {
		transport = direct{w.Server, w.url, wire}
	}
	all := map[string]any{"url": w.url}
	maps.Copy(all, settings)
	return &host{t: t, settings: all, transport: transport, previous: map[string]sdk.Split{}, holds: keyed{}}
}

// direct hands requests for one server to its handler. Connections are the host's concern, and
// under the race detector they cost several times what the rest does.
type direct struct {
	jira http.Handler
	url  string
	wire http.RoundTripper // for all others
}

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme+"://"+req.URL.Host != d.url {
		return d.wire.RoundTrip(req)
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	in := req.Clone(req.Context())
	in.Host = cmp.Or(in.Host, in.URL.Host)
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.jira.ServeHTTP(w, in)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// harvest is what a run delivered.
type harvest struct {
	mu       sync.Mutex
	records  map[string][]json.RawMessage // by stream
	deleted  map[string][]json.RawMessage // likewise
	origins  map[string][]string          // the split of each record
	rejects  []sdk.Reject
	counters map[string]int64
	splits   []sdk.Split
	added    []sdk.Split // by other splits
}

type record struct {
	ID                string          `json:"id"`
	Key               string          `json:"key"`
	IssueKey          string          `json:"issue_key"`
	Project           string          `json:"project"`
	Updated           string          `json:"updated"`
	Flavour           string          `json:"flavour"`
	CommentCount      int             `json:"comment_count"`
	CommentsComplete  bool            `json:"comments_complete"`
	ChangelogComplete bool            `json:"changelog_complete"`
	Position          int             `json:"position"`
	Raw               json.RawMessage `json:"raw"`
	origin            string          // the split
}

func (h *harvest) of(t *testing.T, stream string) []record {
	t.Helper()
	var out []record
	for n, raw := range h.records[stream] {
		r := record{origin: h.origins[stream][n]}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatalf("%s: %v in %.200s", stream, err, raw)
		}
		out = append(out, r)
	}
	return out
}

// keys returns the keys of the issues in the order of the alphabet, each as often as it came.
func (h *harvest) keys(t *testing.T) []string {
	var keys []string
	for _, r := range h.of(t, "issues") {
		keys = append(keys, r.Key)
	}
	slices.Sort(keys)
	return keys
}

func (h *host) open() sdk.Source {
	h.t.Helper()
	raw, err := json.Marshal(h.settings)
	if err != nil {
		h.t.Fatal(err)
	}
	p, err := plugin().New(h.t.Context(), raw)
	if err != nil {
		h.t.Fatal(err)
	}
	return p.(sdk.Source)
}

func openWith(t *testing.T, settings map[string]any) (any, error) {
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	return plugin().New(t.Context(), raw)
}

func (h *host) context(count func(string, int64)) context.Context {
	return sdk.Host{Transport: h.transport, Keep: h.keep, Count: count}.In(h.t.Context())
}

// run does a whole run, which must succeed.
func (h *host) run(streams ...string) *harvest {
	h.t.Helper()
	got, err := h.tryRun(streams...)
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

func (h *host) tryRun(streams ...string) (*harvest, error) {
	if len(streams) == 0 {
		streams = []string{"issues", "comments"}
	}
	got := &harvest{records: map[string][]json.RawMessage{}, deleted: map[string][]json.RawMessage{},
		origins: map[string][]string{}, counters: map[string]int64{}}
	ctx := h.context(got.count)
	src := h.open()
	if h.checks {
		if err := src.(sdk.Checker).Check(ctx); err != nil {
			return got, fmt.Errorf("check: %w", err)
		}
	}
	splits, err := src.Plan(ctx, sdk.Plan{Streams: streams, Previous: slices.Collect(maps.Values(h.previous))})
	if err != nil {
		return got, fmt.Errorf("plan: %w", err)
	}
	got.splits = splits
	var wg sync.WaitGroup
	errs := make([]error, len(splits))
	for i := range splits {
		wg.Go(func() { errs[i] = h.readSplit(ctx, src, &splits[i], got) })
		if h.inTurn {
			wg.Wait()
		}
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return got, err
	}
	for _, s := range splits {
		h.previous[s.ID] = s
	}
	return got, h.readAdded(ctx, src, got)
}

// kept is what a keyed sink holds after all runs.
func (h *host) kept() keyed {
	for _, b := range h.pending {
		h.holds.apply(h.t, b)
	}
	h.pending = nil
	return h.holds
}

// readAdded reads the splits that others added, each id once.
func (h *host) readAdded(ctx context.Context, src sdk.Source, got *harvest) error {
	read := map[string]bool{}
	for n := 0; n < len(got.added); n++ { // grows
		s := got.added[n]
		if read[s.ID] {
			continue
		}
		read[s.ID] = true
		if err := h.readSplit(ctx, src, &s, got); err != nil {
			return err
		}
		h.previous[s.ID] = s
	}
	return nil
}

// readSplit reads a split to its end, from its last cursor after every temporary error.
func (h *host) readSplit(ctx context.Context, src sdk.Source, s *sdk.Split, got *harvest) error {
	for left := max(h.attempts, 1); ; left-- {
		o := &output{host: h, split: s, got: got}
		w := sdk.NewWriter(o)
		err := src.Read(ctx, *s, w)
		if err == nil {
			if err = w.Flush(); err == nil {
				o.commit()
				return nil
			}
		}
		if sdk.IsPermanent(err) || left <= 1 && !errors.Is(err, errKilled) {
			return err
		}
	}
}

func (h *harvest) count(name string, n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counters[name] += n
}

// output holds a group until its cursor has come.
type output struct {
	host    *host
	split   *sdk.Split
	got     *harvest
	group   map[string][]json.RawMessage
	gone    map[string][]json.RawMessage // keys of deletions
	batches []sdk.Batch
	added   []sdk.Split
	rejects []sdk.Reject
}

var errKilled = errors.New("killed by the test")

func (o *output) Batch(b sdk.Batch) error {
	if o.group == nil {
		o.group, o.gone = map[string][]json.RawMessage{}, map[string][]json.RawMessage{}
	}
	b.Payload = bytes.Clone(b.Payload)
	o.batches = append(o.batches, b)
	into := o.group
	if b.Op == sdk.Delete {
		into = o.gone
	}
	for r := range b.Records() {
		into[b.Stream] = append(into[b.Stream], slices.Clone(r))
	}
	return nil
}

func (o *output) Cursor(c []byte) error {
	o.split.Cursor = slices.Clone(c)
	o.commit()
	if o.host.afterCursor != nil {
		return o.host.afterCursor(o.split.ID)
	}
	return nil
}

func (o *output) commit() {
	o.got.mu.Lock()
	defer o.got.mu.Unlock()
	for stream, records := range o.group {
		o.got.records[stream] = append(o.got.records[stream], records...)
		o.got.origins[stream] = append(o.got.origins[stream], slices.Repeat([]string{o.split.ID}, len(records))...)
	}
	for stream, keys := range o.gone {
		o.got.deleted[stream] = append(o.got.deleted[stream], keys...)
	}
	o.host.pending = append(o.host.pending, o.batches...)
	o.got.added = append(o.got.added, o.added...)
	o.got.rejects = append(o.got.rejects, o.rejects...)
	o.group, o.gone, o.batches, o.added, o.rejects = nil, nil, nil, nil, nil
}

func (o *output) Split(s sdk.Split) error {
	o.added = append(o.added, s)
	return nil
}

func (o *output) Reject(r sdk.Reject) error {
	o.rejects = append(o.rejects, r)
	return nil
}

// flavours runs a test against both.
func flavours(t *testing.T, test func(t *testing.T, f jiratest.Flavour)) {
	for _, f := range []jiratest.Flavour{jiratest.DataCenter, jiratest.Cloud} {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			test(t, f)
		})
	}
}

// wantKeys compares the delivered keys, each as often as it came.
func wantKeys(t *testing.T, got *harvest, want []string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	have := got.keys(t)
	if slices.Equal(have, want) {
		return
	}
	counts := map[string]int{}
	for _, k := range have {
		counts[k]++
	}
	for _, k := range want {
		counts[k]--
	}
	var wrong []string
	for k, n := range counts {
		if n != 0 {
			wrong = append(wrong, fmt.Sprintf("%s %+d", k, n))
		}
	}
	slices.Sort(wrong)
	t.Fatalf("delivered %d issues, want %d; difference: %s", len(have), len(want), strings.Join(wrong, ", "))
}

// wantMissing looks for a part that a run was said to go on without, and for words of why.
func wantMissing(t *testing.T, got *harvest, part string, words ...string) {
	t.Helper()
	for name := range got.counters {
		why, ok := strings.CutPrefix(name, "missing/"+part+": ")
		if ok && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(why, w) }) {
			return
		}
	}
	t.Errorf("%s is not said to be missing for %q: %v", part, words, got.missing())
}

// missing returns what a run was said to go on without.
func (h *harvest) missing() []string {
	var all []string
	for name := range h.counters {
		if what, ok := strings.CutPrefix(name, "missing/"); ok {
			all = append(all, what)
		}
	}
	slices.Sort(all)
	return all
}
