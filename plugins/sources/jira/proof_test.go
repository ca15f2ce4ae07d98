// What proves that a walk has met all: pages that join, or a roll call.

package jira_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
)

// edited edits an issue.
func edited(key string) func(*world) error {
	return func(w *world) error { return w.Edit(key, map[string]any{"summary": "again"}) }
}

// once has something happen before the first search that asks so.
func once(w *world, asks func(url.Values) bool, do func()) {
	var first sync.Once
	w.OnRequest(func(r *http.Request) {
		if q := r.URL.Query(); strings.Contains(r.URL.Path, "/search") && asks(q) {
			first.Do(do)
		}
	})
}

// deep tells the search for a second page: of Data Center from startAt on.
func deep(startAt int) func(url.Values) bool {
	return func(q url.Values) bool {
		return q.Get("startAt") == fmt.Sprint(startAt) || q.Get("nextPageToken") != ""
	}
}

// came is the last record of each issue.
type came map[string]record

// run does a run, and takes down what came.
func (c came) run(t *testing.T, h *host) {
	t.Helper()
	for _, r := range h.run("issues").of(t, "issues") {
		if c[r.ID].Updated <= r.Updated {
			c[r.ID] = r
		}
	}
}

// whole compares what came, after two more runs, with the server's content.
func (c came) whole(t *testing.T, w *world, h *host) {
	t.Helper()
	w.OnRequest(nil)
	for range 2 {
		w.advance(time.Hour)
		c.run(t, h)
	}
	balance(t, w, c)
}

// What goes away from before the next page of a walk over updates moves the list up, and hides what
// takes its place.
func TestListThatMovesUpBetweenPages(t *testing.T) {
	t.Parallel()
	far := time.FixedZone("far", -9*3600)
	places, ones := jiratest.Quirks{PlaceTokens: true}, jiratest.Options{MaxResults: 1}
	for name, c := range map[string]struct {
		change   func(w *world) error // nil: an edit
		options  jiratest.Options
		settings map[string]any
	}{
		"edit": {options: ones},
		"comment": {change: func(w *world) error { _, err := w.Comment("ALPHA-1", "a word"); return err },
			options: ones},
		"move": {change: func(w *world) error { _, err := w.Move("ALPHA-1", "BETA"); return err },
			options: ones},
		"delete":       {change: func(w *world) error { return w.Delete("ALPHA-1") }, options: ones},
		"page_size":    {settings: map[string]any{"page_size": 1}},
		"minute":       {options: jiratest.Options{MaxResults: 1, JQLPrecision: time.Minute, TimeZone: far}},
		"pages of two": {options: jiratest.Options{MaxResults: 2}},
		"places":       {options: jiratest.Options{Flavour: jiratest.Cloud, MaxResults: 1, Quirks: places}},
	} {
		if c.change == nil {
			c.change = edited("ALPHA-1")
		}
		for _, step := range []time.Duration{0, 10 * time.Minute} {
			t.Run(name+" "+step.String(), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, c.options)
				w.fill(t, "ALPHA", 3, time.Hour)
				w.fill(t, "BETA", 1, time.Hour)
				h := newHost(t, w, c.settings)
				h.inTurn = true
				got := came{}
				got.run(t, h)
				w.advance(time.Hour)
				must(t, edited("ALPHA-1")(w))
				w.advance(step)
				must(t, edited("ALPHA-2")(w)) // what would be hidden
				w.advance(time.Hour)
				must(t, edited("ALPHA-3")(w))
				w.advance(2 * time.Minute)
				once(w, deep(1), func() { must(t, c.change(w)) })
				got.run(t, h)
				got.whole(t, w, h)
			})
		}
	}
}

// In a full walk no later run brings what is hidden.
func TestListOfAFullWalkThatMovesUpBetweenPages(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]jiratest.Options{
		"one":       {MaxResults: 1},
		"two":       {MaxResults: 2},
		"no totals": {MaxResults: 2, Quirks: jiratest.Quirks{OmitTotal: true}},
		"by places": {Flavour: jiratest.Cloud, MaxResults: 2, Quirks: jiratest.Quirks{PlaceTokens: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, o)
			w.fill(t, "ALPHA", 12, 0)
			w.advance(24 * time.Hour)
			h := newHost(t, w, nil)
			once(w, deep(5), func() { // the two behind the first page are asked for with it
				for n := range 2 {
					must(t, w.Delete(fmt.Sprint("ALPHA-", n+1)))
				}
			})
			got := came{}
			got.run(t, h)
			got.whole(t, w, h)
		})
	}
}

