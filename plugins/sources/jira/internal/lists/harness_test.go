// The harness: a Jira that holds any list, and a host that keeps what runs leave.

package lists

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// fake is a Jira that serves lists by their path, and by what of the query tells them apart.
type fake struct {
	mu       sync.Mutex
	lists    map[string]*list
	requests []string
	before   func(path string, start int) // called before a request is answered, without the lock
	down     bool                         // the server has trouble with other requests as well
}

// list is one list, and how it is served.
type list struct {
	values []string
	member string // that holds it; "": it is the reply
	pages  paging
	most   int // a page; 0: as asked
	status int // instead of an answer
	// instead is the whole reply, with status 200.
	instead string
	quirk   quirk
}

// quirk is what a server gets wrong.
type quirk struct {
	ignoreStart, noLast, noTotal, noMost, alwaysMore bool
	total                                            int // added to the true one
}

func newFake() *fake { return &fake{lists: map[string]*list{}} }

// distinct are the parameters that tell lists of one path apart.
var distinct = []string{"groupname", "groupId", "projectKeyOrId", "from"}

func (f *fake) name(path string, query url.Values) string {
	for _, p := range distinct {
		if query.Has(p) {
			path += "?" + p + "=" + query.Get(p)
		}
	}
	return path
}

// RoundTrip implements [http.RoundTripper].
func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	start := number(req.URL.Query(), "startAt", "offset")
	if f.before != nil {
		f.before(req.URL.Path, start)
	}
	w := httptest.NewRecorder()
	f.serve(w, req, start)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

func number(query url.Values, names ...string) int {
	for _, name := range names {
		if n, err := strconv.Atoi(query.Get(name)); err == nil {
			return n
		}
	}
	return 0
}

func (f *fake) serve(w http.ResponseWriter, req *http.Request, start int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := f.name(req.URL.Path, req.URL.Query())
	f.requests = append(f.requests, name)
	l := f.lists[name]
	w.Header().Set("Content-Type", "application/json")
	switch {
	case l == nil && req.URL.Path == "/rest/api/2/serverInfo" && !f.down:
		fmt.Fprint(w, `{"version":"9.12.0"}`)
	case l == nil:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errorMessages":["there is no such list"]}`)
	case l.instead != "":
		fmt.Fprint(w, l.instead)
	case l.status != 0:
		w.WriteHeader(l.status)
		fmt.Fprint(w, `{"errorMessages":["das Board unterstützt keine Sprints"]}`)
	default:
		fmt.Fprint(w, l.page(start, number(req.URL.Query(), "maxResults", "limit")))
	}
}

func (l *list) page(start, most int) string {
	if l.pages == whole {
		return l.wrap(strings.Join(l.values, ","), "")
	}
	if l.most > 0 {
		most = min(most, l.most)
	}
	if l.quirk.ignoreStart {
		start = 0
	}
	from, to := min(start, len(l.values)), min(start+most, len(l.values))
	about := fmt.Sprintf(`"startAt":%d`, start)
	if !l.quirk.noMost {
		about += fmt.Sprintf(`,"maxResults":%d`, most)
	}
	if !l.quirk.noTotal {
		about += fmt.Sprintf(`,"total":%d`, len(l.values)+l.quirk.total)
	}
	if !l.quirk.noLast {
		about += fmt.Sprintf(`,"isLast":%t`, to == len(l.values) && !l.quirk.alwaysMore)
	}
	return l.wrap(strings.Join(l.values[from:to], ","), about+",")
}

func (l *list) wrap(values, about string) string {
	switch l.member {
	case one:
		return values
	case members:
		return "{" + values + "}"
	case "":
		return "[" + values + "]"
	}
	return fmt.Sprintf(`{%s%q:[%s]}`, about, l.member, values)
}

// host keeps what finished runs left.
type host struct {
	t        *testing.T
	fake     *fake
	flavour  string
	projects []string
	previous map[string]Previous
	counters map[string]int64
	mu       sync.Mutex
	patience rest.Patience
	vouch    rest.Vouch
}

