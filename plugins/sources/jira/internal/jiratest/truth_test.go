// Tests of the truth: they say what the routes say.

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
		truth := s.Truth(base, "mlindqvist")
		api := base + "/rest/api/" + versions(f)[0]
		for _, name := range truth.Names() {
			records := truth.Of(name)
			if len(records) == 0 {
				t.Errorf("%v: the records of %s is empty", f, name)
			}
			for key, line := range records {
				if !json.Valid(line.JSON) || bytes.Contains(line.JSON, []byte(".invalid")) {
					t.Fatalf("%v: %s %s: %.200s", f, name, key, line.JSON)
				}
			}
		}
		for _, list := range []struct{ path, member, stream, key string }{
			{"/worklog", "worklogs", "worklogs", "id"}, {"/comment", "comments", "comments", "id"},
			{"/remotelink", "", "remote_links", "id"},
		} {
			seen, records := 0, truth.Of(list.stream)
			for _, i := range s.Snapshot() {
				var raw json.RawMessage
				as(t, "GET", api+"/issue/"+i.ID+list.path, "", 200, &raw)
				seen += compareBook(t, records, raw, list.member, i.ID)
			}
			if want := len(records); seen != want || seen == 0 {
				t.Errorf("%v: %d %s, the records has %d", f, seen, list.stream, want)
			}
		}
	}
}

// compareBook holds the elements of a list against a records and counts them.
func compareBook(t *testing.T, records TrueRecords, raw json.RawMessage, member, parent string) int {
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
		if line := records[key]; !bytes.Equal(line.JSON, e) || line.Parent != parent {
			t.Fatalf("%s: the records says %s of %s, the route %s", key, line.JSON, line.Parent, e)
		}
	}
	return len(list)
}
