// Tests of both searches: ties, tokens, field selection, changes in mid-walk.

package jiratest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// tied creates n issues in one and the same second.
func tied(t *testing.T, s *Server, n int) {
	t.Helper()
	for range n {
		if _, err := s.Create("TIE", map[string]any{"summary": "x"}); err != nil {
			t.Fatal(err)
		}
	}
}

func fixedClock() func() time.Time {
	at := time.Date(2024, 2, 1, 10, 0, 0, 0, time.UTC)
	return func() time.Time { return at }
}

func keysOf(page results) []string {
	var keys []string
	for _, i := range page.Issues {
		keys = append(keys, i.Key)
	}
	return keys
}

func TestTiesHaveNoOrderUnlessKeyIsLast(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{Now: fixedClock()}, 0)
	tied(t, s, 60)
	order := func(by string) []string {
		var page results
		get(t, searchURL(base, "project = TIE ORDER BY "+by, "maxResults", "100"), 200, &page)
		return keysOf(page)
	}
	if slices.Equal(order("updated ASC"), order("updated ASC")) {
		t.Error("two requests gave the same order among ties")
	}
	if !slices.Equal(order("updated ASC, key ASC"), order("updated ASC, id ASC")) {
		t.Error("the order by updated and key is not the same as by updated and id")
	}
	first := order("updated DESC, issuekey DESC")
	if first[0] != "TIE-60" || first[59] != "TIE-1" || first[51] != "TIE-9" {
		t.Errorf("keys do not sort by number: %v", first)
	}
}

// walkTokens pages through a Cloud search and returns the ids in order.
func walkTokens(t *testing.T, base, jql string, size string, between func()) []string {
	t.Helper()
	var ids []string
	token := ""
	for {
		q := url.Values{"jql": {jql}, "maxResults": {size}}
		if token != "" {
			q.Set("nextPageToken", token)
		}
		var page results
		get(t, base+"/rest/api/3/search/jql?"+q.Encode(), 200, &page)
		for _, i := range page.Issues {
			ids = append(ids, i.ID)
		}
		if page.NextPageToken == "" {
			if page.IsLast == nil || !*page.IsLast {
				t.Error("the last page does not say so")
			}
			return ids
		}
		if page.IsLast == nil || *page.IsLast {
			t.Error("a page with a token says it is the last")
		}
		token = page.NextPageToken
		if between != nil {
			between()
		}
	}
}

func TestTokensWalkEveryIssueOnce(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{Flavour: Cloud, Now: fixedClock()}, 230)
	tied(t, s, 40)
	ids := walkTokens(t, base, "project in (ALPHA, TIE) ORDER BY updated ASC", "17", nil)
	unique := slices.Clone(ids)
	slices.Sort(unique)
	if unique = slices.Compact(unique); len(ids) != 270 || len(unique) != 270 {
		t.Errorf("%d issues, %d different, want 270", len(ids), len(unique))
	}
}

func TestTokenWalkIsSteadyWhileOthersChange(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	var ticks atomic.Int64
	s, base := serve(t, Options{Flavour: Cloud,
		Now: func() time.Time { return now.Add(time.Duration(ticks.Add(1)) * time.Second) }}, 100)
	truth := s.Issues("ALPHA")
	ids := walkTokens(t, base, "project = ALPHA ORDER BY created ASC", "10", func() {
		if _, err := s.Comment(truth[0].Key, "still here"); err != nil {
			t.Error(err)
		}
		if len(s.Issues("ALPHA")) > 99 {
			if err := s.Delete(truth[1].Key); err != nil {
				t.Error(err)
			}
		}
	})
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 100 { // the deleted one was on the first page
		t.Errorf("%d different issues, want 100", len(ids))
	}
}

// Tokens that name places, and an index with an issue that is gone.
func TestTokensThatNamePlaces(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{Flavour: Cloud, Quirks: Quirks{PlaceTokens: true, GoneIssues: []string{"ALPHA-7"}}}, 12)
	jql := "project = ALPHA ORDER BY created ASC, key ASC"
	if ids := walkTokens(t, base, jql, "4", nil); len(ids) != 11 {
		t.Errorf("%d issues, want all but the one that is gone", len(ids))
	}
	deleted := false
	ids := walkTokens(t, base, jql, "4", func() {
		if !deleted {
			deleted = true
			if err := s.Delete(s.Issues("ALPHA")[0].Key); err != nil {
				t.Error(err)
			}
		}
	})
	if len(ids) != 10 {
		t.Errorf("%d issues, want one hidden by the one that went away", len(ids))
	}
}

