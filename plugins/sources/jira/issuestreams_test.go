// The streams that come out of issues, compared with the server, in both flavours.

package jira_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/normal"
)

// keyed is what a keyed sink holds: stream, key, record.
type keyed map[string]map[string]json.RawMessage

func (k keyed) apply(t *testing.T, b sdk.Batch) {
	n := slices.IndexFunc(plugin().Streams, func(s sdk.Stream) bool { return s.Name == b.Stream })
	if k[b.Stream] == nil {
		k[b.Stream] = map[string]json.RawMessage{}
	}
	for line := range b.Records() {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Errorf("%s: %v", b.Stream, err)
		}
		var parts []string
		for _, name := range plugin().Streams[n].PrimaryKey {
			if v, ok := fields[name]; ok {
				parts = append(parts, strings.Trim(string(v), `"`)+"/")
			}
		}
		key := strings.Join(parts, "")
		if b.Op == sdk.Upsert {
			k[b.Stream][key] = slices.Clone(line)
			continue
		}
		maps.DeleteFunc(k[b.Stream], func(held string, _ json.RawMessage) bool { return strings.HasPrefix(held, key) })
	}
}

// issueNames are the streams that come out of issues, by their rows.
func issueNames() []string {
	var names []string
	for _, s := range plugin().Streams {
		if jira.IssueStream(s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// wantedOf turns true records into the keys that the records of a stream must have.
func wantedOf(w *world, stream string) []string {
	return slices.Sorted(maps.Keys(trueRecords(w.Truth(w.url, "root"), w.flavour, stream)))
}

// checkKept holds what a keyed sink has of the streams against the server.
func checkKept(t *testing.T, w *world, h *host, names []string) {
	t.Helper()
	for _, name := range names {
		have, want := slices.Sorted(maps.Keys(h.kept()[name])), wantedOf(w, name)
		if !slices.Equal(have, want) {
			t.Errorf("%s: %d keys, want %d: too many %.300q, missing %.300q", name, len(have), len(want),
				minus(have, want), minus(want, have))
		}
	}
}

func minus(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(others, s) })
}

func TestIssueStreamsMatchTheServer(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f, EmbeddedComments: 3, FeedPage: 5},
			map[string]any{"page_size": 7, "split_size": 10})
		busy := w.Snapshot()[3].Key
		for i := range 25 { // more than are embedded
			w.advance(time.Second)
			_, err := w.AddWorklog(busy, time.Hour, fmt.Sprint("day ", i))
			must(t, err)
		}
		for i := range 110 {
			must(t, w.Edit(busy, map[string]any{"summary": fmt.Sprint("edit ", i)}))
			must(t, w.Edit(w.Snapshot()[4].Key, map[string]any{"summary": fmt.Sprint("edit ", i)}))
		}
		w.advance(time.Hour)
		names := issueNames()
		got := h.run(names...)
		checkKept(t, w, h, names)
		validate(t, got)
		for _, name := range names {
			if len(got.records[name]) != len(h.kept()[name]) {
				t.Errorf("%s: %d records of %d keys", name, len(got.records[name]), len(h.kept()[name]))
			}
			if len(got.records[name]) == 0 {
				t.Errorf("%s: no record", name)
			}
			if len(got.deleted[name]) > 0 {
				t.Errorf("%s: %d deletions in a first run", name, len(got.deleted[name]))
			}
		}
		for _, name := range []string{"comments", "worklogs", "attachments", "remote_links"} {
			truth := w.Truth(w.url, "root").Of(name)
			for key, line := range h.kept()[name] {
				id := strings.Split(key, "/")[1]
				var r struct{ Raw json.RawMessage }
				must(t, json.Unmarshal(line, &r))
				if string(r.Raw) != string(truth[id].JSON) {
					t.Fatalf("%s %s: %s\nwant %s", name, id, r.Raw, truth[id].JSON)
				}
			}
		}
		if f == jiratest.Cloud && got.counters["requests/changelog bulk"] == 0 {
			t.Errorf("no changelog came in bulk: %v", got.counters)
		}
		again := h.run(names...)
		for name, lines := range again.records {
			if name != "users_seen" {
				t.Errorf("nothing changed, and %s emits %d again", name, len(lines))
			}
		}
	})
}

