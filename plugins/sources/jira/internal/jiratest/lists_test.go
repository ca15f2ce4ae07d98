// Tests of the lists beside the issues.

package jiratest

import (
	"fmt"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/prose"
)

// listPage is a page of a list.
type listPage struct {
	MaxResults, StartAt, Total int
	IsLast                     bool
	NextPage                   string
	Values                     []struct{ ID any }
}

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{Flavour: Cloud, Auth: known, ListPage: 4, BasePath: "/x"}, 1)
	address, seen := base+"/rest/api/3/project/ALPHA/version?orderBy=name", 0
	for address != "" {
		var p listPage
		as(t, "GET", address, "", 200, &p)
		seen += len(p.Values)
		if p.IsLast != (p.NextPage == "") || p.MaxResults != 4 || p.Total != len(prose.Versions()) {
			t.Fatalf("%s: %+v", address, p)
		}
		address = p.NextPage
	}
	if want := len(s.children("project_versions", decimal(s.store.projects[0].id))); seen != want {
		t.Errorf("%d versions, want %d", seen, want)
	}
	as(t, "GET", base+"/rest/api/3/field/summary/context", "", 404, nil)
	as(t, "GET", base+"/rest/api/3/field/customfield_10010/context/100100/option", "", 400, nil)
	var options listPage
	as(t, "GET", base+"/rest/api/3/field/customfield_12310921/context/109210/option", "", 200, &options)
	if len(options.Values) != 3 {
		t.Errorf("%d options, want 3", len(options.Values))
	}
}

func TestWhoMayReadLists(t *testing.T) {
	t.Parallel()
	_, base := serve(t, Options{Auth: Auth{Bearer: known.Bearer, NoAdmin: true}}, 1)
	for path, want := range map[string][2]int{
		"/priority": {200, 200}, "/user/search?username=.": {401, 200}, "/filter/favourite": {401, 200},
		"/workflow":        {401, 403},
		"/auditing/record": {401, 403}, "/dashboard?startAt=1&maxResults=2": {400, 400},
		"/group/member?groupname=committers+%26+friends": {401, 200},
	} {
		get(t, base+"/rest/api/2"+path, want[0], nil)
		as(t, "GET", base+"/rest/api/2"+path, "", want[1], nil)
	}
}

func TestUserSearchLeavesInactiveOut(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{Auth: known}, 1)
	for query, want := range map[string]int{"username=.": len(s.people) - 1,
		"username=.&includeInactive=true": len(s.people), "username=mli": 1, "username=.&startAt=900": 0} {
		var users []any
		as(t, "GET", base+"/rest/api/2/user/search?"+query, "", 200, &users)
		if len(users) != want {
			t.Errorf("%s finds %d, want %d", query, len(users), want)
		}
	}
	as(t, "GET", base+"/rest/api/2/user/search", "", 400, nil)
}

func TestAuditLogIsNewestFirst(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{Auth: known}, 0)
	var log struct {
		Total   int
		Records []struct{ ID int }
	}
	as(t, "GET", base+"/rest/api/2/auditing/record?offset=1&limit=1", "", 200, &log)
	if n := len(*s.siteList("audit_records")); log.Total != n || fmt.Sprint(log.Records) != fmt.Sprintf("[{%d}]", n-1) {
		t.Errorf("the log says %+v", log)
	}
}
