// Tests of boards, sprints and epics.

package jiratest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

type agileIssues struct {
	Total  int
	IsLast bool
	Issues []found
}

func TestBoardsWithAndWithoutSprints(t *testing.T) {
	t.Parallel()
	for _, f := range []Flavour{DataCenter, Cloud} {
		s, base := serve(t, Options{Flavour: f, ListPage: 5}, 40)
		var boards, sprints struct {
			IsLast bool
			Total  *int
			Values []struct {
				ID   int
				Type string
			}
		}
		get(t, base+"/rest/agile/1.0/board?projectKeyOrId=ALPHA", 200, &boards)
		if len(boards.Values) != 2 || !boards.IsLast || *boards.Total != 2 || boards.Values[0].Type != "scrum" {
			t.Fatalf("%v: %+v", f, boards)
		}
		get(t, base+"/rest/agile/1.0/board/1/sprint?startAt=10", 200, &sprints)
		if len(sprints.Values) != 2 || !sprints.IsLast || sprints.Total != nil {
			t.Errorf("%v: %+v", f, sprints)
		}
		r, err := http.NewRequest("GET", base+"/rest/agile/1.0/board/2/sprint", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Force-Accept-Language", "true")
		r.Header.Set("Accept-Language", "en")
		for _, want := range []string{"support sprints", "unterstützt keine Sprints"} {
			var no failure
			reply, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			decode(t, reply, 400, &no)
			if !strings.Contains(no.ErrorMessages[0], want) {
				t.Errorf("%v: %v, want %q", f, no, want)
			}
			r.Header.Del("X-Force-Accept-Language")
		}
		var all agileIssues
		get(t, base+"/rest/agile/1.0/board/1/issue?fields=id&maxResults=7", 200, &all)
		if all.Total != 40 || len(all.Issues) != 7 || all.Issues[0].Key == "" ||
			all.Issues[0].Fields["summary"] != nil {
			t.Errorf("%v: %+v", f, all)
		}
		if got := len(s.Issues("ALPHA")); got != 40 {
			t.Error(got)
		}
	}
}

func TestIssuesMoveThroughSprints(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, base := serve(t, Options{Now: c.now}, 0)
	open, err := s.Create("NEW", nil)
	if err != nil {
		t.Fatal(err)
	}
	done, err := s.Create("NEW", map[string]any{"status": "Resolved"})
	if err != nil {
		t.Fatal(err)
	}
	board := s.AddBoard("NEW", "b", "scrum")
	id, err := s.CreateSprint(board, "one")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{open, done} {
		if err := s.MoveToSprint(key, id); err != nil {
			t.Fatal(err)
		}
	}
	c.advance(time.Hour)
	before := s.Issues("NEW")
	if err := s.StartSprint(id); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Hour)
	if err := s.CloseSprint(id); err != nil {
		t.Fatal(err)
	}
	after := s.Issues("NEW")
	if !after[0].Updated.After(before[0].Updated) || !after[1].Updated.Equal(before[1].Updated) {
		t.Errorf("updated went from %v to %v and from %v to %v", before[0].Updated, after[0].Updated, before[1].Updated,
			after[1].Updated)
	}
	if got := string(issueOf(t, base, done).Fields[sprintField]); !strings.Contains(got, "state=CLOSED") {
		t.Errorf("the sprint of %s is %s", done, got)
	}
	var backlog, in agileIssues
	get(t, base+"/rest/agile/1.0/board/"+board+"/backlog", 200, &backlog)
	get(t, base+"/rest/agile/1.0/sprint/"+id+"/issue", 200, &in)
	if backlog.Total != 1 || backlog.Issues[0].Key != open || in.Total != 1 || in.Issues[0].Key != done {
		t.Errorf("backlog %+v, sprint %+v", backlog, in)
	}
}
