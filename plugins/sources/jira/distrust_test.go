// Servers that say wrong things of their own replies: nothing is lost, or an error tells it.

package jira_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
)

// rewritten changes the replies to searches on their way.
type rewritten struct {
	next   http.RoundTripper
	change func(req *http.Request, body []byte) []byte
}

func (r rewritten) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil || !strings.Contains(req.URL.Path, "/search") {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(r.change(req, body)))
	resp.ContentLength = -1
	return resp, err
}

func TestEndThatASearchClaimsIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]jiratest.Options{
		"no total":              {Quirks: jiratest.Quirks{OmitTotal: true}},
		"total of one page":     {Quirks: jiratest.Quirks{MaxTotal: 50}},
		"total of nothing":      {Quirks: jiratest.Quirks{MaxTotal: 1}},
		"not last and no token": {Flavour: jiratest.Cloud, Quirks: jiratest.Quirks{OmitToken: true}},
		"neither":               {Flavour: jiratest.Cloud, Quirks: jiratest.Quirks{OmitToken: true, OmitIsLast: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, o)
			keys := w.fill(t, "ALPHA", 180, time.Minute)
			w.advance(time.Hour)
			h := newHost(t, w, map[string]any{"page_size": 50})
			wantKeys(t, h.run(), keys)
			wantKeys(t, h.run(), nil)
			for _, k := range keys[:110] {
				must(t, w.Edit(k, map[string]any{"summary": "edited"}))
				w.advance(time.Minute)
			}
			w.advance(time.Hour)
			wantKeys(t, h.run(), keys[:110])
		})
	}
}

func TestEndThatASearchClaimsIsNotBelievedWithinAMinute(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]jiratest.Options{
		"no total":          {Quirks: jiratest.Quirks{OmitTotal: true}},
		"total of one page": {Quirks: jiratest.Quirks{MaxTotal: 50}},
		"one empty page":    {Flavour: jiratest.Cloud, Quirks: jiratest.Quirks{EmptyPages: 1}},
		"empty pages":       {Flavour: jiratest.Cloud, Quirks: jiratest.Quirks{EmptyPages: 5, OmitIsLast: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, o)
			keys := w.fill(t, "ALPHA", 320, 10*time.Millisecond)
			w.advance(time.Hour)
			wantKeys(t, newHost(t, w, map[string]any{"page_size": 50}).run(), keys)
		})
	}
}

// Where there is no way on, the split must not count as read.
func TestSearchThatCannotBeReadToItsEnd(t *testing.T) {
	t.Parallel()
	issues := regexp.MustCompile(`(?s)"issues":\[.*\]`)
	token := regexp.MustCompile(`"nextPageToken":"[^"]*"`)
	first := map[string][]byte{} // token of each query
	for name, c := range map[string]struct {
		options jiratest.Options
		change  func(req *http.Request, body []byte) []byte
		words   []string
	}{
		"no token": {jiratest.Options{Flavour: jiratest.Cloud, Quirks: jiratest.Quirks{OmitToken: true}}, nil,
			[]string{"of 500 issues"}},
		"empty pages": {jiratest.Options{Flavour: jiratest.Cloud, Quirks: jiratest.Quirks{EmptyPages: 1 << 40}},
			nil, []string{"of 500 issues"}},
		"ever more empty": {jiratest.Options{Flavour: jiratest.Cloud, MaxResults: 10,
			Quirks: jiratest.Quirks{EmptyPages: 1 << 40}}, nil, []string{"comes empty"}},
		"one token": {jiratest.Options{Flavour: jiratest.Cloud}, func(req *http.Request, body []byte) []byte {
			jql := req.URL.Query().Get("jql")
			if first[jql] == nil {
				first[jql] = token.Find(body)
			}
			return token.ReplaceAll(body, first[jql])
		}, []string{"of 500 issues"}},
		"nothing of a total": {jiratest.Options{}, func(_ *http.Request, body []byte) []byte {
			return issues.ReplaceAll(body, []byte(`"issues":[]`))
		}, []string{"0 of 500 issues"}},
		"startAt ignored": {jiratest.Options{}, nil, []string{"ignores startAt"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.options)
			w.fill(t, "ALPHA", 500, 10*time.Millisecond)
			w.advance(time.Hour)
			h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
			switch {
			case c.change != nil:
				h.transport = rewritten{h.transport, c.change}
			case name == "startAt ignored":
				h.transport = ignoring{h.transport}
			}
			_, err := h.tryRun()
			wantError(t, err, false, c.words...)
		})
	}
}

