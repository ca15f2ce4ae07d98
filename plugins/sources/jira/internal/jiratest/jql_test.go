// Tests of JQL: what matches, and what is refused with which words.

package jiratest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// jqlStore has an hour apart from 2024-03-30 22:00 UTC, and B-1.
func jqlStore(t *testing.T, f Flavour) *Server {
	t.Helper()
	now := time.Date(2024, 3, 30, 22, 0, 0, 0, time.UTC)
	s := New(Options{Flavour: f, Now: func() time.Time { return now }})
	for i := range 5 {
		project := "A"
		if i == 4 {
			project = "B"
		}
		if _, err := s.Create(project, map[string]any{"summary": fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	if err := s.Edit("A-2", map[string]any{"status": "Resolved", "assignee": "renske"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Server) matching(jql string, zone *time.Location) ([]string, error) {
	q, err := parseJQL(jql)
	if err != nil {
		return nil, err
	}
	b := binder{store: s.store, flavour: s.options.Flavour, zone: zone, now: s.options.Now(),
		precision: s.options.JQLPrecision, visible: true}
	match, err := b.bind(q.where)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, r := range s.store.all {
		if match(r) {
			keys = append(keys, r.key())
		}
	}
	return keys, nil
}

func TestJQLMatches(t *testing.T) {
	t.Parallel()
	s := jqlStore(t, DataCenter)
	created := time.Date(2024, 3, 31, 0, 0, 0, 0, time.UTC).UnixMilli() // of A-3
	id := s.Issues("A")[1].ID
	for _, c := range []struct{ jql, want string }{
		{"", "A-1 A-2 A-3 A-4 B-1"},
		{"project = A", "A-1 A-2 A-3 A-4"},
		{"project in (a, 'B')", "A-1 A-2 A-3 A-4 B-1"},
		{"project != A", "B-1"},
		{"project not in (B) and not key = A-1", "A-2 A-3 A-4"},
		{"key in (A-1, B-1)", "A-1 B-1"},
		{"issuekey = " + id, "A-2"},
		{"id >= " + id, "A-2 A-3 A-4"}, // its project only, by key number
		{"key < A-2", "A-1"},
		{"key > a-3 OR project = B", "A-4 B-1"},
		{fmt.Sprintf("created >= %d", created), "A-3 A-4 B-1"},
		{fmt.Sprintf("created >= %d", created+1), "A-4 B-1"},
		{fmt.Sprintf("project = A AND (created < %d OR created > %d)", created, created), "A-1 A-2 A-4"},
		{`created >= "2024-03-31 00:00"`, "A-3 A-4 B-1"},
		{`created >= "2024/03/31"`, "A-3 A-4 B-1"},
		{"created >= -3h", "A-3 A-4 B-1"},
		{`updated >= "2024-03-31 03:00" ORDER BY id`, "A-2"},
		{"status = resolved", "A-2"},
		{"status in (Open) AND project = A", "A-1 A-3 A-4"},
		{"assignee is not EMPTY", "A-2"},
		{"assignee = renske", "A-2"},
		{"assignee = \"Renske van Aalst\" AND reporter != renske", "A-2"},
		{"assignee = EMPTY AND project = A", "A-1 A-3 A-4"},
		{`resolution is EMPTY AND project = B`, "B-1"},
	} {
		got, err := s.matching(c.jql, time.UTC)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, %v; want %s", c.jql, got, err, c.want)
		}
	}
}

func TestJQLDatesAreReadInTheAccountsZone(t *testing.T) {
	t.Parallel()
	s := jqlStore(t, DataCenter)
	berlin := time.FixedZone("CET", 3600)
	got, err := s.matching(`created >= "2024-03-31 00:00"`, berlin)
	if err != nil || !slices.Equal(got, []string{"A-2", "A-3", "A-4", "B-1"}) {
		t.Errorf("in +01:00: %v, %v; want A-2 on", got, err)
	}
}

func TestJQLPrecision(t *testing.T) {
	t.Parallel()
	s := jqlStore(t, DataCenter)
	s.options.JQLPrecision = time.Minute
	at := time.Date(2024, 3, 31, 0, 0, 59, 0, time.UTC).UnixMilli()
	got, err := s.matching(fmt.Sprintf("created >= %d", at), time.UTC)
	if err != nil || got[0] != "A-3" {
		t.Errorf("to the minute: %v, %v; want A-3 on", got, err)
	}
}

func TestJQLRefusals(t *testing.T) {
	t.Parallel()
	s := jqlStore(t, DataCenter)
	for _, c := range []struct{ jql, want string }{
		{"project = NOPE", "The value 'NOPE' does not exist for the field 'project'."},
		{"id >= 99", "A value with ID '99' does not exist for the field 'id'."},
		{"key > A-99", "An issue with key 'A-99' does not exist for field 'key'."},
		{"flavour = sweet", "Field 'flavour' does not exist or you do not have permission to view it."},
		{"project > A", "The operator '>' is not supported by the 'project' field."},
		{"created >= soon", "Date value 'soon' for field 'created' is invalid."},
		{"project = A AND", "Error in the JQL Query"},
		{"project = A B", "Error in the JQL Query: Expecting either 'OR' or 'AND' but got 'B'. (line 1, character 13)"},
		{"project A", "Error in the JQL Query: Expecting operator but got 'A'."},
		{"project in A", "Error in the JQL Query: Expecting a list but got 'A'."},
		{"(project = A", "Error in the JQL Query"},
		{`project = "A`, "Error in the JQL Query: The quoted string 'A' has not been completed."},
		{strings.Repeat("(", 200), "Error in the JQL Query: The query is nested too deeply."},
	} {
		_, err := s.matching(c.jql, time.UTC)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.jql, err, c.want)
		}
	}
}

func TestJQLOfMissingIssuesOnCloud(t *testing.T) {
	t.Parallel()
	s := jqlStore(t, Cloud)
	for _, jql := range []string{"id >= 99", "key > A-99", "key in (A-98, A-99)"} {
		got, err := s.matching(jql, time.UTC)
		if err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %v; want nothing", jql, got, err)
		}
	}
}

func FuzzJQL(f *testing.F) {
	for _, seed := range []string{`project = A and (key > "A-1" or not id in (1,2)) order by updated desc, key`,
		`a !~ 'x\'y'`, "((((", "order by"} {
		f.Add(seed)
	}
	s := New(Options{})
	s.Generate(Synthetic{Projects: []Project{{Key: "A", Issues: 3}}})
	f.Fuzz(func(t *testing.T, jql string) {
		var refusal badJQL
		if _, err := s.matching(jql, time.UTC); err != nil && !errors.As(err, &refusal) {
			t.Errorf("%q: %v is not a refusal", jql, err)
		}
	})
}