// What an issue loses goes out of a keyed sink, and what it gains comes.
func TestMembersOfUpdatedIssues(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f}, map[string]any{"page_size": 7})
		// who leaves stays there
		names := slices.DeleteFunc(issueNames(), func(s string) bool { return s == "users_seen" })
		key, other := w.Snapshot()[2].Key, w.Snapshot()[9].Key
		comment, err := w.Comment(key, "to go")
		must(t, err)
		worklog, err := w.AddWorklog(key, time.Hour, "to go")
		must(t, err)
		file, err := w.Attach(key, "a.txt", "text/plain", []byte("x"))
		must(t, err)
		link, err := w.Link(key, other, "Blocker")
		must(t, err)
		remote, err := w.AddRemoteLink(key, "https://example.org", "page")
		must(t, err)
		must(t, w.Vote(key, "renske", true))
		must(t, w.Watch(key, "renske", true))
		must(t, w.SetProperty(key, "review", `{"by":"root"}`))
		w.advance(time.Hour)
		h.run(names...)
		checkKept(t, w, h, names)
		w.advance(time.Hour)
		must(t, w.DeleteComment(key, comment))
		must(t, w.DeleteWorklog(key, worklog))
		must(t, w.Detach(key, file))
		must(t, w.Unlink(key, link))
		must(t, w.RemoveRemoteLink(key, remote))
		must(t, w.Vote(key, "renske", false))
		must(t, w.Watch(key, "renske", false))
		must(t, w.DropProperty(key, "review"))
		_, err = w.Comment(key, "*another*")
		must(t, err)
		must(t, w.Edit(other, map[string]any{"summary": "it lost a link, too"}))
		w.advance(time.Hour)
		got := h.run(names...)
		checkKept(t, w, h, names)
		if n := len(got.records["issues"]); n != 2 {
			t.Errorf("%d issues, want the 2 that changed", n)
		}
	})
}

func TestIssueStreamsKilledAtEveryCursor(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f}, map[string]any{"page_size": 4, "split_size": 10})
		w.advance(time.Hour)
		names := issueNames()
		h.afterCursor = func(string) error { return errKilled }
		got := h.run(names...)
		checkKept(t, w, h, names)
		for _, name := range names {
			if len(got.records[name]) != len(h.kept()[name]) {
				t.Errorf("%s: %d records of %d keys", name, len(got.records[name]), len(h.kept()[name]))
			}
		}
	})
}

// What an account may not see is left out, counted, and nothing held of it is deleted.
func TestRefusedPartsOfIssues(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f}, nil)
		w.advance(time.Hour)
		names := []string{"worklog_feed", "issues"}
		h.transport = h.transport.(asRoot).next
		got := h.run(names...)
		if len(got.records["worklog_feed"]) > 0 || len(got.records["issues"]) == 0 {
			t.Errorf("%d of the feed, %d issues; want none and all", len(got.records["worklog_feed"]),
				len(got.records["issues"]))
		}
	})
}