// ignoring asks for the first page always.
type ignoring struct{ next http.RoundTripper }

func (i ignoring) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	q := req.URL.Query()
	q.Del("startAt")
	req.URL.RawQuery = q.Encode()
	return i.next.RoundTrip(req)
}

func TestDistrustCostsOneRequestASplit(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 170, time.Minute)
		w.advance(time.Hour)
		got := newHost(t, w, map[string]any{"page_size": 60, "projects": []string{"ALPHA"}}).run()
		// One of the plan, three pages by 60 (each next one begins with an issue that was met), one
		// for the end.
		if n := got.counters["requests/search"]; len(got.splits) != 1 || n != 5 {
			t.Errorf("%d searches for %d splits, want 5 for one", n, len(got.splits))
		}
	})
}

func TestListOfProjectsWithoutTotal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{Flavour: jiratest.Cloud, Quirks: jiratest.Quirks{OmitTotal: true}})
	var keys []string
	for i := range 130 {
		keys = append(keys, w.fill(t, fmt.Sprintf("P%d", i), 1, time.Second)...)
	}
	w.advance(time.Hour)
	wantKeys(t, newHost(t, w, nil).run(), keys)
}

func TestIssueWithoutIDIsRejectedOnce(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		// The first, one in the middle of a page, the last of one, the first of one.
		bad := []string{"ALPHA-1", "ALPHA-15", "ALPHA-30", "ALPHA-31"}
		for _, step := range []time.Duration{0, 7 * time.Second, time.Hour} {
			w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 10,
				Quirks: jiratest.Quirks{IssuesWithoutID: bad}})
			keys := w.fill(t, "ALPHA", 60, step)
			keys = append(keys, w.fill(t, "BETA", 3, time.Second)...)
			h := newHost(t, w, map[string]any{"split_size": 20})
			got := h.run()
			wantKeys(t, got, without(keys, bad...))
			if len(got.rejects) != len(bad) {
				t.Errorf("step %v: %d rejects, want %d", step, len(got.rejects), len(bad))
			}
			if again := h.run(); len(again.rejects) > 0 {
				t.Errorf("step %v: rejected again by the next run", step)
			}
		}
	})
}

func without(keys []string, some ...string) []string {
	var kept []string
	for _, k := range keys {
		if !strings.Contains(" "+strings.Join(some, " ")+" ", " "+k+" ") {
			kept = append(kept, k)
		}
	}
	return kept
}

func TestUndecodableIssueIsRejectedAlone(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for _, step := range []time.Duration{0, time.Hour} {
			w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 10,
				Quirks: jiratest.Quirks{Verbatim: map[string]string{
					"ALPHA-7": deep, "ALPHA-8": deep, "ALPHA-20": `nothing, "or so"`, "ALPHA-35": deep,
				}}})
			keys := w.fill(t, "ALPHA", 35, step)
			w.advance(time.Hour)
			got := newHost(t, w, nil).run()
			wantKeys(t, got, without(keys, "ALPHA-7", "ALPHA-8", "ALPHA-20", "ALPHA-35"))
			if len(got.rejects) != 4 {
				t.Fatalf("step %v: %d rejects, want 4", step, len(got.rejects))
			}
			for _, r := range got.rejects {
				if !strings.Contains(r.Reason, "not valid JSON") || !bytes.HasSuffix(r.Record, []byte("}")) {
					t.Errorf("%s: %.80s", r.Reason, r.Record)
				}
			}
		}
	})
}

func TestControlCharactersInStringsAreEscaped(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, Quirks: jiratest.Quirks{Verbatim: map[string]string{
			"ALPHA-2": "\"a \\\"quoted\\\" \x01 word\n\"",
		}}})
		keys := w.fill(t, "ALPHA", 4, time.Minute)
		w.advance(time.Hour)
		got := newHost(t, w, nil).run()
		wantKeys(t, got, keys)
		if len(got.rejects) > 0 {
			t.Error("it was rejected")
		}
		for _, r := range got.of(t, "issues") {
			if r.Key == "ALPHA-2" && !bytes.Contains(r.Raw, []byte(`"a \"quoted\" \u0001 word\u000a"`)) {
				t.Errorf("raw: %s", r.Raw)
			}
		}
	})
}

