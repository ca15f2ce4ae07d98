// Tests of quirks and of the forms of a refusal.

package jiratest

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestFormsOfA429(t *testing.T) {
	t.Parallel()
	for form, want := range map[LimitForm]map[string]string{
		RetryAfterZero:    {"Retry-After": "0"},
		RetryAfterAbsent:  {"Retry-After": ""},
		RetryAfterSeconds: {"Retry-After": "10"},
		ResetOnly: {"Retry-After": "", "X-RateLimit-Reset": "2025-03-01T08:01Z",
			"RateLimit-Reason": "jira-cost-based"},
	} {
		s := New(Options{Now: newClock().now, Limit: &Limit{PerSecond: 0.1, Form: form}})
		for _, status := range []int{200, 429} {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest("GET", "/rest/api/2/serverInfo", nil))
			if w.Code != status {
				t.Fatalf("form %d: %d, want %d", form, w.Code, status)
			}
			for name, value := range want {
				if got := w.Header().Get(name); status == 429 && got != value {
					t.Errorf("form %d: %s is %q, want %q", form, name, got, value)
				}
			}
		}
	}
}

func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	s := New(Options{Now: func() time.Time { return at },
		Quirks: Quirks{InfoDate: -time.Second, OtherDate: time.Minute}})
	for path, want := range map[string]string{"serverInfo": "Tue, 31 Dec 2024 23:59:59 GMT",
		"status": "Wed, 01 Jan 2025 00:01:00 GMT"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/rest/api/2/"+path, nil))
		if got := w.Header().Get("Date"); got != want {
			t.Errorf("%s: Date %q, want %q", path, got, want)
		}
	}
}

func TestQuirksOfPages(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{Flavour: Cloud,
		Quirks: Quirks{StuckToken: true, WithoutUpdated: []string{"ALPHA-1"},
			Refused: map[string]int{"GET /rest/api/3/status": 403}}}, 9)
	var page results
	address := base + "/rest/api/3/search/jql?maxResults=3&fields=updated&jql=project%3DALPHA+order+by+key"
	get(t, address, 200, &page)
	token := page.NextPageToken
	if page.Issues[0].Fields["updated"] != nil || page.Issues[1].Fields["updated"] == nil {
		t.Errorf("updated is %s and %s", page.Issues[0].Fields["updated"], page.Issues[1].Fields["updated"])
	}
	for range 3 {
		page = results{}
		get(t, address+"&nextPageToken="+token, 200, &page)
		if page.NextPageToken != token || page.Issues[0].Key != "ALPHA-4" {
			t.Errorf("%+v; want the same page and token for ever", page)
		}
	}
	get(t, base+"/rest/api/3/status", 403, nil)
	if s.Stats().Routes["GET /rest/api/3/status"][403] != 1 {
		t.Error("the refusal was not counted")
	}
}

func TestTotalsSway(t *testing.T) {
	t.Parallel()
	_, base := serve(t, Options{Quirks: Quirks{SwayingTotal: 2}}, 10)
	seen := map[int]bool{}
	for range 4 {
		var page results
		get(t, searchURL(base, "project = ALPHA ORDER BY key"), 200, &page)
		seen[page.Total] = true
	}
	if !seen[8] || !seen[12] {
		t.Errorf("totals %v, want 8 and 12", seen)
	}
}

func TestSiteBecomesCloud(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, base := serve(t, Options{Now: c.now}, 20)
	before := s.Snapshot()
	get(t, searchURL(base, "project = ALPHA"), 200, nil)
	c.advance(time.Minute)
	s.Become(Cloud)
	var gone failure
	get(t, searchURL(base, "project = ALPHA"), 410, &gone)
	if !strings.Contains(gone.ErrorMessages[0], "search/jql") {
		t.Errorf("%v", gone)
	}
	var info struct{ DeploymentType string }
	get(t, base+"/rest/api/2/serverInfo", 200, &info)
	var page results
	get(t, base+"/rest/api/3/search/jql?maxResults=100&fields=*all&jql=project%3DALPHA", 200, &page)
	if info.DeploymentType != "Cloud" || len(page.Issues) != 20 || len(s.Snapshot()) != len(before) {
		t.Errorf("%s with %d issues", info.DeploymentType, len(page.Issues))
	}
	if reporter := string(page.Issues[0].Fields["reporter"]); !strings.Contains(reporter, "accountId") {
		t.Errorf("the reporter is %s", reporter)
	}
}