// The last issue of a page shows a time that its place in the index does not have yet. Then it gets
// there, over what is behind it, and another one goes away.
func TestIndexThatCatchesUpBetweenPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		behind int // issues behind that one
		total  bool
	}{{1, true}, {1, false}, {2, true}, {2, false}} {
		t.Run(fmt.Sprintf("over %d, total %v", c.behind, c.total), func(t *testing.T) {
			t.Parallel()
			quirks := jiratest.Quirks{OmitTotal: !c.total}
			w := newWorld(t, jiratest.Options{MaxResults: 3, IndexLag: time.Minute, Quirks: quirks})
			w.fill(t, "ALPHA", 6, 0)
			w.advance(time.Hour)
			h, got := newHost(t, w, nil), came{}
			got.run(t, h)
			w.advance(time.Hour)
			for n := range 3 + c.behind {
				must(t, edited(fmt.Sprint("ALPHA-", n+1))(w))
			}
			w.advance(time.Hour)
			must(t, edited("ALPHA-3")(w))
			w.advance(time.Second)
			once(w, deep(2), func() {
				w.advance(time.Minute)
				must(t, w.Delete("ALPHA-1"))
			})
			got.run(t, h)
			got.whole(t, w, h)
		})
	}
}

// Issues go away from a bulk edit's minute while it is read: the walk goes on from where it is, and
// does not begin anew.
func TestManyIssuesGoAwayWhileAMinuteIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{MaxResults: 10})
	w.fill(t, "ALPHA", 300, 0)
	w.advance(time.Hour)
	h := newHost(t, w, nil)
	gone := 0
	mutateWhileReading(w, func(int) {
		if gone++; gone <= 200 {
			must(t, w.Delete(fmt.Sprint("ALPHA-", gone)))
		}
	})
	before, got := w.Stats().Requests, came{}
	got.run(t, h)
	if n := w.Stats().Requests - before; n > 100 {
		t.Errorf("%d requests for 300 issues, ten a page", n)
	}
	got.whole(t, w, h)
}

// An index names issues that are gone: each takes a place on its page.
func TestIssuesThatOnlyTheIndexHas(t *testing.T) {
	t.Parallel()
	key := func(n int) string { return fmt.Sprint("ALPHA-", n) }
	for name, gone := range map[string][]int{
		"in the middle":  {50},
		"first":          {1},
		"last":           {150},
		"here and there": {3, 150},
		"too many":       {50, 51},
	} {
		for _, pages := range []int{1, 10, 100} {
			t.Run(fmt.Sprint(name, " ", pages), func(t *testing.T) {
				t.Parallel()
				var lost []string
				for _, n := range gone {
					lost = append(lost, key(n))
				}
				w := newWorld(t, jiratest.Options{MaxResults: pages, Quirks: jiratest.Quirks{GoneIssues: lost}})
				keys := w.fill(t, "ALPHA", 150, 0)
				if name == "here and there" {
					keys = append(keys, w.fill(t, "ALPHA", 50, 0)...)
				}
				w.advance(time.Hour)
				h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
				there := without(keys, lost...)
				if name == "too many" {
					_, err := h.tryRun("issues")
					wantError(t, err, false, "of 150 issues", "try again later", "built anew")
					return
				}
				wantKeys(t, h.run("issues"), there)
				wantKeys(t, h.run("issues"), nil)
				for _, k := range keys { // a bulk edit
					must(t, edited(k)(w))
				}
				w.advance(time.Hour)
				wantKeys(t, h.run("issues"), there)
			})
		}
	}
}