func TestListedProjectThatNoSearchKnowsIsLeftOut(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		quirks := jiratest.Quirks{Unsearchable: []string{"GONE"}}
		w := newWorld(t, jiratest.Options{Flavour: f, Quirks: quirks})
		keys := w.fill(t, "ALPHA", 5, time.Minute)
		w.fill(t, "GONE", 5, time.Minute)
		h := newHost(t, w, nil)
		wantKeys(t, h.run(), keys)
		must(t, w.Edit("ALPHA-1", map[string]any{"summary": "later"}))
		wantKeys(t, h.run(), keys[:1])
		must(t, h.open().(sdk.Checker).Check(h.context(nil)))

		got := newHost(t, w, map[string]any{"projects": []string{"ALPHA", "GONE"}}).run()
		wantKeys(t, got, keys)
		wantMissing(t, got, "project GONE", "does not exist")
		_, err := newHost(t, w, map[string]any{"projects": []string{"GONE"}}).tryRun()
		wantError(t, err, true, "GONE", "does not exist")
		_, err = newHost(t, w, map[string]any{"jql": "nonsense = 1"}).tryRun()
		wantError(t, err, true, "nonsense")
	})
}

func TestCommentsAreNotBelievedToBeWhole(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for _, embedded := range []int{20, 50, 100} {
			w := newWorld(t, jiratest.Options{Flavour: f, EmbeddedComments: embedded,
				Quirks: jiratest.Quirks{EmbeddedTotal: true}})
			w.fill(t, "ALPHA", 1, time.Minute)
			for range embedded + 25 {
				_, err := w.Comment("ALPHA-1", "a word")
				must(t, err)
			}
			got := newHost(t, w, nil).run()
			if r := got.of(t, "issues")[0]; r.CommentCount != embedded+25 || !r.CommentsComplete {
				t.Errorf("cut at %d: %d comments, complete is %v", embedded, r.CommentCount, r.CommentsComplete)
			}
		}
	})
}

func TestCommentsWithoutIDAreKept(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, EmbeddedComments: 20,
			Quirks: jiratest.Quirks{CommentsWithoutID: true}})
		w.fill(t, "ALPHA", 1, time.Minute)
		for range 145 { // more than a page, all alike
			_, err := w.Comment("ALPHA-1", "a word")
			must(t, err)
		}
		got := newHost(t, w, nil).run()
		if r := got.of(t, "issues")[0]; r.CommentCount != 145 || !r.CommentsComplete {
			t.Errorf("%d comments, complete is %v", r.CommentCount, r.CommentsComplete)
		}
		if len(got.rejects) != 145 {
			t.Errorf("%d comments were rejected for want of an id", len(got.rejects))
		}
	})
}

// A list of comments that has fewer of them than the issue does not replace the issue's.
func TestLongerListOfCommentsStays(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, EmbeddedComments: 20})
		w.fill(t, "ALPHA", 1, time.Minute)
		for range 30 {
			_, err := w.Comment("ALPHA-1", "a word")
			must(t, err)
		}
		h := newHost(t, w, nil)
		h.transport = answering{h.transport, "/comment",
			`{"comments":[{"id":"1"}],"total":1,"startAt":0,"maxResults":100}`}
		if r := h.run().of(t, "issues")[0]; r.CommentCount != 20 || r.CommentsComplete {
			t.Errorf("%d comments, complete is %v", r.CommentCount, r.CommentsComplete)
		}
	})
}

// answering answers every request whose path ends so with the same body.
type answering struct {
	next      http.RoundTripper
	end, body string
}

func (a answering) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, a.end) {
		return a.next.RoundTrip(req)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: req,
	}, nil
}

func TestUndecodableCommentOfAListIsRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{EmbeddedComments: 1})
	w.fill(t, "ALPHA", 1, time.Minute)
	for range 3 {
		_, err := w.Comment("ALPHA-1", "a word")
		must(t, err)
	}
	h := newHost(t, w, nil)
	h.transport = answering{h.transport, "/comment",
		`{"comments":[{"id":"1"},{"id":nothing},{"id":"3","body":"` + "\x02" + `"}],"total":3}`}
	got := h.run()
	if r := got.of(t, "issues")[0]; r.CommentCount != 2 || r.CommentsComplete || len(got.rejects) != 1 {
		t.Errorf("%d comments, complete is %v, %d rejects", r.CommentCount, r.CommentsComplete, len(got.rejects))
	}
}

func TestProjectKeysInAnyCaseAreOne(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		keys := w.fill(t, "ALPHA", 5, time.Minute)
		w.advance(time.Hour)
		h := newHost(t, w, map[string]any{"projects": []string{"ALPHA", "alpha", " Alpha "}})
		wantKeys(t, h.run(), keys)
		h.settings["projects"] = []string{"alpha"}
		wantKeys(t, h.run(), nil)
	})
}
