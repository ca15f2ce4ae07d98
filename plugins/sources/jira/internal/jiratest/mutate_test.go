// Tests of changes: what a reader sees of them afterwards.

package jiratest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a clock that tests move.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2025, 3, 1, 8, 0, 0, 345e6, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func issueOf(t *testing.T, base, key string) found {
	t.Helper()
	var i found
	get(t, base+"/rest/api/2/issue/"+key+"?expand=changelog", 200, &i)
	return i
}

func text(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return s
}

func TestEditBumpsUpdatedAndWritesHistory(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, base := serve(t, Options{Now: c.now}, 0)
	key, err := s.Create("NEW", map[string]any{"summary": "before", "labels": []string{"a"}})
	if err != nil || key != "NEW-1" {
		t.Fatalf("%s, %v", key, err)
	}
	c.advance(time.Hour)
	if err := s.Edit(key, map[string]any{"summary": "after", "status": "resolved", "assignee": "renske"}); err != nil {
		t.Fatal(err)
	}
	i := issueOf(t, base, key)
	if got := text(t, i.Fields["updated"]); got != "2025-03-01T09:00:00.000+0000" {
		t.Errorf("updated %s; want the clock, to the second", got)
	}
	if got := text(t, i.Fields["created"]); got != "2025-03-01T08:00:00.000+0000" {
		t.Errorf("created %s", got)
	}
	if text(t, i.Fields["summary"]) != "after" || string(i.Fields["labels"]) != `["a"]` ||
		textOf(i.Fields["status"]) != "Resolved" {
		t.Errorf("fields are %s %s %s", i.Fields["summary"], i.Fields["labels"], i.Fields["status"])
	}
	if i.Changelog.Total != 1 {
		t.Fatalf("%d histories, want 1", i.Changelog.Total)
	}
	items := fmt.Sprint(i.Changelog.Histories[0]["items"])
	for _, want := range []string{"fromString:before", "toString:after", "fromString:Open", "toString:Resolved",
		"toString:Renske van Aalst"} {
		if !strings.Contains(items, want) {
			t.Errorf("the history lacks %s: %s", want, items)
		}
	}
	if err := s.Edit(key, map[string]any{"status": "Nirvana"}); err == nil {
		t.Error("an unknown status was taken")
	}
}

func TestCommentsComeChangeAndGo(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, base := serve(t, Options{Now: c.now}, 3)
	before := s.Issues("ALPHA")[0]
	c.advance(time.Minute)
	id, err := s.Comment(before.Key, "one")
	if err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute)
	if err := s.EditComment(before.Key, id, "two"); err != nil {
		t.Fatal(err)
	}
	var got struct{ Body, Created, Updated string }
	get(t, base+"/rest/api/2/issue/"+before.Key+"/comment/"+id, 200, &got)
	if got.Body != "two" || got.Created != "2025-03-01T08:01:00.345+0000" ||
		got.Updated != "2025-03-01T08:02:00.345+0000" {
		t.Errorf("the comment is %+v", got)
	}
	after := s.Issues("ALPHA")[0]
	if len(after.Comments) != len(before.Comments)+1 || after.Comments[len(before.Comments)] != id ||
		!after.Updated.After(before.Updated) {
		t.Errorf("the server has %+v after %+v", after, before)
	}
	c.advance(time.Minute)
	if err := s.DeleteComment(before.Key, id); err != nil {
		t.Fatal(err)
	}
	get(t, base+"/rest/api/2/issue/"+before.Key+"/comment/"+id, 404, nil)
	if last := s.Issues("ALPHA")[0]; len(last.Comments) != len(before.Comments) || !last.Updated.After(after.Updated) ||
		len(last.Histories) != len(before.Histories)+2 {
		t.Errorf("after the deletion the server has %+v", last)
	}
	if err := s.DeleteComment(before.Key, id); err == nil {
		t.Error("a comment was deleted twice")
	}
}

func TestMovedIssueKeepsItsIDAndAnswersToItsOldKey(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{}, 4)
	before := s.Issues("ALPHA")[2]
	key, err := s.Move(before.Key, "BETA")
	if err != nil || key != "BETA-3" {
		t.Fatalf("%s, %v", key, err)
	}
	for _, name := range []string{before.Key, key, before.ID} {
		i := issueOf(t, base, name)
		if i.ID != before.ID || i.Key != key {
			t.Errorf("%s finds %s %s", name, i.ID, i.Key)
		}
	}
	var page results
	get(t, searchURL(base, "project = ALPHA"), 200, &page)
	if page.Total != 3 {
		t.Errorf("%d issues stay in ALPHA, want 3", page.Total)
	}
	if got := string(issueOf(t, base, key).Fields["project"]); !strings.Contains(got, `"key":"BETA"`) {
		t.Errorf("project is %s", got)
	}
	if _, err := s.Move(key, "BETA"); err == nil {
		t.Error("a move to where it is was taken")
	}
}

func TestDeletedIssueLeavesNoTrace(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{}, 60)
	for _, i := range s.Issues("ALPHA")[:30] {
		// gone with its parent
		if err := s.Delete(i.Key); err != nil && !strings.Contains(err.Error(), "there is none") {
			t.Fatal(err)
		}
		get(t, base+"/rest/api/2/issue/"+i.ID, 404, nil)
	}
	gone := map[string]bool{}
	for n := 1; n <= 30; n++ {
		gone[fmt.Sprintf(`"key":"ALPHA-%d"`, n)] = true
	}
	var page struct{ Issues []json.RawMessage }
	get(t, searchURL(base, "project = ALPHA", "fields", "issuelinks,parent,subtasks"), 200, &page)
	for _, raw := range page.Issues {
		for key := range gone {
			if strings.Contains(string(raw), key) {
				t.Errorf("%s is still linked", key)
			}
		}
	}
	if key, err := s.Create("ALPHA", nil); err != nil || key != "ALPHA-61" {
		t.Errorf("the next key is %s (%v); numbers are not given twice", key, err)
	}
}