func newHost(t *testing.T, f *fake, flavour string) *host {
	return &host{t: t, fake: f, flavour: flavour, previous: map[string]Previous{}}
}

// harvest is what a read delivered, and its cursors with how much had come before each.
type harvest struct {
	records []string
	deleted []string
	rejects []string
	cursors [][]byte
	reached []int
}

// Batch implements [sdk.Output], as the others do.
func (h *harvest) Batch(b sdk.Batch) error {
	for line := range b.Records() {
		if b.Op == sdk.Delete {
			h.deleted = append(h.deleted, string(line))
			continue
		}
		h.records = append(h.records, string(line))
	}
	return nil
}

func (h *harvest) Cursor(c []byte) error {
	h.cursors = append(h.cursors, slices.Clone(c))
	h.reached = append(h.reached, len(h.records))
	return nil
}

func (h *harvest) Split(sdk.Split) error { return fmt.Errorf("no split is expected") }

func (h *harvest) Reject(r sdk.Reject) error {
	h.rejects = append(h.rejects, r.Reason+": "+string(r.Record))
	return nil
}

func (h *host) site() (context.Context, Site) {
	count := func(name string, n int64) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.counters[name] += n
	}
	ctx := sdk.Host{Transport: h.fake, Count: count}.In(h.t.Context())
	base, err := url.Parse("https://jira.example")
	if err != nil {
		h.t.Fatal(err)
	}
	return ctx, Site{Site: rest.Site{Flavour: h.flavour}, Client: rest.NewClient(ctx, base, &h.vouch),
		Projects: h.projects, Overlap: 5 * time.Minute, Patience: &h.patience}
}

// plan says how the next run reads a stream.
func (h *host) plan(stream string) Part {
	h.t.Helper()
	_, site := h.site()
	var before *Previous
	if p, ok := h.previous[stream]; ok {
		before = &p
	}
	part, err := site.Plan(stream, before)
	if err != nil {
		h.t.Fatal(err)
	}
	return part
}

// read reads a part from a cursor on.
func (h *host) read(p Part, from []byte) (*harvest, error) {
	h.counters = map[string]int64{}
	ctx, site := h.site()
	got := &harvest{}
	w := sdk.NewWriter(got)
	err := Read(ctx, site, p, from, w)
	if err == nil {
		err = w.Flush()
	}
	return got, err
}

// run does a whole run of a stream, which must succeed.
// missing is how often a part was said to be missing.
func (h *host) missing(part string) (times int64) {
	for name, n := range h.counters {
		if strings.HasPrefix(name, "missing/"+part+": ") {
			times += n
		}
	}
	return times
}

func (h *host) run(stream string) *harvest {
	h.t.Helper()
	p := h.plan(stream)
	got, err := h.read(p, nil)
	if err != nil {
		h.t.Fatalf("%s: %v", stream, err)
	}
	if len(got.cursors) == 0 {
		h.t.Fatalf("%s: no final cursor", stream)
	}
	h.previous[stream] = Previous{Part: p, Cursor: got.cursors[len(got.cursors)-1]}
	return got
}

// ids returns one field of the records.
func ids(t *testing.T, records []string, field string) []string {
	t.Helper()
	out := []string{}
	for _, line := range records {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		out = append(out, fmt.Sprint(fields[field]))
	}
	return out
}

// want compares a field of the records, in their order.
func want(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got)+len(want) > 0 && !slices.Equal(got, want) {
		t.Errorf("%s: %d: %.300q, want %d: %.300q", what, len(got), got, len(want), want)
	}
}

// objects makes n values with ids from 1 on.
func objects(n int) (values, keys []string) {
	for i := range n {
		values = append(values, fmt.Sprintf(`{"id":"%d","name":"n%d"}`, i+1, i+1))
		keys = append(keys, strconv.Itoa(i+1))
	}
	return values, keys
}
