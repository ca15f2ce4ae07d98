// Full reads: every issue once, whatever the server does meanwhile.

package jira_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

func TestFullDeliversEveryIssueOnce(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, BasePath: "/jira"})
		keys := append(w.fill(t, "ALPHA", 430, 7*time.Minute), w.fill(t, "BETA", 25, time.Hour)...)
		if _, err := w.Comment("ALPHA-3", "first"); err != nil {
			t.Fatal(err)
		}
		w.advance(time.Hour)
		got := newHost(t, w, map[string]any{"split_size": 100}).run()
		wantKeys(t, got, keys)
		if n := len(got.splits); n < 4 || n > 9 {
			t.Errorf("%d splits for 455 issues in splits of 100", n)
		}
		var estimate int64
		for _, s := range got.splits {
			estimate += s.Estimate
		}
		if estimate != 455 {
			t.Errorf("the splits estimate %d issues, want 455", estimate)
		}
		comments := got.of(t, "comments")
		if len(comments) != 1 || comments[0].IssueKey != "ALPHA-3" || comments[0].Position != 1 {
			t.Errorf("comments: %+v", comments)
		}
		for _, r := range got.of(t, "issues") {
			if !r.CommentsComplete || !r.ChangelogComplete || r.Project != strings.Split(r.Key, "-")[0] {
				t.Fatalf("record of %s: %+v", r.Key, r)
			}
		}
	})
}

//ci:plain
func TestFullWithPagesOfAllSizes(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for _, size := range []int{1, 2, 3, 7, 50} {
			for _, precision := range []time.Duration{0, time.Second, time.Minute} {
				w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: size, JQLPrecision: precision})
				keys := w.fill(t, "TIE", 35, 13*time.Second) // four or five a minute
				w.advance(time.Hour)
				keys = append(keys, w.fill(t, "TIE", 15, 0)...)
				w.advance(time.Hour)
				got := newHost(t, w, map[string]any{"projects": []string{"TIE"}, "split_size": 20}).run()
				wantKeys(t, got, keys)
			}
		}
	})
}

func TestResumeAfterEveryCursor(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 10})
		keys := w.fill(t, "ALPHA", 120, 11*time.Second)
		w.advance(time.Hour)
		h := newHost(t, w, map[string]any{"split_size": 60})
		kills := 0
		var mu sync.Mutex
		h.afterCursor = func(string) error {
			mu.Lock()
			defer mu.Unlock()
			kills++
			return errKilled
		}
		wantKeys(t, h.run(), keys)
		if kills < 12 {
			t.Errorf("only %d cursors", kills)
		}
		h.afterCursor = nil
		wantKeys(t, h.run(), nil)
	})
}

// steady is a record without the value that Jira makes up anew at every fetch.
func steady(raw []byte) string { return string(volatile.ReplaceAll(raw, nil)) }

var volatile = regexp.MustCompile(`"customfield_12314020":"(\\.|[^"\\])*"`)

func TestReadingASplitAgainGivesEqualRecords(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 40, time.Minute)
		w.advance(time.Hour)
		once, again := newHost(t, w, nil).run(), newHost(t, w, nil).run()
		a, b := once.records["issues"], again.records["issues"]
		if len(a) != 40 || !slices.EqualFunc(a, b, func(x, y json.RawMessage) bool { return steady(x) == steady(y) }) {
			t.Error("two reads of the same issues differ")
		}
	})
}

// mutate changes the world at every search but the first few.
func mutateWhileReading(w *world, change func(n int)) {
	var mu sync.Mutex
	n := 0
	w.OnRequest(func(r *http.Request) {
		if !strings.Contains(r.URL.Path, "/search") {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		n++
		change(n)
	})
}

func TestDeletionsDuringTheWalkLoseNothing(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for _, step := range []time.Duration{0, 20 * time.Second, 3 * time.Minute} {
			t.Run(step.String(), func(t *testing.T) {
				w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 10})
				keys := w.fill(t, "ALPHA", 150, step)
				w.advance(time.Hour)
				doomed := map[string]bool{}
				mutateWhileReading(w, func(n int) {
					if key := fmt.Sprintf("ALPHA-%d", n); n%2 == 0 && n < 150 {
						doomed[key] = true
						if err := w.Delete(key); err != nil {
							t.Error(err)
						}
					}
				})
				got := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}}).run()
				w.OnRequest(nil)
				seen := map[string]int{}
				for _, k := range got.keys(t) {
					seen[k]++
				}
				for _, k := range keys {
					if seen[k] > 1 || seen[k] == 0 && !doomed[k] {
						t.Errorf("%s came %d times", k, seen[k])
					}
				}
				if len(doomed) == 0 {
					t.Error("nothing was deleted")
				}
			})
		}
	})
}

func TestNothingIsLostBeyondTheResultWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{Window: 50, MaxResults: 20})
	keys := w.fill(t, "DEEP", 200, time.Minute)
	w.advance(time.Hour)
	wantKeys(t, newHost(t, w, nil).run(), keys)
	w.fill(t, "DEEP", 200, 0) // more ties than the window
	w.advance(time.Hour)
	before := statuses(w)[http.StatusInternalServerError]
	_, err := newHost(t, w, nil).tryRun()
	wantError(t, err, true, "2024-", "the server pages through")
	// with those that are asked for ahead
	if n := statuses(w)[http.StatusInternalServerError] - before; n == 0 || n > 10 {
		t.Errorf("asked %d times beyond the window", n)
	}
}
