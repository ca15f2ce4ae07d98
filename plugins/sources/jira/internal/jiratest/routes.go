// Routes: the table of everything the server answers, and the call around it.

package jiratest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
)

// route is one row of the table. The path is below /rest/api/{version}.
type route struct {
	method, path string
	answer       func(*call) error
}

// routes returns the table of a flavour. Every row exists in Atlassian's own description of that
// product; a test checks that.
func routes(f Flavour) []route {
	table := []route{
		{"GET", "/serverInfo", (*call).serverInfo},
		{"GET", "/myself", (*call).myself},
		{"GET", "/issue/{issueIdOrKey}", (*call).getIssue},
		{"GET", "/issue/{issueIdOrKey}/comment", (*call).issueComments},
		{"GET", "/issue/{issueIdOrKey}/comment/{id}", (*call).oneComment},
		{"GET", "/issue/{issueIdOrKey}/worklog", (*call).issueWorklogs},
		{"GET", "/issue/{issueIdOrKey}/remotelink", (*call).issueRemoteLinks},
		{"GET", "/issue/{issueIdOrKey}/votes", (*call).issueVotes},
		{"GET", "/issue/{issueIdOrKey}/watchers", (*call).issueWatchers},
		{"GET", "/issue/{issueIdOrKey}/properties", (*call).issuePropertyKeys},
		{"GET", "/issue/{issueIdOrKey}/properties/{propertyKey}", (*call).issueProperty},
		{"GET", "/attachment/{id}", (*call).oneAttachment},
		{"GET", "/worklog/updated", member((*call).worklogsUpdated)},
		{"GET", "/worklog/deleted", member((*call).worklogsDeleted)},
		{"POST", "/worklog/list", member((*call).worklogList)},
		{"GET", "/project/{projectIdOrKey}", (*call).oneProject},
		{"GET", "/project/{projectIdOrKey}/statuses", (*call).projectStatuses},
		{"GET", "/field", (*call).fields},
	}
	table = append(table, listRoutes(f)...)
	if f == Cloud {
		return append(table,
			route{"GET", "/search", (*call).searchRemoved},
			route{"POST", "/search", (*call).searchRemoved},
			route{"GET", "/search/jql", (*call).searchTokens},
			route{"POST", "/search/jql", (*call).searchTokens},
			route{"POST", "/search/approximate-count", (*call).approximateCount},
			route{"GET", "/issue/{issueIdOrKey}/changelog", (*call).issueChangelog},
			route{"GET", "/attachment/content/{id}", (*call).attachmentContent},
			route{"POST", "/comment/list", (*call).commentList},
			route{"POST", "/issue/bulkfetch", (*call).bulkFetch},
			route{"POST", "/changelog/bulkfetch", member((*call).bulkChangelogs)},
			route{"GET", "/project/search", (*call).projectSearch},
		)
	}
	return append(table,
		route{"GET", "/search", (*call).searchPages},
		route{"POST", "/search", (*call).searchPages},
		route{"GET", "/project", (*call).allProjects},
	)
}

// versions lists the API versions of a flavour, the native one first.
func versions(f Flavour) []string {
	if f == Cloud {
		return []string{"3", "2", "latest"}
	}
	return []string{"2", "latest"}
}

func (s *Server) register() {
	for _, version := range versions(s.options.Flavour) {
		for _, row := range routes(s.options.Flavour) {
			s.mux.HandleFunc(row.method+" /rest/api/"+version+row.path, s.handle(version, row.answer))
		}
	}
	for _, row := range agileRoutes() {
		s.mux.HandleFunc(row.method+" /rest/agile/1.0"+row.path, s.handle("2", row.answer))
	}
	if s.options.Flavour == DataCenter {
		s.mux.HandleFunc("GET /secure/attachment/{id}/{name}", s.handle("2", (*call).secureAttachment))
	}
	s.mux.HandleFunc("GET /media/file/{id}/binary", s.serveMedia)
	s.mux.HandleFunc("/", s.notFound)
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	(&problem{status: http.StatusNotFound,
		body: `{"message":` + quote("null for uri: "+r.URL.RequestURI()) + `,"status-code":404}`}).write(w)
}

// call is one request to a route.
type call struct {
	server  *Server
	w       http.ResponseWriter
	r       *http.Request
	version string // of the API: "2" or "3"
	who     caller
	body    []byte // of a POST
	out     *bytes.Buffer
	idless  bool // comments are written without their ids
	lenient bool // the query is not validated
	html    bool // bodies are written as HTML
	bodies  bool // comments are written with their rendered body as well
	wide    bool // an issue is always written with its key
	whole   bool // names and schema are inside the issue, which is the whole reply
	// embedded is the most histories inside an issue; 0 means the product's own.
	embedded int
	placed   bool // addresses are inserted already
	cut      bool // the volatile field is left out and its position stored in hole
	hole     int
	send     func() // sends a reply that is not JSON, instead of out
}

func (s *Server) handle(version string, answer func(*call) error) http.HandlerFunc {
	if version == "latest" {
		version = versions(s.options.Flavour)[0]
	}
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{server: s, w: w, r: r, version: version, out: s.buffer()}
		defer s.release(c.out)
		err := c.authenticate()
		if err == nil {
			c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		}
		if err == nil {
			err = c.render(answer)
		}
		c.finish(err)
	}
}

// render makes the reply under the lock. The body is read before, and the reply sent after, so that
// a slow caller does not block others.
func (c *call) render(answer func(*call) error) error {
	c.server.store.mu.RLock()
	defer c.server.store.mu.RUnlock()
	return answer(c)
}

func (c *call) finish(err error) {
	var reply *problem
	var jql badJQL
	var long *http.MaxBytesError
	c.sayWho()
	switch {
	case err == nil && c.send != nil:
		c.send()
	case err == nil:
		c.writeBody()
	case errors.As(err, &reply):
		reply.write(c.w)
	case errors.As(err, &jql):
		messages(http.StatusBadRequest, string(jql)).write(c.w)
	case errors.As(err, &long):
		messages(http.StatusRequestEntityTooLarge, "The request is too large.").write(c.w)
	default:
		messages(http.StatusInternalServerError, err.Error()).write(c.w)
	}
}

// list collects a parameter that may be repeated and contain commas.
func (c *call) list(name string) []string {
	var out []string
	for _, value := range c.r.URL.Query()[name] {
		out = append(out, splitCommas(value)...)
	}
	return out
}

func splitCommas(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
