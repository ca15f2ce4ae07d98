// Tests of the books: they say what the routes say.

package jiratest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

func TestBooksSayWhatTheRoutesSay(t *testing.T) {
	t.Parallel()
	for _, f := range []Flavour{DataCenter, Cloud} {
		s, base := serve(t, Options{Flavour: f, Auth: known}, 120)
		books := s.Books(base, "mlindqvist")
		api := base + "/rest/api/" + versions(f)[0]
		for _, name := range books.Names() {
			book := books.Of(name)
			if len(book) == 0 {
				t.Errorf("%v: the book of %s is empty", f, name)
			}
			for key, line := range book {
				if !json.Valid(line.JSON) || bytes.Contains(line.JSON, []byte(".invalid")) {
					t.Fatalf("%v: %s %s: %.200s", f, name, key, line.JSON)
				}
			}
		}
		for _, list := range []struct{ path, member, stream, key string }{
			{"/worklog", "worklogs", "worklogs", "id"}, {"/comment", "comments", "comments", "id"},
			{"/remotelink", "", "remote_links", "id"},
		} {
			seen, book := 0, books.Of(list.stream)
			for _, i := range s.Snapshot() {
				var raw json.RawMessage
				as(t, "GET", api+"/issue/"+i.ID+list.path, "", 200, &raw)
				seen += compareBook(t, book, raw, list.member, i.ID)
			}
			if want := len(book); seen != want || seen == 0 {
				t.Errorf("%v: %d %s, the book has %d", f, seen, list.stream, want)
			}
		}
	}
}

// compareBook holds the elements of a list against a book and counts them.
func compareBook(t *testing.T, book Book, raw json.RawMessage, member, parent string) int {
	t.Helper()
	if member != "" {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			t.Fatal(err)
		}
		raw = object[member]
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		var id struct{ ID any }
		if err := json.Unmarshal(e, &id); err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprint(id.ID)
		if n, ok := id.ID.(float64); ok {
			key = fmt.Sprintf("%.0f", n)
		}
		if line := book[key]; !bytes.Equal(line.JSON, e) || line.Parent != parent {
			t.Fatalf("%s: the book says %s of %s, the route %s", key, line.JSON, line.Parent, e)
		}
	}
	return len(list)
}