func TestEmbeddedListsAreCut(t *testing.T) {
	t.Parallel()
	c := newClock()
	for _, o := range []struct {
		options  Options
		comments int
		first    string
	}{
		{Options{}, 130, "c0"},
		{Options{EmbeddedComments: 7}, 7, "c123"},
		{Options{Flavour: Cloud}, 100, "c30"},
	} {
		o.options.Now = c.now
		s, base := serve(t, o.options, 0)
		key, err := s.Create("NEW", nil)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 130 {
			if _, err := s.Comment(key, fmt.Sprint("c", n)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.AddWorklog(key, time.Hour, "w"); err != nil {
				t.Fatal(err)
			}
		}
		var lists struct {
			Total              int
			Comments, Worklogs []struct{ Body string }
		}
		i := issueOf(t, base, key)
		if err := json.Unmarshal(i.Fields["comment"], &lists); err != nil {
			t.Fatal(err)
		}
		if lists.Total != 130 || len(lists.Comments) != o.comments || lists.Comments[0].Body != o.first ||
			lists.Comments[o.comments-1].Body != "c129" {
			t.Errorf("%v: %d of %d comments from %s", o.options.Flavour, len(lists.Comments), lists.Total,
				lists.Comments[0].Body)
		}
		if err := json.Unmarshal(i.Fields["worklog"], &lists); err != nil {
			t.Fatal(err)
		}
		if lists.Total != 130 || len(lists.Worklogs) != 20 {
			t.Errorf("%v: %d of %d worklogs", o.options.Flavour, len(lists.Worklogs), lists.Total)
		}
		get(t, base+"/rest/api/2/issue/"+key+"/worklog", 200, &lists)
		if len(lists.Worklogs) != 130 {
			t.Errorf("%v: the worklog list has %d", o.options.Flavour, len(lists.Worklogs))
		}
	}
}

func TestCommentPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options          Options
		query            string
		count, max       int
		first, lastShown string
	}{
		{Options{}, "", 130, unpaged, "c0", "c129"},
		{Options{CommentPage: 50}, "", 50, 50, "c0", "c49"},
		{Options{}, "?startAt=120&maxResults=50", 10, 50, "c120", "c129"},
		{Options{}, "?orderBy=-created&maxResults=2", 2, 2, "c129", "c128"},
		{Options{Flavour: Cloud}, "?maxResults=5000", 100, 100, "c0", "c99"},
		{Options{Flavour: Cloud}, "?startAt=100", 30, 100, "c100", "c129"},
	} {
		s, base := serve(t, c.options, 0)
		key, err := s.Create("NEW", nil)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 130 {
			if _, err := s.Comment(key, fmt.Sprint("c", n)); err != nil {
				t.Fatal(err)
			}
		}
		var page struct {
			StartAt, MaxResults, Total int
			Comments                   []struct{ Body string }
		}
		get(t, base+"/rest/api/2/issue/"+key+"/comment"+c.query, 200, &page)
		if n := len(page.Comments); n != c.count || page.MaxResults != c.max || page.Total != 130 ||
			page.Comments[0].Body != c.first || page.Comments[n-1].Body != c.lastShown {
			t.Errorf("%v %s: %d of %d (maxResults %d), %s to %s", c.options.Flavour, c.query, n, page.Total,
				page.MaxResults, page.Comments[0].Body, page.Comments[n-1].Body)
		}
	}
}

func TestCloudChangelogs(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{Flavour: Cloud}, 0)
	key, err := s.Create("NEW", nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 120 {
		if err := s.Edit(key, map[string]any{"summary": fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
	}
	all := s.Issues("NEW")[0].Histories
	i := issueOf(t, base, key)
	if i.Changelog.Total != 120 || len(i.Changelog.Histories) != 100 || i.Changelog.Histories[0]["id"] != all[119] {
		t.Errorf("expanded: %d of %d from %v; want the newest 100", len(i.Changelog.Histories), i.Changelog.Total,
			i.Changelog.Histories[0]["id"])
	}
	var page struct {
		Total    int
		IsLast   bool
		NextPage string
		Values   []struct{ ID string }
	}
	get(t, base+"/rest/api/3/issue/"+key+"/changelog", 200, &page)
	if len(page.Values) != 100 || page.IsLast || page.Values[0].ID != all[0] {
		t.Fatalf("first page: %d from %s, last %t", len(page.Values), page.Values[0].ID, page.IsLast)
	}
	next := page.NextPage
	page.Values = nil
	get(t, next, 200, &page)
	if len(page.Values) != 20 || !page.IsLast {
		t.Errorf("second page: %d, last %t", len(page.Values), page.IsLast)
	}
}

func TestChangesWhileServing(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{}, 50)
	var all sync.WaitGroup
	for _, change := range []func(key string) error{
		func(key string) error { _, err := s.Comment(key, "x"); return err },
		func(key string) error { return s.Edit(key, map[string]any{"summary": "x"}) },
		func(key string) error { _, err := s.Create("ALPHA", nil); return err },
	} {
		all.Go(func() {
			for _, i := range s.Issues("ALPHA")[:40] {
				if err := change(i.Key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		var page results
		get(t, searchURL(base, "project = ALPHA ORDER BY updated", "fields", "*all", "expand", "changelog"), 200, &page)
		if page.Total < 50 {
			t.Errorf("total %d", page.Total)
		}
	}
	all.Wait()
}