// An index that lags finds an issue where it was, and shows what it is.
func TestIndexLag(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	s := New(Options{IndexLag: time.Minute, Now: func() time.Time { return at.Add(time.Duration(late.Load())) }})
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	found := func(jql string) string {
		var page results
		get(t, searchURL(srv.URL, jql+" ORDER BY updated ASC, key ASC"), 200, &page)
		return strings.Join(keysOf(page), " ")
	}
	tied(t, s, 2)
	if _, err := s.Create("OTHER", nil); err != nil {
		t.Fatal(err)
	}
	if got := found("project = TIE"); got != "" {
		t.Errorf("new issues are found at once: %s", got)
	}
	late.Store(int64(time.Hour))
	if err := s.Edit("TIE-1", map[string]any{"summary": "edited"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Move("TIE-2", "OTHER"); err != nil {
		t.Fatal(err)
	}
	since := fmt.Sprintf("project = TIE AND updated >= %d", at.Add(time.Minute).UnixMilli())
	if all, edited := found("project = TIE"), found(since); all != "TIE-1 OTHER-2" || edited != "" {
		t.Errorf("while it lags: %q, edited since %q", all, edited)
	}
	late.Add(int64(time.Minute))
	if all, edited, other := found("project = TIE"), found(since), found("project = OTHER"); all != "TIE-1" ||
		edited != "TIE-1" || other != "OTHER-1 OTHER-2" {
		t.Errorf("later: %q, edited since %q, other %q", all, edited, other)
	}
}

func TestUpdatedOrderLosesIssuesUnderOffsetPaging(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{}, 40)
	var page results
	get(t, searchURL(base, "project = ALPHA ORDER BY updated ASC", "maxResults", "20"), 200, &page)
	seen := keysOf(page)
	s.OnRequest(func(*http.Request) {
		s.OnRequest(nil)
		if _, err := s.Comment(seen[0], "now I am the newest"); err != nil {
			t.Error(err)
		}
	})
	get(t, searchURL(base, "project = ALPHA ORDER BY updated ASC", "maxResults", "20", "startAt", "20"), 200, &page)
	seen = append(seen, keysOf(page)...)
	slices.Sort(seen)
	if n := len(slices.Compact(seen)); n != 39 {
		t.Errorf("a naive walk saw %d issues; the server should have made it lose one of 40", n)
	}
}

func TestCloudFieldsAndPageLengths(t *testing.T) {
	t.Parallel()
	_, base := serve(t, Options{Flavour: Cloud}, 400)
	var page results
	get(t, base+"/rest/api/3/search/jql?jql=project%3DALPHA&maxResults=5000", 200, &page)
	if len(page.Issues) != 400 || page.Issues[0].Key != "" || page.Issues[0].Fields != nil {
		t.Errorf("default: %d issues, first %+v; want 400 of nothing but ids", len(page.Issues), page.Issues[0])
	}
	post(t, base+"/rest/api/3/search/jql", `{"jql":"project = ALPHA","maxResults":5000,"fields":["summary","status"]}`,
		200, &page)
	if len(page.Issues) != 100 || len(page.Issues[0].Fields) != 2 {
		t.Errorf("two fields: %d issues of %d fields, want 100 of 2", len(page.Issues), len(page.Issues[0].Fields))
	}
	post(t, base+"/rest/api/3/search/jql",
		`{"jql":"project = ALPHA","maxResults":5000,"fields":["*all"],"expand":"changelog"}`, 200, &page)
	if len(page.Issues) != 60 || page.Issues[0].Changelog == nil {
		t.Errorf("all fields: %d issues, want 60 with changelog", len(page.Issues))
	}
	var refused failure
	post(t, base+"/rest/api/3/search/approximate-count", `{"jql":""}`, 400, &refused)
	post(t, base+"/rest/api/3/search/jql", `{"jql":`, 400, &refused)
	var count struct{ Count int }
	post(t, base+"/rest/api/3/search/approximate-count", `{"jql":"project = ALPHA"}`, 200, &count)
	if count.Count != 400 {
		t.Errorf("approximate count %d, want 400", count.Count)
	}
}

func TestDataCenterFields(t *testing.T) {
	t.Parallel()
	_, base := serve(t, Options{}, 5)
	fields := func(more ...string) map[string]bool {
		var page results
		get(t, searchURL(base, "project = ALPHA", more...), 200, &page)
		names := map[string]bool{}
		for name := range page.Issues[0].Fields {
			names[name] = true
		}
		return names
	}
	if f := fields(); f["comment"] || f["worklog"] || !f["description"] {
		t.Errorf("default is not *navigable: %v", f)
	}
	if f := fields("fields", "*all,-description"); !f["comment"] || f["description"] {
		t.Errorf("*all,-description: %v", f)
	}
	if f := fields("fields", "summary", "fields", "comment,created"); len(f) != 3 {
		t.Errorf("repeated parameter with commas: %v", f)
	}
	if f := fields("fields", "-summary"); f["summary"] || !f["status"] {
		t.Errorf("-summary alone: %v", f)
	}
}

func TestTokensAreRefused(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	_, base := serve(t, Options{Flavour: Cloud, Now: func() time.Time { return time.UnixMilli(now.Load()) }}, 100)
	var page results
	get(t, base+"/rest/api/3/search/jql?jql=project%3DALPHA", 200, &page)
	again := base + "/rest/api/3/search/jql?nextPageToken=" + page.NextPageToken + "&jql="
	get(t, again+"project%3DALPHA", 200, nil)
	get(t, again+"project%3DBETA", 400, nil)
	get(t, base+"/rest/api/3/search/jql?nextPageToken=zzz&jql=project%3DALPHA", 400, nil)
	now.Store((7*24*time.Hour + time.Millisecond).Milliseconds())
	var f failure
	get(t, again+"project%3DALPHA", 400, &f)
	if len(f.ErrorMessages) != 1 || !strings.Contains(f.ErrorMessages[0], "expired") {
		t.Errorf("an old token is refused with %q", f.ErrorMessages)
	}
}

func TestQuirkRepeatsLastToken(t *testing.T) {
	t.Parallel()
	_, base := serve(t, Options{Flavour: Cloud, Quirks: Quirks{RepeatLastToken: true, OmitIsLast: true}}, 25)
	address := base + "/rest/api/3/search/jql?jql=project%3DALPHA&maxResults=20"
	var first, second, third, fourth results
	get(t, address, 200, &first)
	get(t, address+"&nextPageToken="+first.NextPageToken, 200, &second)
	get(t, address+"&nextPageToken="+second.NextPageToken, 200, &third)
	get(t, address+"&nextPageToken="+third.NextPageToken, 200, &fourth)
	if len(second.Issues) != 5 || second.IsLast != nil {
		t.Errorf("second page: %d issues, isLast %v", len(second.Issues), second.IsLast)
	}
	if third.NextPageToken != second.NextPageToken || fourth.NextPageToken != third.NextPageToken ||
		third.Issues[0].ID != second.Issues[0].ID {
		t.Error("the last page does not come again under the same token")
	}
}

func TestRemovedAndUnboundedSearches(t *testing.T) {
	t.Parallel()
	_, base := serve(t, Options{Flavour: Cloud}, 1)
	var f failure
	get(t, searchURL(base, "project = ALPHA"), 410, &f)
	if len(f.ErrorMessages) != 1 || !strings.Contains(f.ErrorMessages[0], "/rest/api/3/search/jql") {
		t.Errorf("410 says %q", f.ErrorMessages)
	}
	get(t, base+"/rest/api/3/search/jql?jql=ORDER+BY+created", 400, &f)
	if !strings.HasPrefix(f.ErrorMessages[0], "Unbounded JQL") {
		t.Errorf("an unbounded query: %q", f.ErrorMessages)
	}
	get(t, base+"/rest/api/3/project", 404, nil)
}

func TestWindow(t *testing.T) {
	t.Parallel()
	_, base := serve(t, Options{Window: 100}, 200)
	get(t, searchURL(base, "project = ALPHA", "startAt", "50", "maxResults", "50"), 200, nil)
	var f failure
	get(t, searchURL(base, "project = ALPHA", "startAt", "51", "maxResults", "50"), 500, &f)
	if len(f.ErrorMessages) != 1 || !strings.HasPrefix(f.ErrorMessages[0], "Search limit exceeded") {
		t.Errorf("beyond the window: %q", f.ErrorMessages)
	}
}
