// The server's books as a keyed sink would hold them: for every stream its keys, and of each record what must be in it.

package jira_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiratest"
)

var flavourNames = map[jiratest.Flavour]string{jiratest.DataCenter: "datacenter", jiratest.Cloud: "cloud"}

// joined writes a key as the sink's are compared: its parts, each with a slash behind.
func joined(parts ...string) string { return strings.Join(parts, "/") + "/" }

// booked returns the keys of a stream with their contents; "" where the key says all. It panics where a stream that this
// flavour has is in no book.
func booked(books jiratest.Books, flavour jiratest.Flavour, stream string) map[string]string {
	all := map[string]string{}
	switch stream {
	case "issues", "users_seen":
		for id, line := range books.Of(stream) {
			all[joined(id)] = contentOf(stream, line.JSON)
		}
	case "worklog_feed":
		for id, line := range books.Of("worklogs") {
			all[joined(id)] = contentOf(stream, line.JSON)
		}
	case "comments", "worklogs", "attachments", "remote_links":
		for id, line := range books.Of(stream) {
			all[joined(line.Parent, id)] = contentOf(stream, line.JSON)
		}
	case "changelog":
		for id, line := range books.Of(stream) {
			var h struct{ Items []any }
			decode(line.JSON, &h)
			for n := range h.Items {
				all[joined(line.Parent, id, fmt.Sprint(n))] = ""
			}
		}
	case "issue_links":
		for key := range books.Of(stream) {
			all[joined(key)] = ""
		}
		for child, line := range books.Of("parents") {
			all[joined(child, "parent:"+line.Parent)] = ""
			all[joined(line.Parent, "subtask:"+child)] = ""
		}
	case "issue_properties":
		for key, line := range books.Of("properties") {
			var p struct{ Value json.RawMessage }
			decode(line.JSON, &p)
			all[joined(key)] = string(p.Value)
		}
	case "votes", "watchers":
		for id, line := range books.Of(stream) {
			var list struct {
				Voters, Watchers []struct{ AccountID, Key string }
			}
			decode(line.JSON, &list)
			for _, u := range slices.Concat(list.Voters, list.Watchers) {
				if u.AccountID == "" {
					u.AccountID = u.Key
				}
				all[joined(id, u.AccountID)] = ""
			}
		}
	case "census":
		for id := range books.Of("issues") {
			all[joined(id)] = "present"
		}
	default:
		if !jira.InFlavour(stream, flavourNames[flavour]) {
			return all
		}
		for key, line := range books.Of(stream) {
			all[joined(key)] = contentOf(stream, line.JSON)
		}
	}
	return all
}

func decode(raw []byte, into any) {
	if err := json.Unmarshal(raw, into); err != nil {
		panic(fmt.Sprintf("%v in %.300s", err, raw)) // books and records are JSON, as other tests show
	}
}

// recorded returns the key of a record and what it holds.
func recorded(stream string, line []byte) (key, content string) {
	var fields map[string]json.RawMessage
	decode(line, &fields)
	var parts []string
	for _, name := range primaryKeys()[stream] {
		var part any
		decode(fields[name], &part)
		parts = append(parts, fmt.Sprint(part))
	}
	switch stream {
	case "census":
		content = strings.Trim(string(fields["state"]), `"`)
	case "issue_properties":
		content = string(fields["value"])
	default:
		content = contentOf(stream, fields["raw"])
	}
	return joined(parts...), content
}

// partly are the streams whose records are asked for in part only, or whose key says all.
var partly = []string{"changelog", "issue_links", "votes", "watchers", "users_seen", "backlog", "board_issues", "sprint_issues", "server_info"}

// contentOf is what of a value is compared, wherever it comes from. The boards' own API names addresses of version 2 on Cloud,
// too.
func contentOf(stream string, raw json.RawMessage) string {
	switch {
	case slices.Contains(partly, stream):
		return ""
	case stream == "issues":
		return issueContent(raw)
	}
	return strings.ReplaceAll(string(raw), "/rest/api/3/", "/rest/api/2/")
}

// issueContent is an issue without what is a stream of its own, or new at every fetch.
func issueContent(raw json.RawMessage) string {
	var i struct {
		Key    string
		Fields map[string]any
	}
	decode(raw, &i)
	for _, name := range []string{"comment", "worklog", "customfield_12314020"} {
		delete(i.Fields, name)
	}
	text, err := json.Marshal(i)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// issueVersion is what of an issue an update brings at the latest.
func issueVersion(content string) string {
	var i struct {
		Key    string
		Fields struct{ Updated, Summary string }
	}
	decode([]byte(content), &i)
	return i.Key + " " + i.Fields.Updated + " " + i.Fields.Summary
}
