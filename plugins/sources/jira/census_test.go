// The census: what is gone, what came back, and when to believe neither.

package jira_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
)

var withCensus = []string{"issues", "comments", "census"}

// states returns what a run says of issues, by id.
func states(t *testing.T, got *harvest) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, raw := range got.records["census"] {
		var r struct{ ID, State string }
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		out[r.ID] = r.State
	}
	return out
}

// wantStates compares what a run says with ids and states in turn.
func wantStates(t *testing.T, got *harvest, want ...string) {
	t.Helper()
	have := states(t, got)
	if len(have) != len(want)/2 {
		t.Errorf("%d changes of state, want %d: %v", len(have), len(want)/2, have)
	}
	for n := 0; n < len(want); n += 2 {
		if have[want[n]] != want[n+1] {
			t.Errorf("issue %s is %q, want %q", want[n], have[want[n]], want[n+1])
		}
	}
}

// deletedIssues returns the keys of the deletions from the stream of issues.
func deletedIssues(got *harvest) []string {
	var keys []string
	for _, raw := range got.deleted["issues"] {
		keys = append(keys, string(raw))
	}
	return keys
}

// idOf finds an issue on the server.
func idOf(t *testing.T, w *world, key string) string {
	t.Helper()
	for _, b := range w.Snapshot() {
		if b.Key == key {
			return b.ID
		}
	}
	t.Fatalf("%s is not on the server", key)
	return ""
}

func TestDeletedIssueIsDeletedInAllStreams(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 10})
		w.fill(t, "ALPHA", 25, time.Minute)
		h := newHost(t, w, map[string]any{"deletions": true})
		if first := states(t, h.run(withCensus...)); len(first) != 25 {
			t.Errorf("the first census gives %d issues, want all 25", len(first))
		}
		wantStates(t, h.run(withCensus...))
		id := idOf(t, w, "ALPHA-7")
		must(t, w.Delete("ALPHA-7"))
		w.advance(time.Hour)
		got := h.run(withCensus...)
		wantStates(t, got, id, "deleted")
		if want := []string{`{"id":"` + id + `"}`}; !slices.Equal(deletedIssues(got), want) {
			t.Errorf("deleted %s, want %v", got.deleted["issues"], want)
		}
		if again := h.run(withCensus...); len(again.deleted) > 0 {
			t.Errorf("deleted again: %s", again.deleted)
		}
	})
}

// Deleted between two runs that a walk, but no census, has met: created and deleted again while
// nobody counted.
func TestIssueThatNoCensusMetIsDeleted(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 5, time.Minute)
		h := newHost(t, w, map[string]any{"deletions": true})
		h.inTurn = true
		h.afterCursor = func(split string) error { // the walk is over, the census has not begun
			if split == "ALPHA/full/start" && len(w.Snapshot()) == 5 {
				return w.Delete("ALPHA-2")
			}
			return nil
		}
		id := idOf(t, w, "ALPHA-2")
		h.run(withCensus...)
		h.afterCursor = nil
		if got := h.run(withCensus...); !slices.Equal(deletedIssues(got), []string{`{"id":"` + id + `"}`}) {
			t.Errorf("deleted %s", got.deleted["issues"])
		}
	})
}

func TestMovedIssueIsNotDeleted(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 5, time.Minute)
		w.fill(t, "BETA", 5, time.Minute)
		h := newHost(t, w, map[string]any{"deletions": true})
		h.run(withCensus...)
		id := idOf(t, w, "ALPHA-2")
		w.advance(time.Hour)
		key, err := w.Move("ALPHA-2", "BETA")
		must(t, err)
		w.advance(time.Hour)
		got := h.run(withCensus...)
		wantKeys(t, got, []string{key})
		wantStates(t, got, id, "present")
		if len(got.deleted["issues"]) > 0 {
			t.Errorf("deleted %s", got.deleted)
		}
		w.advance(time.Hour)
		wantStates(t, h.run(withCensus...))
		must(t, w.Delete(key))
		w.advance(time.Hour)
		wantStates(t, h.run(withCensus...), id, "deleted")
	})
}

// Data Center tells a hidden issue from a deleted one; Cloud does not. When it can be seen again it
// is read again, though its "updated" is old.
func TestHiddenIssueComesBack(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 6, time.Minute)
		h := newHost(t, w, map[string]any{"deletions": true})
		h.run(withCensus...)
		id := idOf(t, w, "ALPHA-2")
		must(t, w.Hide("ALPHA-2"))
		must(t, w.Edit("ALPHA-2", map[string]any{"summary": "edited in secret"}))
		w.advance(time.Hour)
		gone := map[jiratest.Flavour]string{jiratest.DataCenter: "access_lost", jiratest.Cloud: "deleted"}[f]
		got := h.run(withCensus...)
		wantStates(t, got, id, gone)
		if deleted := len(got.deleted["issues"]) > 0; deleted != (f == jiratest.Cloud) {
			t.Errorf("deleted: %s", got.deleted)
		}
		w.advance(time.Hour)
		wantStates(t, h.run(withCensus...))
		must(t, w.Show("ALPHA-2"))
		w.advance(time.Hour)
		got = h.run(withCensus...)
		wantStates(t, got, id, "present")
		wantKeys(t, got, []string{"ALPHA-2"})
		wantKeys(t, h.run(withCensus...), nil)
	})
}

