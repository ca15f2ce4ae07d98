// What records hold: raw JSON untouched, lists complete, odd content passed on.

package jira_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk/normal"
)

// fixtures are real issues of a public site, beside the repository; they are not part of it.
const fixtures = "../../../../shared/fixtures/jira/apache/issues.jsonl"

// TestRealIssues reads a sixth of them from each flavour, and all where SCRAPEKIT_ISSUES is set.
func TestRealIssues(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(fixtures)
	if err != nil {
		t.Skip("the real issues are not here: ", err)
	}
	lines := slices.Collect(bytes.Lines(raw))
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, Now: time.Now})
		var some []byte
		for n, line := range lines {
			if os.Getenv("SCRAPEKIT_ISSUES") != "" || n%6 == int(f) { // others for each flavour
				some = append(some, line...)
			}
		}
		must(t, w.LoadIssues(bytes.NewReader(some)))
		h := newHost(t, w, map[string]any{"split_size": 100})
		got := h.run()
		truth := w.Snapshot()
		if len(got.rejects) > 0 {
			t.Errorf("%d rejects, the first: %s", len(got.rejects), got.rejects[0].Reason)
		}
		records := got.of(t, "issues")
		byID := map[string]record{}
		for _, r := range records {
			byID[r.ID] = r
		}
		if len(records) != len(truth) || len(byID) != len(truth) {
			t.Fatalf("%d records of %d issues, want %d", len(records), len(byID), len(truth))
		}
		comments := 0
		for _, b := range truth {
			r := byID[b.ID]
			comments += len(b.Comments)
			if r.Key != b.Key || r.CommentCount != len(b.Comments) || !r.CommentsComplete || !r.ChangelogComplete {
				t.Errorf("%s: record %+v", b.Key,
					record{Key: r.Key, CommentCount: r.CommentCount, CommentsComplete: r.CommentsComplete,
						ChangelogComplete: r.ChangelogComplete})
			}
		}
		if n := len(got.records["comments"]); n != comments {
			t.Errorf("%d comments, want %d", n, comments)
		}
		validate(t, got)
		if f == jiratest.DataCenter {
			rawAsServed(t, w, byID)
		}
		wantKeys(t, h.run(), nil)
	})
}

// rawAsServed compares the raw of some records with what the server says of the issue when asked
// for it alone.
func rawAsServed(t *testing.T, w *world, records map[string]record) {
	n := 0
	for id, r := range records {
		if n++; n > 50 {
			return
		}
		resp, err := http.Get(w.url + "/rest/api/2/search?fields=*all&expand=changelog&jql=" + "key%3D" + r.Key)
		if err != nil {
			t.Fatal(err)
		}
		var page struct{ Issues []json.RawMessage }
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil || len(page.Issues) != 1 {
			t.Fatalf("%s: %v, %d issues", id, err, len(page.Issues))
		}
		if steady(page.Issues[0]) != steady(r.Raw) {
			t.Errorf("%s: raw is not what the server sent", r.Key)
		}
	}
}

// validate checks every record against the published schema of its stream.
func validate(t *testing.T, got *harvest) {
	t.Helper()
	for _, s := range plugin().Streams {
		validateAs(t, s.Name, s.Schema, got.records[s.Name])
	}
	validateAs(t, "normalised", normal.IssueSchema, got.records["issues"])
}