// A server counts issues that it does not show: the run is not complete, and what was not shown
// comes when it is well again.
func TestIssuesThatAreCountedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, later := range []bool{false, true} {
		for _, step := range []time.Duration{0, time.Minute, time.Hour} {
			for _, pages := range []int{1, 3, 10, 100} {
				for name, hidden := range map[string][2]int{
					"middle": {4, 9}, "last": {6, 24}, "first": {1, 5}, "page": {7, 9}, "near the end": {20, 23},
				} {
					t.Run(fmt.Sprint(name, " ", pages, " ", step, " later ", later), func(t *testing.T) {
						t.Parallel()
						w := newWorld(t, jiratest.Options{MaxResults: pages})
						keys := w.fill(t, "ALPHA", 24, step)
						w.advance(time.Hour)
						h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
						if later {
							h.run("issues")
							for _, k := range keys {
								must(t, edited(k)(w))
								w.advance(step)
							}
							w.advance(time.Hour)
						}
						each(t, keys[hidden[0]-1:hidden[1]], w.Skip)
						ill, err := h.tryRun("issues")
						wantError(t, err, false, "try again later")
						each(t, keys[hidden[0]-1:hidden[1]], w.Unskip)
						rest := ill.goOn(t, h)
						wantKeys(t, rest, keys)
					})
				}
			}
		}
	}
}

// One issue that is counted and not shown may be gone; that takes a second look.
func TestIssueThatIsShownAtTheSecondLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{})
	keys := w.fill(t, "ALPHA", 24, time.Hour)
	h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
	must(t, w.Skip(keys[5]))
	looks := 0
	w.OnRequest(func(r *http.Request) {
		if !strings.Contains(r.URL.Query().Get("jql"), "key DESC") {
			return
		}
		if looks++; looks == 2 {
			must(t, w.Unskip(keys[5]))
		}
	})
	wantKeys(t, h.run("issues"), keys)
}

// each does something with each issue.
func each(t *testing.T, keys []string, do func(string) error) {
	t.Helper()
	for _, k := range keys {
		must(t, do(k))
	}
}

// goOn goes on with a run that failed, as the host does, to its end.
func (h *harvest) goOn(t *testing.T, host *host) *harvest {
	t.Helper()
	src, ctx := host.open(), host.context(h.count)
	for n := range h.splits {
		if err := host.readSplit(ctx, src, &h.splits[n], h); err != nil {
			t.Fatal(err)
		}
		host.previous[h.splits[n].ID] = h.splits[n]
	}
	must(t, host.readAdded(ctx, src, h))
	return h
}

// A census of a server that counts what it does not show deletes nothing.
func TestCensusOfIssuesThatAreCountedAndNotShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{MaxResults: 5})
	keys := w.fill(t, "ALPHA", 24, time.Hour)
	h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}, "deletions": true})
	h.run("issues")
	h.run("issues")
	each(t, keys[4:9], w.Skip)
	got, err := h.tryRun("issues")
	wantError(t, err, false, "try again later")
	each(t, keys[4:9], w.Unskip)
	if n := len(got.goOn(t, h).deleted["issues"]); n > 0 {
		t.Errorf("%d issues are deleted", n)
	}
}

// A reply leaves an issue out that the server counts: the second look shows that it is not gone.
func TestIssueThatAPageLeavesOut(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{0, time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, jiratest.Options{MaxResults: 10})
			keys := w.fill(t, "ALPHA", 25, step)
			w.advance(time.Hour)
			h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
			var left atomic.Bool // pages are asked for ahead
			h.transport = rewritten{h.transport, func(_ *http.Request, body []byte) []byte {
				return changedPage(body, func(startAt int, issues []json.RawMessage) []json.RawMessage {
					// Of one minute totals do not tell.
					if len(issues) < 10 || step == 0 && startAt == 0 || !left.CompareAndSwap(false, true) {
						return issues
					}
					return slices.Delete(issues, 3, 4)
				})
			}}
			wantKeys(t, h.run("issues"), keys)
			if !left.Load() {
				t.Error("nothing was left out")
			}
		})
	}
}

