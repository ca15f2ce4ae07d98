// Histories: a random past of creates, edits, comments, moves and deletions goes on while full and
// incremental runs read; in the end the harvest is what the server's content say.

package jira_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// historySeeds is how many of each flavour are played by default; SCRAPEKIT_HISTORIES says
// otherwise, as for the differential ones.
const historySeeds = 3

//ci:plain
func TestHistories(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		first, count := setting(t, "SCRAPEKIT_SEED", 0), setting(t, "SCRAPEKIT_HISTORIES", historySeeds)
		for seed := first; seed < first+count; seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) { history(t, f, uint64(seed)) })
		}
	})
}

// pageSize is how many issues the server gives at once: in half of the histories so few that pages
// hardly join.
func pageSize(below func(int) int) int {
	if below(2) == 0 {
		return 1 + below(3)
	}
	return 1 + below(12)
}

// chance is one history's source of chance, for several goroutines.
type chance struct {
	mu sync.Mutex
	*rand.Rand
}

func (c *chance) below(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.IntN(n)
}

func (c *chance) spend(left *int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	*left--
	return *left >= 0
}

func history(t *testing.T, f jiratest.Flavour, seed uint64) {
	c := &chance{Rand: rand.New(rand.NewPCG(seed, 1))}
	precision := []time.Duration{0, time.Second, time.Minute}[c.below(3)]
	lag := []time.Duration{0, 0, 10 * time.Second, 2 * time.Minute}[c.below(4)]
	w := newWorld(t, jiratest.Options{
		Flavour: f, Seed: seed, MaxResults: pageSize(c.below), JQLPrecision: precision, IndexLag: lag,
		TimeZone: time.FixedZone("somewhere", (c.below(27)-12)*3600), EmbeddedComments: 1 + c.below(3),
		Quirks: jiratest.Quirks{PlaceTokens: c.below(2) == 0, OmitTotal: c.below(4) == 0},
	})
	for _, p := range []string{"A", "B", "C"} {
		w.fill(t, p, 1+c.below(40), time.Duration(c.below(100))*time.Second)
	}
	h := newHost(t, w, map[string]any{"split_size": 5 + c.below(20)})
	h.inTurn = true
	pace := time.Duration(1+c.below(40_000)) * time.Millisecond
	busy := 1 + c.below(4)
	left := 0 // changes: a server that changes faster than it can be read would never be read to its end
	w.OnRequest(func(*http.Request) {
		w.advance(pace)
		if c.below(busy) == 0 && c.spend(&left) {
			happen(t, w, c)
		}
	})
	h.afterCursor = func(string) error {
		if c.below(8) == 0 {
			return errKilled
		}
		return nil
	}
	latest := map[string]record{}
	times := map[string]int{}
	note := func(got *harvest) {
		for _, r := range got.of(t, "issues") {
			if old, ok := latest[r.ID]; !ok || old.Updated <= r.Updated {
				latest[r.ID] = r
			}
			// An issue that moves while two projects are read may be found in both: the server
			// chooses the issues of a page before it writes them.
			project, _, _ := strings.Cut(r.origin, "/")
			times[r.ID+" of "+project+steady(r.Raw)]++
		}
	}
	for range 3 {
		left = 60
		note(h.run())
		w.advance(time.Duration(c.below(1000)) * time.Second)
	}
	w.OnRequest(nil)
	w.advance(lag)
	note(h.run())
	balance(t, w, latest)
	for version, n := range times {
		if n > 2 { // twice where two splits of a run met the issue, which may end in either order
			t.Errorf("a version came %d times: %.100s", n, version)
		}
	}
	wantKeys(t, h.run(), nil)
}

// happen makes one random change. One that cannot be made, of an issue just deleted, is none.
func happen(t *testing.T, w *world, c *chance) {
	issues := w.Snapshot()
	if len(issues) == 0 {
		return
	}
	key := issues[c.below(len(issues))].Key
	var err error
	switch c.below(10) {
	case 0, 1, 2:
		err = w.Edit(key, map[string]any{"summary": fmt.Sprint("edit ", c.below(1e9))})
	case 3, 4, 5:
		_, err = w.Comment(key, fmt.Sprint("comment ", c.below(1e9)))
	case 6, 7:
		_, err = w.Create([]string{"A", "B", "C"}[c.below(3)], map[string]any{"summary": "late"})
	case 8:
		_, err = w.Move(key, []string{"A", "B", "C"}[c.below(3)])
	case 9:
		err = w.Delete(key)
	}
	if err != nil && !strings.Contains(err.Error(), "there is none") && !strings.Contains(err.Error(), "already") {
		t.Error(err)
	}
}

// balance compares the last record of each issue with the server's content.
func balance(t *testing.T, w *world, latest map[string]record) {
	t.Helper()
	for _, wrong := range unbalanced(t, w, latest) {
		t.Error(wrong)
	}
}

// unbalanced says what the last records lack to the server's content.
func unbalanced(t *testing.T, w *world, latest map[string]record) (wrong []string) {
	t.Helper()
	say := func(format string, a ...any) { wrong = append(wrong, fmt.Sprintf(format, a...)) }
	for _, b := range w.Snapshot() {
		r, ok := latest[b.ID]
		if !ok {
			say("%s never came", b.Key)
			continue
		}
		if want := b.Updated.UTC().Format("2006-01-02T15:04:05.000Z"); r.Key != b.Key || r.Updated != want {
			say("%s as of %s: last came as %s of %s", b.Key, want, r.Key, r.Updated)
		}
		var raw struct {
			Fields struct {
				Comment struct{ Comments []struct{ ID string } }
			}
		}
		if err := json.Unmarshal(r.Raw, &raw); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range raw.Fields.Comment.Comments {
			ids = append(ids, c.ID)
		}
		if strings.Join(ids, " ") != strings.Join(b.Comments, " ") || !r.CommentsComplete {
			say("%s: comments %v, want %v", b.Key, ids, b.Comments)
		}
	}
	return wrong
}