func validateAs(t *testing.T, name string, form json.RawMessage, records []json.RawMessage) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	must(t, c.AddResource(name, doc))
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range records {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func TestCutListsAreCompleted(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, EmbeddedComments: 3, CommentPage: 50})
		w.fill(t, "ALPHA", 4, time.Minute)
		for i := range 130 {
			_, err := w.Comment("ALPHA-2", fmt.Sprintf("word %d", i))
			must(t, err)
			must(t, w.Edit("ALPHA-3", map[string]any{"summary": fmt.Sprint("edit ", i)}))
			w.advance(time.Second)
		}
		w.advance(time.Hour)
		got := newHost(t, w, nil).run()
		validate(t, got)
		for _, r := range got.of(t, "issues") {
			var raw struct {
				Fields struct {
					Comment struct {
						Total    int
						Comments []struct{ ID, Created string }
					}
				}
				Changelog struct{ Histories []struct{ ID string } }
			}
			if err := json.Unmarshal(r.Raw, &raw); err != nil {
				t.Fatalf("%s: %v", r.Key, err)
			}
			if !r.CommentsComplete || !r.ChangelogComplete {
				t.Errorf("%s is not complete", r.Key)
			}
			thread := raw.Fields.Comment.Comments
			if want := map[string]int{"ALPHA-2": 130}[r.Key]; len(thread) != want || r.CommentCount != want {
				t.Errorf("%s: %d comments, count %d, want %d", r.Key, len(thread), r.CommentCount, want)
			}
			if !slices.IsSortedFunc(thread,
				func(a, b struct{ ID, Created string }) int { return strings.Compare(a.Created, b.Created) }) {
				t.Errorf("%s: the thread is not in order", r.Key)
			}
			if want := map[string]int{"ALPHA-3": 130}[r.Key]; len(raw.Changelog.Histories) != want {
				t.Errorf("%s: %d histories, want %d", r.Key, len(raw.Changelog.Histories), want)
			}
		}
		if n := len(got.records["comments"]); n != 130 {
			t.Errorf("%d comment records", n)
		}
		if got.counters["issues/comments completed"] != 1 {
			t.Errorf("counters: %v", got.counters)
		}
	})
}

// An issue that vanishes between the search and the request for its comments is delivered as it
// came.
func TestIssueThatVanishesBeforeItsCommentsAreFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{EmbeddedComments: 1})
	w.fill(t, "ALPHA", 3, time.Minute)
	for range 3 {
		_, err := w.Comment("ALPHA-2", "a word")
		must(t, err)
	}
	w.OnRequest(func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/comment") {
			must(t, w.Delete("ALPHA-2"))
		}
	})
	got := newHost(t, w, nil).run()
	wantKeys(t, got, []string{"ALPHA-1", "ALPHA-2", "ALPHA-3"})
	for _, r := range got.of(t, "issues") {
		if r.CommentsComplete != (r.Key != "ALPHA-2") {
			t.Errorf("%s: complete is %v", r.Key, r.CommentsComplete)
		}
	}
}

// An issue that goes out of sight while it is read, and is back as old as it was, is read again.
func TestIssueThatVanishesAndComesBackIsReadWhole(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for n, stream := range []string{"comments", "votes", "comments"} {
			w := newWorld(t, jiratest.Options{Flavour: f, EmbeddedComments: 1,
				Auth: jiratest.Auth{Bearer: map[string]string{"secret": "root"}}})
			w.fill(t, "ALPHA", 4, time.Minute)
			for range 3 {
				_, err := w.Comment("ALPHA-2", "a word")
				must(t, err)
			}
			must(t, w.Vote("ALPHA-2", "renske", true))
			if n < 2 { // else it is so young that the next walk meets it
				w.advance(time.Hour)
			}
			h := newHost(t, w, map[string]any{"deletions": true})
			h.transport = asRoot{h.transport, "secret"}
			hidden := false
			w.OnRequest(func(r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/"+strings.TrimSuffix(stream, "s")) ||
					strings.HasSuffix(r.URL.Path, "/"+stream) {
					hidden = true
					must(t, w.Hide("ALPHA-2"))
				}
			})
			h.run("issues", stream)
			w.OnRequest(nil)
			w.advance(time.Hour)
			if !hidden {
				t.Fatal("nothing was asked for that it could vanish before")
			}
			must(t, w.Show("ALPHA-2"))
			h.run("issues", stream)
			checkKept(t, w, h, []string{"issues", stream})
			wantKeys(t, h.run("issues", stream), nil)
		}
	})
}