// changedPage is a reply of Data Center with other issues.
func changedPage(body []byte, change func(startAt int, issues []json.RawMessage) []json.RawMessage) []byte {
	var r struct {
		StartAt    int               `json:"startAt"`
		MaxResults int               `json:"maxResults"`
		Total      int               `json:"total"`
		Issues     []json.RawMessage `json:"issues"`
	}
	decode(body, &r)
	r.Issues = change(r.StartAt, r.Issues)
	if r.Issues == nil {
		r.Issues = []json.RawMessage{}
	}
	changed, err := json.Marshal(r)
	if err != nil {
		panic(err) // it was JSON before
	}
	return changed
}

// A list that the server cuts, though it counts more, is not taken for one with issues that only
// the index has.
func TestListThatIsCut(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]int{"to nothing": 0, "to what was there": 1} {
		for _, later := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " later ", later), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, jiratest.Options{MaxResults: 20})
				keys := w.fill(t, "ALPHA", 30, 0)
				w.advance(time.Hour)
				h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
				if later {
					h.run("issues")
					for _, k := range keys {
						must(t, edited(k)(w))
					}
					w.advance(time.Hour)
				}
				h.transport = rewritten{h.transport, func(_ *http.Request, body []byte) []byte {
					return changedPage(body, func(startAt int, issues []json.RawMessage) []json.RawMessage {
						if startAt > 0 {
							return issues[:min(keep, len(issues))]
						}
						return issues
					})
				}}
				_, err := h.tryRun("issues")
				wantError(t, err, false, "try again later")
			})
		}
	}
}

// A server whose answers flap is given up, and soon.
func TestAnswersThatFlap(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 1})
		w.fill(t, "ALPHA", 3, 0)
		w.advance(time.Hour)
		h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
		hidden := false
		before := w.Stats().Requests
		var turn sync.Mutex
		w.OnRequest(func(r *http.Request) {
			turn.Lock()
			defer turn.Unlock()
			q := r.URL.Query()
			first := q.Get("nextPageToken") == "" && strings.Trim(q.Get("startAt"), "0") == ""
			if first && strings.Contains(q.Get("jql"), "key DESC") { // of a roll call
				change := w.Hide
				if hidden {
					change = w.Show
				}
				hidden = !hidden
				must(t, change("ALPHA-2"))
			}
		})
		_, err := h.tryRun("issues")
		wantError(t, err, false, "flap", "try again later")
		if n := w.Stats().Requests - before; n > 80 {
			t.Errorf("%d requests", n)
		}
	})
}

// The roll call of a minute costs one request, where ids come in long pages.
func TestRollCallCostsOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{Flavour: jiratest.Cloud, Quirks: jiratest.Quirks{PlaceTokens: true}})
	keys := w.fill(t, "ALPHA", 480, 0)
	w.advance(time.Hour)
	got := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}}).run("issues")
	wantKeys(t, got, keys)
	// One of the plan, one to find the minute, eight of sixty for its pages, one for the roll call.
	if n := got.counters["requests/search"]; n != 11 {
		t.Errorf("%d searches, want 11", n)
	}
}

// An issue is edited, read, and edited again within a second, while the machines before Jira have
// other clocks than it.
func TestTwoEditsWithinOneSecondOfOtherClocks(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for _, seconds := range []int{-3600, -10, -3, -2, 10, 3600} {
			off := time.Duration(seconds) * time.Second
			for name, q := range map[string]jiratest.Quirks{
				"serverInfo": {InfoDate: off}, "others": {OtherDate: off}, "all": {InfoDate: off, OtherDate: off},
			} {
				synctest.Test(t, func(t *testing.T) { // this machine's clock stands still as Jira's does
					w := quietWorld(jiratest.Options{Flavour: f, Quirks: q})
					w.fill(t, "ALPHA", 3, time.Hour)
					h := newHost(t, w, nil)
					h.run("issues")
					must(t, edited("ALPHA-1")(w))
					wantKeys(t, h.run("issues"), []string{"ALPHA-1"})
					w.advance(10 * time.Millisecond)
					_, err := w.Comment("ALPHA-1", "a word")
					must(t, err)
					if got := h.run("issues").keys(t); !slices.Equal(got, []string{"ALPHA-1"}) {
						t.Errorf("%s off by %v: %q came", name, off, got)
					}
					wantKeys(t, h.run("issues"), nil)
				})
			}
		}
	})
}
