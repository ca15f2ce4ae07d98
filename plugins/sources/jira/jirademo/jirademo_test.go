package jirademo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jirademo"
)

var two = []jirademo.Project{{Key: "ALPHA", Issues: 70}, {Key: "BRAVO", Issues: 40}}

func serve(t *testing.T, o jirademo.Options) string {
	t.Helper()
	server := httptest.NewServer(jirademo.New(o))
	t.Cleanup(server.Close)
	return server.URL + "/rest/api/"
}

// get returns a reply of 200, and the status of any.
func get(t *testing.T, url string) (status int, body []byte, err error) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

type page struct {
	Total  int
	Next   string `json:"nextPageToken"`
	IsLast bool
	Issues []struct {
		Key    string
		Fields map[string]json.RawMessage
	}
}

func search(t *testing.T, api, path, jql, from string) page {
	t.Helper()
	name := "startAt"
	if strings.Contains(path, "jql") {
		name = "nextPageToken"
	}
	status, body, err := get(t, api+path+"?"+url.Values{"jql": {jql}, "fields": {"*all"}, name: {from}}.Encode())
	var p page
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &p) != nil {
		t.Fatalf("%s: %d, %v\n%.200s", jql, status, err, body)
	}
	return p
}

func TestEveryIssueComesOnce(t *testing.T) {
	t.Parallel()
	const jql = `project in ("ALPHA", "BRAVO") ORDER BY created ASC, key ASC`
	for _, cloud := range []bool{false, true} {
		api, path := serve(t, jirademo.Options{Cloud: cloud, Projects: two}), "2/search"
		if cloud {
			path = "3/search/jql"
		}
		first := search(t, api, path, jql, "")
		second := search(t, api, path, jql, "100")
		seen := map[string]bool{}
		for _, i := range append(first.Issues, second.Issues...) {
			seen[i.Key] = true
			if isText := i.Fields["description"][0] == '"'; isText == cloud {
				t.Fatalf("cloud %t: description %.40s", cloud, i.Fields["description"])
			}
		}
		if len(seen) != 110 || len(first.Issues) != 100 || !cloud && first.Total != 110 || cloud &&
			(first.IsLast || first.Next != "100" || !second.IsLast) {
			t.Errorf("cloud %t: %d issues, %d in the first page of %d", cloud, len(seen), len(first.Issues),
				first.Total)
		}
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	api := serve(t, jirademo.Options{Projects: two})
	for jql, want := range map[string]int{
		`project = "BRAVO"`: 40,
		`project = "BRAVO" AND created >= 1500000000000 AND created < ` +
			`1500000000000 ORDER BY created DESC`: 0,
		`(project = "ALPHA" AND updated >= 1796073900000) AND updated >= 1796073900000 ` +
			`ORDER BY updated ASC, key ASC`: 0,
		`(project in ("ALPHA", "BRAVO") AND created >= 1) ORDER BY created ASC`: 110,
	} {
		if got := search(t, api, "2/search", jql, "").Total; got != want {
			t.Errorf("%s: %d issues, want %d", jql, got, want)
		}
	}
	status, body, err := get(t, api+"2/search?jql="+url.QueryEscape(`assignee = me`))
	if err != nil || status != http.StatusBadRequest || !strings.Contains(string(body), "assignee = me") {
		t.Errorf("a query that it does not understand: %d, %s, %v", status, body, err)
	}
}

func TestTrouble(t *testing.T) {
	t.Parallel()
	api := serve(t, jirademo.Options{Faults: true, Seed: 2, Projects: two})
	bad := 0
	for n := range 100 {
		u := api + "2/serverInfo?n=" + string(rune('a'+n%26)) + strings.Repeat("x", n/26)
		for attempt := 0; ; attempt++ {
			status, body, err := get(t, u)
			if err == nil && status == http.StatusOK && json.Valid(body) {
				break
			}
			if bad++; attempt == 3 {
				t.Fatalf("%s fails for good: %d, %v", u, status, err)
			}
		}
	}
	if bad < 4 || bad > 30 {
		t.Errorf("%d faults in a hundred requests", bad)
	}
	api = serve(t, jirademo.Options{Rate: 0.001})
	for n := range 6 {
		resp, err := http.Get(api + "2/serverInfo")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if refused := resp.StatusCode == http.StatusTooManyRequests; refused != (n == 5) ||
			resp.Header.Get("X-RateLimit-Limit") != "5" {
			t.Errorf("request %d: %s, %v", n, resp.Status, resp.Header)
		}
	}
}