// fetched_at is the server's time of the reply, not of the plan: a run may go on days later, and a
// list be completed.
func TestIssuesSayWhenTheyWereFetched(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 4, EmbeddedComments: 1})
		w.fill(t, "ALPHA", 10, time.Hour)
		for range 3 {
			_, err := w.Comment("ALPHA-1", "a word")
			must(t, err)
		}
		h := newHost(t, w, map[string]any{"deletions": true})
		h.inTurn = true
		begin, pause := w.now(), 72*time.Hour
		var once sync.Once
		h.afterCursor = func(string) (err error) {
			once.Do(func() {
				w.advance(pause)
				err = errKilled
			})
			return err
		}
		times := map[string]time.Time{}
		note := func(got *harvest) {
			for _, raw := range got.records["issues"] {
				var i struct {
					Key       string
					FetchedAt time.Time `json:"fetched_at"`
				}
				must(t, json.Unmarshal(raw, &i))
				times[i.Key] = i.FetchedAt
			}
		}
		note(h.run("issues", "comments"))
		if early, late := times["ALPHA-1"], times["ALPHA-10"]; !early.Equal(begin) || !late.Equal(begin.Add(pause)) {
			t.Errorf("before the kill %s, behind it %s; want %s and %s", early, late, begin, begin.Add(pause))
		}
		must(t, w.Hide("ALPHA-3"))
		h.run("issues", "comments")
		must(t, w.Show("ALPHA-3"))
		w.advance(time.Hour)
		note(h.run("issues", "comments")) // by id
		if back := times["ALPHA-3"]; !back.Equal(w.now()) {
			t.Errorf("what came back was fetched at %s, want %s", back, w.now())
		}
	})
}

func TestOddContentPassesUntouched(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("log line with <tags> & \\u0000\\r\\n", 100_000)
	issues := []string{
		`{"id":"1","key":"ODD-1","fields":{"created":"2024-01-01T10:00:00.000+0000","updated":"2024-01-01T10:00:00.123-0800","comment":{"comments":[{"id":"9","author":null,"body":"` + big + `"}],"total":1}},"changelog":{"histories":[],"total":0}}`,
		`{"id":"2","key":"ODD-2","fields":{"created":"2024-01-01T10:00:00.000+0000","updated":null,"comment":{"comments":[],"total":0},"customfield_1":{"a":[1e400,"\ud800",{"a":1,"a":2}]},"description":"\u0000\u001f\r\n"}}`,
		`{"id":"3","key":"ODD-3","fields":null}`,
		`{"id":"4","key":"ODD-4","fields":{"comment":null,"created":"garbled","labels":[]}}`,
		`{"id":"5","key":"ODD-5","fields":{}}`,
		`{"key":"ODD-6","fields":{}}`,
		`"not an issue"`,
	}
	for _, deployment := range []string{"Server", "Cloud"} {
		t.Run(deployment, func(t *testing.T) {
			t.Parallel()
			oddContent(t, deployment, issues)
		})
	}
}

