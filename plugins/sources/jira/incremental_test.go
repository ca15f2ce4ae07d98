// Later runs: what changed, once, and next to nothing when nothing did.

package jira_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
)

func TestIncrementalDeliversEachChangeOnce(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		zone := time.FixedZone("far", -9*3600)
		w := newWorld(t, jiratest.Options{Flavour: f, TimeZone: zone, JQLPrecision: time.Minute, MaxResults: 10})
		keys := w.fill(t, "ALPHA", 35, 10*time.Second)
		h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
		wantKeys(t, h.run(), keys)
		wantKeys(t, h.run(), nil)

		must(t, w.Edit("ALPHA-4", map[string]any{"summary": "edited"}))
		_, err := w.Comment("ALPHA-7", "a word")
		must(t, err)
		key, err := w.Create("ALPHA", map[string]any{"summary": "new"})
		must(t, err)
		w.advance(time.Minute)
		got := h.run()
		wantKeys(t, got, []string{"ALPHA-4", "ALPHA-7", key})
		if len(got.of(t, "comments")) != 1 {
			t.Error("the new comment is missing")
		}
		wantKeys(t, h.run(), nil)
		w.advance(24 * time.Hour)
		wantKeys(t, h.run(), nil)
		must(t, w.Edit("ALPHA-4", map[string]any{"summary": "again"}))
		wantKeys(t, h.run(), []string{"ALPHA-4"})
	})
}

// Data Center keeps times to the second: two edits in one, a run between them.
func TestTwoEditsWithinOneSecond(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 3, time.Hour)
		h := newHost(t, w, nil)
		h.run()
		must(t, w.Edit("ALPHA-1", map[string]any{"summary": "one"}))
		wantKeys(t, h.run(), []string{"ALPHA-1"})
		w.advance(10 * time.Millisecond)
		must(t, w.Edit("ALPHA-1", map[string]any{"summary": "two"}))
		wantKeys(t, h.run(), []string{"ALPHA-1"})
		wantKeys(t, h.run(), nil)
	})
}

func TestIdleRunIsAHandfulOfRequests(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		for i := range 30 {
			w.fill(t, fmt.Sprintf("P%d", i), 2, time.Hour)
		}
		w.advance(time.Hour)
		for _, c := range []struct {
			settings map[string]any
			most     int
		}{
			{map[string]any{"projects": []string{"P7"}}, 5},
			{nil, 20},
		} {
			h := newHost(t, w, c.settings)
			h.run()
			before := w.Stats().Requests
			wantKeys(t, h.run(), nil)
			if n := w.Stats().Requests - before; n > c.most {
				t.Errorf("%d requests for nothing new, want at most %d", n, c.most)
			}
		}
	})
}

func TestBulkEditOfMoreThanAPage(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 10})
		keys := w.fill(t, "ALPHA", 60, time.Minute)
		h := newHost(t, w, nil)
		h.run()
		w.advance(time.Hour)
		for _, k := range keys {
			must(t, w.Edit(k, map[string]any{"summary": "bulk"}))
		}
		w.advance(time.Hour)
		wantKeys(t, h.run(), keys)
		wantKeys(t, h.run(), nil)
	})
}

// Edits during the incremental walk move issues to its end; each issue's last version must arrive.
func TestEditsDuringTheWalkArrive(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 5})
		keys := w.fill(t, "ALPHA", 80, 7*time.Second)
		h := newHost(t, w, map[string]any{"split_size": 30})
		latest := map[string]string{}
		note := func(got *harvest) {
			for _, r := range got.of(t, "issues") {
				latest[r.ID] = max(latest[r.ID], r.Updated)
			}
		}
		mutateWhileReading(w, func(n int) {
			w.advance(20 * time.Second)
			if n%3 == 0 {
				must(t, w.Edit(keys[n*17%len(keys)], map[string]any{"summary": fmt.Sprint("edit ", n)}))
			}
			if n%50 == 0 {
				_, err := w.Create("ALPHA", map[string]any{"summary": "late"})
				must(t, err)
			}
		})
		for range 4 {
			note(h.run())
		}
		w.OnRequest(nil)
		note(h.run())
		for _, i := range w.Snapshot() {
			if want := i.Updated.UTC().Format("2006-01-02T15:04:05.000Z"); latest[i.ID] != want {
				t.Errorf("%s: last delivered as of %s, updated %s", i.Key, latest[i.ID], want)
			}
		}
		wantKeys(t, h.run(), nil)
	})
}

func TestNewProjectIsReadInFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{})
	w.fill(t, "ALPHA", 5, time.Minute)
	beta := w.fill(t, "BETA", 5, time.Minute)
	w.advance(time.Hour)
	h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
	h.run()
	h.settings["projects"] = []string{"ALPHA", "BETA"}
	wantKeys(t, h.run(), beta)
	wantKeys(t, h.run(), nil)
}

func TestForgottenSplitIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{})
	w.fill(t, "ALPHA", 90, time.Hour)
	h := newHost(t, w, map[string]any{"split_size": 30})
	first := h.run()
	forgotten := first.splits[1]
	delete(h.previous, forgotten.ID)
	got := h.run()
	if n := int64(len(got.of(t, "issues"))); n != forgotten.Estimate {
		t.Errorf("%d issues came again, want the %d of %s", n, forgotten.Estimate, forgotten.ID)
	}
}

func TestOtherFilterReadsInFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{})
	keys := w.fill(t, "ALPHA", 6, time.Minute)
	must(t, w.Edit("ALPHA-2", map[string]any{"status": "Resolved"}))
	w.advance(time.Hour)
	h := newHost(t, w, map[string]any{"jql": "status = Resolved"})
	wantKeys(t, h.run(), []string{"ALPHA-2"})
	delete(h.settings, "jql")
	wantKeys(t, h.run(), keys)
}

func TestMovedIssueKeepsItsID(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 5, time.Minute)
		w.fill(t, "BETA", 5, time.Minute)
		h := newHost(t, w, nil)
		before := h.run().of(t, "issues")
		w.advance(time.Hour)
		key, err := w.Move("ALPHA-2", "BETA")
		must(t, err)
		w.advance(time.Hour)
		got := h.run()
		wantKeys(t, got, []string{key})
		id := got.of(t, "issues")[0].ID
		for _, r := range before {
			if r.Key == "ALPHA-2" && r.ID != id {
				t.Errorf("id %s became %s", r.ID, id)
			}
		}
	})
}

func TestOtherFlavourUnderTheSameNameGoesOn(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: jiratest.Cloud - f})
		w.fill(t, "ALPHA", 5, time.Minute)
		h := newHost(t, w, nil)
		h.run()
		moved := newWorld(t, jiratest.Options{Flavour: f})
		moved.fill(t, "ALPHA", 5, time.Minute)
		w.advance(time.Hour)
		moved.advance(time.Hour)
		must(t, moved.Edit("ALPHA-3", map[string]any{"summary": "elsewhere"}))
		h.transport = redirect{to: moved.url, next: h.transport}
		got := h.run()
		wantKeys(t, got, []string{"ALPHA-3"})
		if name := got.of(t, "issues")[0].Flavour; name != flavourNames[f] {
			t.Errorf("flavour %q", name)
		}
	})
}
