package jiratest

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// askAs answers one request as ann, or as nobody.
func askAs(t *testing.T, s *Server, method, path, body string, anonymous bool) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if !anonymous {
		r.Header.Set("Authorization", "Bearer t")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestHiddenAndDeletedIssuesOfEachFlavour(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flavour                    Flavour
		hidden, anonymous, deleted int
	}{{DataCenter, 403, 401, 404}, {Cloud, 404, 404, 404}} {
		s := New(Options{Flavour: c.flavour, Auth: Auth{Bearer: map[string]string{"t": "ann"}}})
		s.Generate(Synthetic{Projects: []Project{{Key: "A", Issues: 3}}})
		truth := s.Snapshot()
		if err := s.Hide(truth[0].Key); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(truth[1].Key); err != nil {
			t.Fatal(err)
		}
		api := "/rest/api/" + versions(c.flavour)[0]
		for path, want := range map[string]int{"/issue/" + truth[0].ID: c.hidden, "/issue/" + truth[1].ID: c.deleted,
			"/issue/" + truth[2].ID: 200} {
			if got, _ := askAs(t, s, "GET", api+path, "", false); got != want {
				t.Errorf("%v: %s: %d, want %d", c.flavour, path, got, want)
			}
		}
		if got, _ := askAs(t, s, "GET", api+"/issue/"+truth[0].ID, "", true); got != c.anonymous {
			t.Errorf("%v: nobody: %d, want %d", c.flavour, got, c.anonymous)
		}
		got := bodyOf(t, s, c.flavour, "id in ("+truth[0].ID+","+truth[1].ID+","+truth[2].ID+")")
		if strings.Contains(got, truth[0].Key+`"`) || !strings.Contains(got, truth[2].Key+`"`) {
			t.Errorf("%v: a search for all three gives %.300s", c.flavour, got)
		}
	}
}

func TestArchivedAndTrashedProjects(t *testing.T) {
	t.Parallel()
	for _, f := range []Flavour{DataCenter, Cloud} {
		s := New(Options{Flavour: f, Auth: Auth{Bearer: map[string]string{"t": "ann"}}})
		s.Generate(Synthetic{Projects: []Project{{Key: "LIVE", Issues: 1}, {Key: "OLD", Issues: 1},
			{Key: "GONE", Issues: 1}}})
		for key, status := range map[string]ProjectStatus{"OLD": Archived, "GONE": Trashed} {
			if err := s.SetProjectStatus(key, status); err != nil {
				t.Fatal(err)
			}
		}
		api := "/rest/api/" + versions(f)[0]
		list := map[Flavour]string{DataCenter: "/project?includeArchived=true",
			Cloud: "/project/search?status=live&status=archived"}[f]
		_, body := askAs(t, s, "GET", api+list, "", false)
		if !strings.Contains(body, `"LIVE"`) || !strings.Contains(body, `"OLD"`) || strings.Contains(body, `"GONE"`) {
			t.Errorf("%v: %s", f, body)
		}
		for _, b := range s.Snapshot() {
			want := map[string]int{"LIVE": 200, "OLD": 200, "GONE": 404}[b.Project]
			if got, _ := askAs(t, s, "GET", api+"/issue/"+b.ID, "", false); got != want {
				t.Errorf("%v: issue of %s: %d, want %d", f, b.Project, got, want)
			}
		}
	}
}

// bodyOf is the reply to the form of search that takes ids that may not exist.
func bodyOf(t *testing.T, s *Server, f Flavour, jql string) string {
	t.Helper()
	path, body := "/rest/api/2/search", `{"jql":"`+jql+`","validateQuery":false,"fields":["summary"]}`
	if f == Cloud {
		ids := strings.NewReplacer("id in (", `"`, ",", `","`, ")", `"`).Replace(jql)
		path, body = "/rest/api/3/issue/bulkfetch", `{"issueIdsOrKeys":[`+ids+`],"fields":["summary"]}`
	}
	_, got := askAs(t, s, "POST", path, body, false)
	return got
}
