// The lists of the site compared with the server, in both flavours.

package jira_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// listNames are the streams that are lists.
func listNames() []string {
	var names []string
	for _, s := range plugin().Streams {
		if s.Optional && jira.ListStream(s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// truthOf returns the true records of a stream; none if the flavour has no such list.
func truthOf(w *world, stream string) jiratest.TrueRecords {
	truth := w.Truth(w.url, "root")
	if !slices.Contains(truth.Names(), stream) {
		return nil
	}
	return truth.Of(stream)
}

// truthKeys returns the keys of true records in alphabetical order.
func truthKeys(w *world, stream string) []string { return slices.Sorted(maps.Keys(truthOf(w, stream))) }

// listWorld is a Jira with everything in it, and a host that is logged in as its administrator.
func listWorld(t *testing.T, o jiratest.Options, settings map[string]any) (*world, *host) {
	t.Helper()
	return listWorldOf(t, o, settings, 30, 25)
}

// listWorldOf has so many issues in its two projects.
func listWorldOf(t *testing.T, o jiratest.Options, settings map[string]any, alpha, bravo int) (*world, *host) {
	t.Helper()
	if o.Auth.Bearer == nil {
		o.Auth.Bearer = map[string]string{"secret": "root"}
	}
	w := newWorld(t, o)
	w.Generate(jiratest.Synthetic{Projects: []jiratest.Project{{Key: "ALPHA", Issues: alpha},
		{Key: "BRAVO", Issues: bravo}}})
	h := newHost(t, w, settings)
	h.transport = asRoot{h.transport, "secret"}
	return w, h
}

// asRoot adds a token, as the host does.
type asRoot struct {
	next  http.RoundTripper
	token string
}

func (b asRoot) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(req)
}

// primaryKeys are those of all streams.
var primaryKeys = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for _, s := range plugin().Streams {
		all[s.Name] = s.PrimaryKey
	}
	return all
})

// keysOf returns the keys of records or deletions as the server write them, sorted.
func keysOf(t *testing.T, stream string, lines []json.RawMessage) []string {
	t.Helper()
	var keys []string
	for _, line := range lines {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, name := range primaryKeys()[stream] {
			parts = append(parts, fmt.Sprint(fields[name]))
		}
		keys = append(keys, strings.Join(parts, "/"))
	}
	slices.Sort(keys)
	return keys
}

func TestListsMatchTheServer(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f, ListPage: 2, MaxResults: 7}, nil)
		names := listNames()
		got := h.run(names...)
		for _, name := range names {
			want := truthKeys(w, name)
			if have := keysOf(t, name, got.records[name]); !slices.Equal(have, want) {
				t.Errorf("%s: %d: %.300q\nwant %d: %.300q", name, len(have), have, len(want), want)
				continue
			}
			checkRaw(t, w, name, got.records[name])
		}
		for name, n := range got.counters {
			if strings.Contains(name, "left out") || strings.Contains(name, "refused") {
				t.Errorf("%s: %d", name, n)
			}
		}
		if len(got.rejects) > 0 {
			t.Errorf("rejects: %+v", got.rejects)
		}
		t.Logf("%d lists, %d with records, in %d requests", len(names), len(got.records), w.Stats().Requests)
		again := h.run(names...)
		for name, records := range again.records {
			t.Errorf("nothing changed, and %s emits %d again: %.300s", name, len(records), records[0])
		}
	})
}

// checkRaw holds what Jira sent against the server.
func checkRaw(t *testing.T, w *world, stream string, records []json.RawMessage) {
	t.Helper()
	truth := truthOf(w, stream)
	for n, line := range records {
		var r struct{ Raw json.RawMessage }
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if key := keysOf(t, stream, records[n:n+1])[0]; !sameRaw(stream, truth[key], string(r.Raw)) {
			t.Errorf("%s %s: %s\nwant %s", stream, key, r.Raw, truth[key].JSON)
			return
		}
	}
}

// sameRaw compares a raw value with the true record. What is requested only in part is present only in part.
func sameRaw(stream string, line jiratest.Line, raw string) bool {
	if slices.Contains([]string{"backlog", "board_issues", "sprint_issues", "server_info"}, stream) {
		return true
	}
	// The boards' own API names addresses of version 2 on Cloud, too.
	plain := strings.NewReplacer("/rest/api/3/", "/rest/api/2/")
	return plain.Replace(raw) == plain.Replace(string(line.JSON))
}