func TestContentOfIssues(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, _ := listWorld(t, jiratest.Options{Flavour: f}, nil)
		key := w.Snapshot()[0].Key
		must(t, w.Edit(key, map[string]any{"description": "*strong* words"}))
		_, err := w.Comment(key, "a {{comment}}")
		must(t, err)
		moved, err := w.Move(key, "BRAVO")
		must(t, err)
		for content, want := range map[string]struct{ raw, normalised bool }{"raw": {true, false},
			"normalised": {false, true}, "both": {true, true}} {
			got := newHost(t, w, map[string]any{"content": content}).run("issues", "comments")
			validate(t, got)
			n := slices.IndexFunc(got.of(t, "issues"), func(r record) bool { return r.Key == moved })
			var issue struct {
				Raw           json.RawMessage
				OldKeys       []string          `json:"old_keys"`
				Description   string            `json:"description_markdown"`
				CustomFields  map[string]any    `json:"custom_fields"`
				Comments      []json.RawMessage `json:"comments"`
				API, Reporter string
				URL, Flavour  string
				FetchedAt     time.Time `json:"fetched_at"`
				People        []normal.Person
				Changes       []normal.Change
				Completeness  map[string]struct {
					Here, Of int
					Complete bool
				}
			}
			must(t, json.Unmarshal(got.records["issues"][n], &issue))
			if (issue.Raw != nil) != want.raw || (issue.API != "") != want.normalised {
				t.Errorf("%s: raw %.40s, api %q", content, issue.Raw, issue.API)
			}
			if !want.normalised {
				continue
			}
			if !slices.Equal(issue.OldKeys, []string{key}) || issue.Description != "**strong** words" ||
				issue.Reporter == "" {
				t.Errorf("%s: old keys %q, description %q, reporter %q", content, issue.OldKeys, issue.Description,
					issue.Reporter)
			}
			n = slices.IndexFunc(issue.Changes,
				func(c normal.Change) bool { return c.Field == "key" && c.From == key && c.To == moved })
			sorted := slices.IsSortedFunc(issue.Changes,
				func(a, b normal.Change) int { return strings.Compare(a.Created, b.Created) })
			if n < 0 || issue.Changes[n].Author == "" || !sorted ||
				(len(issue.People) > 0) != (f == jiratest.DataCenter) {
				t.Errorf("%s: changes %+v, people %v", content, issue.Changes, issue.People)
			}
			if last := issue.Comments[len(issue.Comments)-1]; !strings.Contains(string(last),
				"\"body_markdown\":\"a `comment`\"") {
				t.Errorf("%s: the last comment is %s", content, last)
			}
			if c := issue.Completeness["comments"]; !c.Complete || c.Here != len(issue.Comments) || c.Of != c.Here {
				t.Errorf("%s: comments %+v, there are %d", content, c, len(issue.Comments))
			}
			if len(issue.Completeness) != 3 || issue.URL != w.url+"/browse/"+moved || issue.Flavour != flavourNames[f] {
				t.Errorf("%s: completeness %v, fetched at %s from %s, %s", content, issue.Completeness, issue.FetchedAt,
					issue.URL, issue.Flavour)
			}
			for name := range issue.CustomFields {
				if strings.HasPrefix(name, "customfield_") {
					t.Errorf("%s: %s has no name", content, name)
				}
			}
		}
	})
}

// A worklog that is deleted goes out of the feed's stream; the last minute waits for the next run.
func TestWorklogFeed(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f, FeedPage: 4}, nil)
		key := w.Snapshot()[0].Key
		first, err := w.AddWorklog(key, time.Hour, "first")
		must(t, err)
		w.advance(time.Hour)
		young, err := w.AddWorklog(key, time.Hour, "young")
		must(t, err)
		h.run("worklog_feed")
		if h.kept()["worklog_feed"][first+"/"] == nil || h.kept()["worklog_feed"][young+"/"] != nil {
			t.Errorf("first or young: %v", slices.Sorted(maps.Keys(h.kept()["worklog_feed"])))
		}
		must(t, w.DeleteWorklog(key, first))
		w.advance(2 * time.Minute)
		got := h.run("worklog_feed")
		if len(got.records["worklog_feed"]) != 1 || len(got.deleted["worklog_feed"]) != 1 {
			t.Errorf("records %s, deleted %s; want the young one and the first", got.records["worklog_feed"],
				got.deleted["worklog_feed"])
		}
		checkKept(t, w, h, []string{"worklog_feed"})
		if got := h.run("worklog_feed"); len(got.records)+len(got.deleted) > 0 {
			t.Errorf("nothing changed: %v %v", got.records, got.deleted)
		}
	})
}
