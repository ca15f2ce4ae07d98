// Keyed records: the true records of a stream, and the records of the source, in the form that a
// sink holds that keeps the last record of each key.

package jiratest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// joined writes a key in the form that is compared: its parts, each followed by a slash.
func joined(parts ...string) string { return strings.Join(parts, "/") + "/" }

// Keyed returns the keys that the records of a stream of the source must have, with the content of
// each; "" if the key is the whole content. It panics if the stream is unknown.
func (b Truth) Keyed(stream string) map[string]string {
	all := map[string]string{}
	switch stream {
	case "issues", "users_seen":
		for id, line := range b.Of(stream) {
			all[joined(id)] = contentOf(stream, line.JSON)
		}
	case "worklog_feed":
		for id, line := range b.Of("worklogs") {
			all[joined(id)] = contentOf(stream, line.JSON)
		}
	case "comments", "worklogs", "attachments", "remote_links":
		for id, line := range b.Of(stream) {
			all[joined(line.Parent, id)] = contentOf(stream, line.JSON)
		}
	case "changelog":
		for id, line := range b.Of(stream) {
			var h struct{ Items []any }
			parse(line.JSON, &h)
			for n := range h.Items {
				all[joined(line.Parent, id, fmt.Sprint(n))] = ""
			}
		}
	case "issue_links":
		for key := range b.Of(stream) {
			all[joined(key)] = ""
		}
		for child, line := range b.Of("parents") {
			all[joined(child, "parent:"+line.Parent)] = ""
			all[joined(line.Parent, "subtask:"+child)] = ""
		}
	case "issue_properties":
		for key, line := range b.Of("properties") {
			var p struct{ Value json.RawMessage }
			parse(line.JSON, &p)
			all[joined(key)] = string(p.Value)
		}
	case "votes", "watchers":
		for id, line := range b.Of(stream) {
			for _, who := range peopleOf(line.JSON) {
				all[joined(id, who)] = ""
			}
		}
	case "census":
		for id := range b.Of("issues") {
			all[joined(id)] = "present"
		}
	default:
		for key, line := range b.Of(stream) {
			all[joined(key)] = contentOf(stream, line.JSON)
		}
	}
	return all
}

// peopleOf returns the ids of voters or watchers.
func peopleOf(raw []byte) []string {
	var list struct {
		Voters, Watchers []struct{ AccountID, Key string }
	}
	parse(raw, &list)
	var ids []string
	for _, u := range slices.Concat(list.Voters, list.Watchers) {
		if u.AccountID == "" {
			u.AccountID = u.Key
		}
		ids = append(ids, u.AccountID)
	}
	return ids
}

// KeyedRecord returns the key and the content of a record of the source, in the form of Keyed. It
// panics if line is not an object.
func KeyedRecord(stream string, primaryKey []string, line []byte) (key, content string) {
	var fields map[string]json.RawMessage
	parse(line, &fields)
	var parts []string
	for _, name := range primaryKey {
		var part any
		parse(fields[name], &part)
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

func parse(raw []byte, into any) {
	if err := json.Unmarshal(raw, into); err != nil {
		panic(fmt.Sprintf("%v in %.300s", err, raw)) // both are JSON, as other tests prove
	}
}

// partly are the streams of whose records only a part is requested, or whose key is the whole
// content.
var partly = []string{"changelog", "issue_links", "votes", "watchers", "users_seen", "backlog", "board_issues",
	"sprint_issues", "server_info"}

// contentOf returns the part of a value that is compared, wherever it comes from. The API of boards
// uses addresses of version 2 on Cloud too.
func contentOf(stream string, raw json.RawMessage) string {
	switch {
	case slices.Contains(partly, stream):
		return ""
	case stream == "issues":
		return issueContent(raw)
	}
	return strings.ReplaceAll(string(raw), "/rest/api/3/", "/rest/api/2/")
}

// issueContent is an issue without the members that are streams of their own or differ at every
// fetch.
func issueContent(raw json.RawMessage) string {
	var i struct {
		Key    string
		Fields map[string]any
	}
	parse(raw, &i)
	for _, name := range []string{"comment", "worklog", volatileField} {
		delete(i.Fields, name)
	}
	text, err := json.Marshal(i)
	if err != nil {
		panic(err) // it was JSON
	}
	return string(text)
}