// What changes between runs comes, and what went is deleted.
func TestChangesOfLists(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f}, nil)
		names := []string{"boards", "sprints", "sprint_issues", "board_issues", "audit_records"}
		before := h.run(names...)
		if len(before.records) != len(names) {
			t.Fatalf("streams with records: %v", slices.Collect(maps.Keys(before.records)))
		}
		was, members := truthKeys(w, "sprints"), truthKeys(w, "sprint_issues")
		gone := was[0]
		if err := w.RenameSprint(was[1], "renamed"); err != nil {
			t.Fatal(err)
		}
		if err := w.DeleteSprint(gone); err != nil {
			t.Fatal(err)
		}
		board := w.AddBoard("ALPHA", "another", "kanban")
		got := h.run(names...)
		now := truthKeys(w, "sprint_issues")
		if keys := keysOf(t, "boards", got.records["boards"]); !slices.Equal(keys, []string{board}) {
			t.Errorf("boards: %v, want %s", keys, board)
		}
		if keys := keysOf(t, "sprints", got.records["sprints"]); !slices.Equal(keys, []string{was[1]}) {
			t.Errorf("sprints: %v, want the renamed one", keys)
		}
		if keys := keysOf(t, "sprints", got.deleted["sprints"]); !slices.Equal(keys, []string{gone}) {
			t.Errorf("deleted sprints: %v, want %s", keys, gone)
		}
		var want []string
		for _, key := range members {
			if !slices.Contains(now, key) {
				want = append(want, key)
			}
		}
		if keys := keysOf(t, "sprint_issues", got.deleted["sprint_issues"]); !slices.Equal(keys, want) {
			t.Errorf("deleted sprint_issues: %v, want %v", keys, want)
		}
	})
}

// A read that is killed at any cursor, again and again, delivers the same.
func TestListsKilledAtEveryCursor(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f, ListPage: 3, MaxResults: 7}, nil)
		names := listNames()
		whole := h.run(names...)
		killed := newHost(t, w, nil)
		killed.transport = h.transport
		killed.afterCursor = func(string) error { return errKilled }
		got := killed.run(names...)
		for _, name := range names {
			if !slices.EqualFunc(got.records[name], whole.records[name],
				func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
				t.Errorf("%s: %d records after kills, want %d", name, len(got.records[name]), len(whole.records[name]))
			}
		}
	})
}

// Bad days of a server change nothing of what comes.
//
//ci:plain
func TestListsOfATroubledServer(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f, Seed: 7, ListPage: 3,
			Faults: jiratest.Faults{ServerErrors: 0.1, Truncated: 0.05}}, nil)
		h.attempts = 1000
		h.inTurn = true
		names := listNames()
		records := map[string][]json.RawMessage{}
		for range 20 { // a plan that fails is made again, and what is missing comes in the next run
			got, err := h.tryRun(names...)
			for name, more := range got.records {
				records[name] = append(records[name], more...)
			}
			if err == nil && len(got.missing()) == 0 {
				break
			}
		}
		for _, name := range []string{"projects", "project_versions", "board_issues", "sprint_issues",
			"screen_tab_fields", "group_members"} {
			if have, want := keysOf(t, name, records[name]), truthKeys(w, name); !slices.Equal(have, want) {
				t.Errorf("%s: %d records, want %d", name, len(have), len(want))
			}
		}
	})
}

// An account that is no administrator, and one that is nobody, read what they may.
func TestListsThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f,
			Auth: jiratest.Auth{Bearer: map[string]string{"secret": "reader"}, NoAdmin: true}}, nil)
		names := listNames()
		reader := h.run(names...)
		h = newHost(t, w, nil)
		nobody := h.run(names...)
		for name, left := range map[string][2]int64{"workflows": {1, 1}, "audit_records": {1, 1}, "users": {0, 1},
			"statuses": {0, 0}, "boards": {0, 0}} {
			for n, got := range []*harvest{reader, nobody} {
				if c := got.counters["streams left out/"+name]; c != left[n] ||
					(c == 0) != (len(got.records[name]) > 0) {
					t.Errorf("%s, reader %d: left out %d, want %d; %d records", name, n, c, left[n],
						len(got.records[name]))
				}
			}
		}
	})
}

func TestListsOfNamedProjects(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		_, h := listWorld(t, jiratest.Options{Flavour: f}, map[string]any{"projects": []string{"bravo"}})
		got := h.run("projects", "project_versions", "project_components", "project_roles", "boards", "statuses")
		for _, name := range []string{"project_versions", "project_components", "project_roles"} {
			for _, r := range got.of(t, name) {
				if r.Project != "BRAVO" {
					t.Errorf("%s of %s", name, r.Project)
				}
			}
		}
		if keys := got.of(t, "projects"); len(keys) != 1 || keys[0].Key != "BRAVO" {
			t.Errorf("projects: %+v", keys)
		}
		for _, b := range got.of(t, "boards") {
			if !strings.Contains(string(b.Raw), `"projectKey":"BRAVO"`) {
				t.Errorf("a board of another project: %s", b.Raw)
			}
		}
		if len(got.records["boards"]) == 0 || len(got.records["statuses"]) == 0 {
			t.Errorf("%d boards, %d statuses", len(got.records["boards"]), len(got.records["statuses"]))
		}
	})
}

//ci:plain
func TestListsConform(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	for _, f := range []jiratest.Flavour{jiratest.DataCenter, jiratest.Cloud} {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			w, h := listWorldOf(t, jiratest.Options{Flavour: f, Now: time.Now, ListPage: 4}, nil, 5, 4)
			sdktest.TestSource(t, plugin(), sdktest.SourceCase{
				Config: map[string]any{"url": w.url}, Host: sdk.Host{Transport: h.transport}, Streams: listNames(),
				MaxResumes: 3,
			})
		})
	}
}