// Edited, hidden while the walk passes and back when the census does: the walks to come begin
// behind the edit.
func TestEditThatIsHiddenFromTheWalkArrives(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 3})
		w.fill(t, "ALPHA", 8, time.Hour)
		h := newHost(t, w, map[string]any{"deletions": true})
		h.inTurn = true
		h.run(withCensus...)
		for _, key := range []string{"ALPHA-2", "ALPHA-5"} {
			must(t, w.Edit(key, map[string]any{"summary": "edited"}))
		}
		w.advance(time.Hour)
		must(t, w.Hide("ALPHA-2"))
		w.OnRequest(func(r *http.Request) {
			if r.URL.Query().Get("maxResults") == "5000" { // the census's
				must(t, w.Show("ALPHA-2"))
			}
		})
		got := h.run(withCensus...)
		wantKeys(t, got, []string{"ALPHA-5"})
		wantStates(t, got)
		w.OnRequest(nil)
		wantKeys(t, h.run(withCensus...), []string{"ALPHA-2"})
		w.advance(time.Hour)
		wantKeys(t, h.run(withCensus...), nil)
	})
}

func TestMassLossDeletesNothing(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		keys := w.fill(t, "ALPHA", 10, time.Minute)
		h := newHost(t, w, map[string]any{"deletions": true})
		h.run(withCensus...)
		for _, key := range keys[:5] {
			must(t, w.Delete(key))
		}
		w.advance(time.Hour)
		got := h.run(withCensus...)
		if len(got.deleted) > 0 || len(states(t, got)) != 5 || got.counters["issues/unobserved"] != 5 {
			t.Errorf("half of the issues gone: deleted %s, states %v", got.deleted, states(t, got))
		}
		h.settings["mass_deletion"] = 0
		got = h.run(withCensus...)
		if len(got.deleted["issues"]) != 5 {
			t.Errorf("without the guard: deleted %s", got.deleted)
		}
	})
}

func TestArchivedProjectIsNotDeleted(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 3, time.Minute)
		w.fill(t, "BETA", 3, time.Minute)
		h := newHost(t, w, map[string]any{"deletions": true})
		h.run(withCensus...)
		must(t, w.SetProjectStatus("BETA", jiratest.Archived))
		w.advance(time.Hour)
		got := h.run(withCensus...)
		if s := states(t, got); len(s) != 3 || s[idOf(t, w, "BETA-1")] != "archived" || len(got.deleted) > 0 {
			t.Errorf("states %v, deleted %s", s, got.deleted)
		}
		must(t, w.SetProjectStatus("BETA", jiratest.Live))
		w.advance(time.Hour)
		if s := states(t, h.run(withCensus...)); len(s) != 3 || s[idOf(t, w, "BETA-1")] != "present" {
			t.Errorf("back from the archive: %v", s)
		}
	})
}

// The cost that the settings and STREAMS.md state.
func TestCensusCost(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		const issues = 300
		o := jiratest.Options{Flavour: f}
		if f == jiratest.DataCenter {
			o.MaxResults = issues / 3
		}
		w := newWorld(t, o)
		w.fill(t, "ALPHA", issues, time.Minute)
		h := newHost(t, w, map[string]any{"deletions": true})
		h.run(withCensus...)
		w.advance(time.Hour)
		plain := newHost(t, w, nil)
		plain.run()
		count := func(h *host, streams ...string) int {
			before := w.Stats().Requests
			wantKeys(t, h.run(streams...), nil)
			return w.Stats().Requests - before
		}
		census := count(h, withCensus...) - count(plain, "issues", "comments")
		t.Logf("%v: %d requests for three pages of issues", f, census)
		if most := 8; census > most {
			t.Errorf("%d requests for three pages of issues, want at most %d", census, most)
		}
		var state int
		for _, s := range h.previous {
			if s.Stream == "census" {
				state = len(s.Cursor)
			}
		}
		if state > 3*issues+300 {
			t.Errorf("%d bytes of state for %d issues", state, issues)
		}
	})
}

