// Every route stands in Atlassian's own description, and its reply has no
// property that the description does not know.

package jiratest

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryRouteIsInTheSpecification(t *testing.T) {
	t.Parallel()
	for _, f := range []Flavour{DataCenter, Cloud} {
		described := dataCenterSpec(t)
		if f == Cloud {
			described = cloudSpec(t)
		}
		server := New(Options{Flavour: f, Auth: Auth{Bearer: map[string]string{"t": "ann"}}})
		server.Generate(Synthetic{Projects: []Project{{Key: "A", Issues: 3}}})
		ids := fillIn(t, server)
		compared := 0
		for _, row := range routes(f) {
			if f == Cloud && row.path == "/search" {
				continue // removed
			}
			names, ok := described[row.method+" "+row.path]
			if !ok {
				t.Errorf("%v: %s %s is not in the specification", f, row.method, row.path)
			}
			got := topLevel(t, server, f, row, ids)
			if names == nil || got == nil || mistaken(f, row.path) {
				continue
			}
			compared++
			for _, name := range got {
				if !slices.Contains(names, name) {
					t.Errorf("%v: %s %s replies with %q, which the specification does not know", f, row.method,
						row.path, name)
				}
			}
		}
		if compared < 8 {
			t.Errorf("%v: only %d replies could be compared", f, compared)
		}
	}
}

func TestEveryAgileRouteIsInTheSpecification(t *testing.T) {
	t.Parallel()
	var api struct {
		Paths map[string]struct {
			Get *struct {
				Responses map[string]struct {
					Content map[string]struct{ Schema json.RawMessage }
				}
			}
		}
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(fixture(t, "specs/cloud-software-openapi.json"), &api); err != nil {
		t.Fatal(err)
	}
	s, base := serve(t, Options{Flavour: Cloud}, 200)
	epic := ""
	for id := range s.Truth(base, "").Of("epics") {
		epic = id
	}
	for _, row := range agileRoutes() {
		op := api.Paths["/rest/agile/1.0"+row.path].Get
		if op == nil {
			t.Errorf("%s is not in the specification", row.path)
			continue
		}
		var reply json.RawMessage
		get(t, base+"/rest/agile/1.0"+strings.NewReplacer("{boardId}", "1", "{sprintId}", "1", "{epicIdOrKey}",
			epic).Replace(row.path), 200, &reply)
		names := schemaProperties(op.Responses["200"].Content["application/json"].Schema, api.Components.Schemas)
		for _, name := range propertyNames(t, row.path, reply) {
			if names != nil && !slices.Contains(names, name) {
				t.Errorf("%s replies with %q, which the specification does not know", row.path, name)
			}
		}
	}
}

// TestValuesAreInTheSpecification looks one level deeper, into the values of
// pages on Cloud.
func TestValuesAreInTheSpecification(t *testing.T) {
	t.Parallel()
	described := cloudValues(t)
	s := New(Options{Flavour: Cloud, Auth: known})
	s.Generate(Synthetic{Projects: []Project{{Key: "A", Issues: 3}}})
	ids := fillIn(t, s)
	compared := 0
	for _, row := range cloudLists() {
		names := described[row.method+" "+row.path]
		var page struct{ Values []map[string]json.RawMessage }
		raw := replyOf(t, s, Cloud, row, ids)
		// The schema of a field configuration lacks the id that its example has.
		if names == nil || json.Unmarshal(raw, &page) != nil || row.path == "/fieldconfiguration" {
			continue
		}
		compared++
		for name := range page.Values[0] {
			if !slices.Contains(names, name) {
				t.Errorf("%s: a value has %q, which the specification does not know", row.path, name)
			}
		}
	}
	if compared < 10 {
		t.Errorf("only %d could be compared", compared)
	}
}

// mistaken are the replies whose example and schema differ in the description:
// the WADL describes one comment by the schema of a page of them, lists by that
// of an element, calls lastPage isLastPage and default isDefault, and lacks the
// favouritedCount of real filters.
func mistaken(f Flavour, path string) bool {
	return f == DataCenter && slices.Contains([]string{"/issue/{issueIdOrKey}/comment/{id}", "/worklog/updated",
		"/worklog/deleted",
		"/group/member", "/auditing/record", "/workflow", "/filter/favourite"}, path)
}

// fillIn gives the first issue one of everything, and returns what stands for
// the placeholders of paths and bodies.
func fillIn(t *testing.T, s *Server) map[string]string {
	t.Helper()
	key := s.Snapshot()[0].Key
	ids := map[string]string{"{issueIdOrKey}": key, "{projectIdOrKey}": "A", "{projectId}": "A", "{propertyKey}": "p",
		"{fieldId}":   "customfield_12310921",
		"{contextId}": "109210", "{screenId}": "10000", "{tabId}": "11000", "role": "10001",
		"customFieldOption": "12960"}
	var errs [4]error
	ids["comment"], errs[0] = s.Comment(key, "x")
	ids["worklog"], errs[1] = s.AddWorklog(key, time.Hour, "x")
	ids["attachment"], errs[2] = s.Attach(key, "a.txt", "text/plain", []byte("x"))
	errs[3] = s.SetProperty(key, "p", "1")
	if _, err := s.AddRemoteLink(key, "https://x.example", "x"); err != nil {
		t.Fatal(err)
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// bodyFor is the body of a POST.
func bodyFor(row route, ids map[string]string) string {
	switch {
	case strings.HasPrefix(row.path, "/comment/"):
		return `{"ids":[` + ids["comment"] + `]}`
	case strings.HasPrefix(row.path, "/worklog/"):
		return `{"ids":[` + ids["worklog"] + `]}`
	case strings.HasSuffix(row.path, "/bulkfetch"):
		return `{"issueIdsOrKeys":["` + ids["{issueIdOrKey}"] + `"]}`
	}
	return `{"jql":"project = A"}`
}

// topLevel calls a route and returns the property names of its reply.
func topLevel(t *testing.T, s *Server, f Flavour, row route, ids map[string]string) []string {
	t.Helper()
	return propertyNames(t, row.path, replyOf(t, s, f, row, ids))
}

func replyOf(t *testing.T, s *Server, f Flavour, row route, ids map[string]string) []byte {
	t.Helper()
	path := row.path
	for _, kind := range []string{"comment", "attachment", "role", "customFieldOption"} {
		if strings.Contains(path, "/"+kind+"/") {
			path = strings.ReplaceAll(path, "{id}", ids[kind])
		}
	}
	for name, id := range ids {
		if name[0] == '{' {
			path = strings.ReplaceAll(path, name, id)
		}
	}
	body := ""
	if row.method == "POST" {
		body = bodyFor(row, ids)
	}
	r := httptest.NewRequest(row.method,
		fmt.Sprintf("/rest/api/%s%s?jql=project%%3DA&redirect=false&groupname=jira-users&username=.", versions(f)[0],
			path), strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer t")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("%v: %s %s: %d %s", f, row.method, path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func propertyNames(t *testing.T, path string, raw []byte) []string {
	t.Helper()
	var object map[string]json.RawMessage
	var list []map[string]json.RawMessage
	switch {
	case raw[0] == '[':
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(list) == 0 {
			t.Fatalf("%s: the list is empty", path)
		}
		object = list[0]
	case raw[0] == '{':
		if err := json.Unmarshal(raw, &object); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	var names []string
	for name := range object {
		names = append(names, name)
	}
	return names
}
