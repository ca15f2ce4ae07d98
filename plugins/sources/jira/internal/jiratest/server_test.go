// Tests of the server as its callers see it: paging on Data Center.

package jiratest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// serve starts a server with n issues in ALPHA and half as many in BETA.
func serve(t *testing.T, o Options, n int) (*Server, string) {
	t.Helper()
	s := New(o)
	s.Generate(Synthetic{Projects: []Project{{Key: "ALPHA", Issues: n}, {Key: "BETA", Issues: n / 2}}})
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, h.URL + o.BasePath
}

// get fetches a JSON reply and insists on its status.
func get(t *testing.T, address string, status int, into any) http.Header {
	t.Helper()
	reply, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, reply, status, into)
}

func post(t *testing.T, address, body string, status int, into any) http.Header {
	t.Helper()
	reply, err := http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, reply, status, into)
}

func decode(t *testing.T, reply *http.Response, status int, into any) http.Header {
	t.Helper()
	defer reply.Body.Close()
	if reply.StatusCode != status {
		t.Fatalf("%s: status %d, want %d", reply.Request.URL, reply.StatusCode, status)
	}
	if into == nil {
		return reply.Header
	}
	if err := json.NewDecoder(reply.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", reply.Request.URL, err)
	}
	return reply.Header
}

// results is a page of either search.
type results struct {
	StartAt, MaxResults, Total int
	NextPageToken              string
	IsLast                     *bool
	Issues                     []found
}

type found struct {
	ID, Key   string
	Fields    map[string]json.RawMessage
	Changelog *struct {
		Total     int
		Histories []map[string]any
	}
}

// failure is an error reply.
type failure struct{ ErrorMessages []string }

func searchURL(base, jql string, more ...string) string {
	q := url.Values{"jql": {jql}}
	for i := 0; i < len(more); i += 2 {
		q.Add(more[i], more[i+1])
	}
	return base + "/rest/api/2/search?" + q.Encode()
}

func TestPagesAreShorterThanAskedForAndComplete(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{MaxResults: 70, BasePath: "/jira"}, 300)
	seen := map[string]bool{}
	for start := 0; ; {
		var page results
		get(t, searchURL(base, "project = alpha ORDER BY key ASC", "startAt", fmt.Sprint(start), "maxResults", "1000"),
			200, &page)
		if page.MaxResults != 70 || page.Total != 300 || page.StartAt != start {
			t.Fatalf("page at %d reports maxResults %d, total %d, startAt %d", start, page.MaxResults, page.Total,
				page.StartAt)
		}
		if len(page.Issues) == 0 {
			break
		}
		for _, i := range page.Issues {
			if seen[i.ID] {
				t.Fatalf("%s came twice", i.Key)
			}
			seen[i.ID] = true
		}
		start += len(page.Issues)
	}
	for _, i := range s.Issues("ALPHA") {
		if !seen[i.ID] {
			t.Errorf("%s is missing", i.Key)
		}
	}
	if len(seen) != 300 {
		t.Errorf("%d issues, want 300", len(seen))
	}
}