func oddContent(t *testing.T, deployment string, issues []string) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/approximate-count"):
			fmt.Fprintf(w, `{"count":%d}`, len(issues))
		case strings.Contains(r.URL.Path, "/search"):
			fmt.Fprintf(w, `{"startAt":0,"total":%d,"issues":[%s],"maxResults":100}`, len(issues),
				strings.Join(issues, ", "))
		case strings.HasSuffix(r.URL.Path, "/comment"):
			fmt.Fprint(w, `{"comments":[{"id":"77","created":"2024-01-01T10:00:00.000+0000","body":"hello"}],"total":1,"startAt":0}`)
		case strings.HasSuffix(r.URL.Path, "/field"):
			fmt.Fprint(w, `[]`)
		case strings.HasSuffix(r.URL.Path, "/myself"):
			w.WriteHeader(http.StatusUnauthorized)
		default:
			fmt.Fprintf(w, `{"deploymentType":%q,"serverTime":"2024-06-01T00:00:00.000+0000"}`, deployment)
		}
	}))
	t.Cleanup(srv.Close)
	got := newHost(t, &world{url: srv.URL}, map[string]any{"projects": []string{"ODD"}}).run()
	if len(got.rejects) != 2 {
		t.Errorf("%d rejects, want those of the last two", len(got.rejects))
	}
	records := got.of(t, "issues")
	if len(records) != 5 {
		t.Fatalf("%d records", len(records))
	}
	for i, want := range []string{issues[0], issues[1], issues[2],
		`{"id":"4","key":"ODD-4","fields":{"comment":{"comments":[{"id":"77","created":"2024-01-01T10:00:00.000+0000","body":"hello"}],"maxResults":1,"total":1,"startAt":0},"created":"garbled","labels":[]}}`,
		`{"id":"5","key":"ODD-5","fields":{"comment":{"comments":[{"id":"77","created":"2024-01-01T10:00:00.000+0000","body":"hello"}],"maxResults":1,"total":1,"startAt":0}}}`,
	} {
		if string(records[i].Raw) != want {
			t.Errorf("%s: raw is %.300s", records[i].Key, records[i].Raw)
		}
	}
	if n := len(got.records["comments"]); n != 3 {
		t.Errorf("%d comments", n)
	}
	validate(t, got)
}

// Faults of the wire are the host's to mend; a reply that breaks off in spite of it costs a page,
// not the run.
func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 20, Seed: 7, Faults: jiratest.Faults{
			ServerErrors: 0.1, HTMLErrors: 0.1, Truncated: 0.1, Resets: 0.1,
		}})
		keys := w.fill(t, "ALPHA", 200, time.Minute)
		w.advance(time.Hour)
		h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}, "split_size": 50})
		h.transport = again{h.transport}
		h.attempts = 20
		wantKeys(t, h.run(), keys)
	})
}

// again repeats a request that failed, a few times, as the host does.
type again struct{ next http.RoundTripper }

func (a again) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	for range 4 {
		resp, err = a.next.RoundTrip(req)
		if err == nil {
			var body []byte
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(body))
			if err == nil && resp.StatusCode < 500 {
				return resp, nil
			}
		}
		if req.GetBody != nil {
			req.Body, _ = req.GetBody()
		}
	}
	return nil, fmt.Errorf("gave up: %w", err)
}

// A token that expires within a minute that holds more than a page costs that minute, not the run.
func TestPageTokenThatExpiresOnTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{Flavour: jiratest.Cloud, MaxResults: 10, TokenLife: time.Hour})
	keys := append(w.fill(t, "ALPHA", 15, time.Minute), w.fill(t, "ALPHA", 40, 0)...)
	w.advance(time.Hour)
	n := 0
	w.OnRequest(func(r *http.Request) {
		if r.URL.Query().Has("nextPageToken") {
			if n++; n == 3 {
				w.advance(2 * time.Hour)
			}
		}
	})
	wantKeys(t, newHost(t, w, map[string]any{"projects": []string{"ALPHA"}}).run(), keys)
	if statuses(w)[http.StatusBadRequest] != 1 {
		t.Errorf("%d tokens were refused, want one", statuses(w)[http.StatusBadRequest])
	}
}

func TestPageTokensThatMisbehave(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]jiratest.Options{
		"repeated": {Quirks: jiratest.Quirks{RepeatLastToken: true, OmitIsLast: true}},
		"expired":  {TokenLife: time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Flavour, o.MaxResults = jiratest.Cloud, 10
			w := newWorld(t, o)
			keys := w.fill(t, "ALPHA", 95, time.Minute)
			w.advance(time.Hour)
			if name == "repeated" { // with a dead token a minute beyond one page cannot be walked
				keys = append(keys, w.fill(t, "ALPHA", 40, 0)...)
				w.advance(time.Hour)
			}
			wantKeys(t, newHost(t, w, nil).run(), keys)
		})
	}
}