// A project that the settings name and that is archived costs nothing but itself, and comes back
// with the project.
func TestNamedProjectThatIsArchived(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		alpha, beta := w.fill(t, "ALPHA", 3, time.Minute), w.fill(t, "BETA", 3, time.Minute)
		must(t, w.SetProjectStatus("BETA", jiratest.Archived))
		w.advance(time.Hour)
		for _, streams := range [][]string{withCensus, {"issues", "comments"}} {
			h := newHost(t, w, map[string]any{"projects": []string{"ALPHA", "BETA"}})
			wantKeys(t, h.run(streams...), alpha)
			must(t, w.SetProjectStatus("BETA", jiratest.Live))
			wantKeys(t, h.run(streams...), beta)
			must(t, w.SetProjectStatus("BETA", jiratest.Archived))
			w.advance(time.Hour)
			got := h.run(streams...)
			wantKeys(t, got, nil)
			wantMissing(t, got, "project BETA", "archived")
			if len(got.deleted) > 0 {
				t.Errorf("deleted %s", got.deleted)
			}
			must(t, h.open().(sdk.Checker).Check(h.context(nil)))
		}
		got := newHost(t, w, map[string]any{"projects": []string{"ALPHA", "NOPE"}}).run()
		wantKeys(t, got, alpha)
		wantMissing(t, got, "project NOPE", "NOPE")
		_, err := newHost(t, w, map[string]any{"projects": []string{"NEITHER", "NOPE"}}).tryRun()
		wantError(t, err, true, "N")
	})
}

// Projects that go away between plan and read are left to the next run, with all that is of them
// elsewhere.
func TestProjectThatIsRenamedWhileItIsRead(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 10})
		w.fill(t, "ALPHA", 45, time.Hour)
		w.fill(t, "BETA", 3, time.Minute)
		w.advance(time.Hour)
		h := newHost(t, w, map[string]any{"split_size": 20})
		h.inTurn = true
		renamed := false
		h.afterCursor = func(split string) error {
			if strings.HasPrefix(split, "ALPHA") && !renamed {
				renamed = true
				return w.RenameProject("ALPHA", "OMEGA", "as it is called now")
			}
			return nil
		}
		h.run()
		h.afterCursor = nil
		var want []string
		for _, i := range w.Issues("OMEGA") {
			want = append(want, i.Key)
		}
		wantKeys(t, h.run(), want)
		wantKeys(t, h.run(), nil)
	})
}

// What a census reported before its project went away is known to the next one: present, until it
// is gone.
func TestCensusOfAProjectThatIsRenamedMeanwhile(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 3})
		w.fill(t, "ALPHA", 9, time.Hour)
		w.fill(t, "BETA", 1, time.Hour)
		h := newHost(t, w, nil)
		h.inTurn = true
		h.afterCursor = func(split string) error {
			if split != "ALPHA/census" || len(w.Issues("ALPHA")) == 0 {
				return nil
			}
			return w.RenameProject("ALPHA", "OMEGA", "as it is called now")
		}
		first := states(t, h.run("census"))
		h.afterCursor = nil
		id := idOf(t, w, "OMEGA-2")
		if first[id] != "present" || len(first) == 10 {
			t.Fatalf("the project was to be renamed after some of its issues were met, OMEGA-2 among them: %v", first)
		}
		must(t, w.Delete("OMEGA-2"))
		w.advance(time.Hour)
		if got := states(t, h.run("census")); got[id] != "deleted" {
			t.Errorf("OMEGA-2 is %q, want deleted: %v", got[id], got)
		}
		other := idOf(t, w, "OMEGA-3")
		must(t, w.Delete("OMEGA-3"))
		wantStates(t, h.run("census"), other, "deleted")
	})
}

// Where a project was renamed, the census of its new name and that of its old one look for the same
// issues. One may see an issue that is hidden or deleted when the other comes: in the end it is
// what it is.
func TestTwoCensusesThatDifferAboutAnIssue(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for _, deleted := range []bool{false, true} {
			w := newWorld(t, jiratest.Options{Flavour: f})
			w.fill(t, "BETA", 4, time.Hour)
			w.fill(t, "GAMMA", 1, time.Hour)
			h := newHost(t, w, map[string]any{"deletions": true})
			h.inTurn = true
			h.run(withCensus...)
			id := idOf(t, w, "BETA-2")
			must(t, w.RenameProject("BETA", "ALPHA", "as it is called now"))
			w.advance(time.Hour)
			h.afterCursor = func(split string) error {
				switch {
				case split != "ALPHA/census" || len(w.Issues("ALPHA")) < 4: // BETA/census is next
					return nil
				case deleted:
					return w.Delete("ALPHA-2")
				}
				return w.Hide("ALPHA-2")
			}
			got := h.run(withCensus...)
			if s := states(t, got)[id]; s == "present" || s == "" {
				t.Fatalf("the second census was not to see the issue: %q", s)
			}
			h.afterCursor = nil
			w.advance(time.Hour)
			want := "deleted"
			if !deleted {
				want = "present"
				must(t, w.Show("ALPHA-2"))
			}
			wantStates(t, h.run(withCensus...), id, want)
			checkKept(t, w, h, []string{"issues", "comments"})
			w.advance(time.Hour)
			wantStates(t, h.run(withCensus...))
			wantKeys(t, h.run(withCensus...), nil)
		}
	})
}
