// Package jirademo is the Jira that `scrapekit demo` reads: invented issues, a rate limit and
// faults, in as much of the two products' APIs as the source asks of a Jira for issues. Its issues
// never change. Tests have a whole Jira in jiraserver.
package jirademo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/prose"
)

// Options say what the Jira is like.
type Options struct {
	Cloud    bool      // Jira Cloud instead of Jira Data Center
	Seed     uint64    // of the issues and the faults
	Projects []Project // in the order of their ids
	Rate     float64   // requests a second that it allows; 0: any number
	Faults   bool      // one request in eight goes wrong, or is slow
}

// Project is a project and how many issues it has.
type Project struct {
	Key    string
	Issues int
}

// New returns the Jira. Its paths begin with /rest.
func New(o Options) http.Handler {
	s := &server{Options: o, people: prose.People()}
	for i, p := range o.Projects {
		s.all = append(s.all, s.invent(p, i)...)
	}
	mux := http.NewServeMux()
	for path, answer := range map[string]func(*http.Request) (any, error){
		"GET /rest/api/{version}/serverInfo":         s.serverInfo,
		"GET /rest/api/{version}/myself":             s.myself,
		"GET /rest/api/{version}/field":              s.fields,
		"GET /rest/api/2/search":                     s.search,
		"GET /rest/api/3/search/jql":                 s.searchCloud,
		"POST /rest/api/3/search/approximate-count":  s.count,
		"GET /rest/api/{version}/issue/{id}/comment": s.comments,
		"GET /rest/api/{version}/{anything...}":      s.nothing,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			v, err := answer(r)
			reply(w, v, err)
		})
	}
	var h http.Handler = mux
	if o.Faults {
		h = &faults{inner: h, seed: o.Seed, attempts: map[uint64]int{}}
	}
	if o.Rate > 0 {
		h = limited(h, o.Rate)
	}
	return h
}

type server struct {
	Options
	people []prose.Person
	all    []*issue
}

// refusal is a reply that says no.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

func reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	if err != nil {
		no := &refusal{http.StatusBadRequest, err.Error()}
		errors.As(err, &no)
		w.WriteHeader(no.status)
		v = map[string]any{"errorMessages": []string{no.text}, "errors": struct{}{}}
	}
	_ = json.NewEncoder(w).Encode(v) // an error means that the caller has gone
}

func (s *server) serverInfo(*http.Request) (any, error) {
	info := map[string]any{"version": "9.12.12", "versionNumbers": []int{9, 12, 12}, "deploymentType": "Server",
		"buildNumber": 9120012,
		"serverTime":  stamp(time.Now()), "serverTitle": "Jira of the demo"}
	if s.Cloud {
		info["version"], info["versionNumbers"], info["deploymentType"] = "1001.0.0-SNAPSHOT", []int{1001, 0,
			0}, "Cloud"
	}
	return info, nil
}

func (s *server) myself(*http.Request) (any, error) {
	return nil, &refusal{http.StatusUnauthorized, "Client must be authenticated to access this resource."}
}

func (s *server) nothing(r *http.Request) (any, error) {
	return nil, &refusal{http.StatusNotFound, "The demo's Jira has no " + r.URL.Path + "."}
}

func (s *server) fields(*http.Request) (any, error) {
	var all []any
	for _, name := range []string{"summary", "description", "issuetype", "status", "priority", "resolution", "created",
		"updated", "comment"} {
		all = append(all, map[string]any{"id": name, "name": name, "custom": false,
			"schema": map[string]any{"system": name, "type": "any"}})
	}
	return all, nil
}

// search is the paging of Data Center: startAt, and a total.
func (s *server) search(r *http.Request) (any, error) {
	q := r.URL.Query()
	found, err := s.find(q.Get("jql"))
	start, _ := strconv.Atoi(q.Get("startAt"))
	page := s.page(r, found, start)
	return map[string]any{"startAt": start, "maxResults": most(r), "total": len(found), "issues": page}, err
}

// searchCloud is that of Cloud: tokens, and no total. A token is the place of the next issue.
func (s *server) searchCloud(r *http.Request) (any, error) {
	q := r.URL.Query()
	found, err := s.find(q.Get("jql"))
	start, _ := strconv.Atoi(q.Get("nextPageToken"))
	page := s.page(r, found, start)
	out := map[string]any{"issues": page, "isLast": true}
	if next := start + len(page); next < len(found) {
		out["nextPageToken"], out["isLast"] = strconv.Itoa(next), false
	}
	return out, err
}

// most is how many results a request asks for, and gets.
func most(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("maxResults"))
	if err != nil || n > 100 {
		n = 100
	}
	return n
}

func (s *server) page(r *http.Request, found []*issue, start int) []any {
	short := r.URL.Query().Get("fields") == "created"
	page := []any{}
	for _, i := range found[min(start, len(found)):min(start+most(r), len(found))] {
		page = append(page, s.render(i, short))
	}
	return page
}

func (s *server) count(r *http.Request) (any, error) {
	var body struct {
		JQL string `json:"jql"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&body); err != nil {
		return nil, &refusal{http.StatusBadRequest, "Invalid request payload."}
	}
	found, err := s.find(body.JQL)
	return map[string]any{"count": len(found)}, err
}

func (s *server) comments(r *http.Request) (any, error) {
	at := slices.IndexFunc(s.all, func(i *issue) bool {
		return r.PathValue("id") == strconv.Itoa(i.id) ||
			r.PathValue("id") == i.key()
	})
	if at < 0 {
		return nil, &refusal{http.StatusNotFound, "Issue Does Not Exist"}
	}
	all := s.renderComments(s.all[at])
	start, _ := strconv.Atoi(r.URL.Query().Get("startAt"))
	end := min(start+most(r), len(all))
	return map[string]any{"startAt": start, "maxResults": most(r), "total": len(all),
		"comments": all[min(start, end):end]}, nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000-0700") }

func (i *issue) key() string { return fmt.Sprintf("%s-%d", i.project, i.num) }
