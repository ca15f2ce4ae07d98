// The true records of issues and their children.

package jiratest

import (
	"encoding/json"
	"fmt"
)

// truthOfIssues holds, for each stream, a function that adds the records of one issue.
func truthOfIssues() map[string]func(*truthWriter, *record) {
	return map[string]func(*truthWriter, *record){
		"issues": func(k *truthWriter, r *record) {
			k.add(decimal(r.id), decimal(r.project.id),
				func() { k.issue(r, &selection{all: true}, map[string]bool{"changelog": true}) })
		},
		"comments": func(k *truthWriter, r *record) {
			for i := range r.comments {
				k.child(r, r.comments[i].id, func() { k.comment(r, &r.comments[i]) })
			}
		},
		"changelog": func(k *truthWriter, r *record) {
			for i := range r.histories {
				k.child(r, r.histories[i].id, func() { k.history(&r.histories[i]) })
			}
		},
		"worklogs": func(k *truthWriter, r *record) {
			for i := range r.worklogs {
				k.child(r, r.worklogs[i].id, func() { k.worklog(r, &r.worklogs[i]) })
			}
		},
		"attachments": func(k *truthWriter, r *record) {
			for i := range r.attachments {
				k.child(r, r.attachments[i].id, func() { k.attachment(&r.attachments[i], embeddedAttachment) })
			}
		},
		"remote_links": func(k *truthWriter, r *record) {
			for i := range r.remotes {
				k.child(r, r.remotes[i].id, func() { k.remoteLink(r, &r.remotes[i]) })
			}
		},
		// A link appears in both of its issues, so the key is issue/link.
		"issue_links": func(k *truthWriter, r *record) {
			for _, l := range r.links {
				if k.sees(l.other) {
					k.add(decimal(r.id)+"/"+decimal(l.id), decimal(r.id), func() { k.issueLink(l) })
				}
			}
		},
		"votes": func(k *truthWriter, r *record) {
			k.add(decimal(r.id), decimal(r.id), func() { k.votes(r, true) })
		},
		"watchers": func(k *truthWriter, r *record) {
			k.add(decimal(r.id), decimal(r.id), func() { k.watchers(r, true) })
		},
		// issue/property
		"properties": func(k *truthWriter, r *record) {
			for _, p := range r.properties {
				k.add(decimal(r.id)+"/"+p.key, decimal(r.id),
					func() { fmt.Fprintf(k.out, `{"key":%s,"value":%s}`, quote(p.key), p.value) })
			}
		},
		"users_seen": (*truthWriter).usersSeen,
		// The key is the child; its parent is the Parent of the record.
		"parents": func(k *truthWriter, r *record) {
			if r.parent != nil && k.sees(r.parent) {
				k.add(decimal(r.id), decimal(r.parent.id), func() { k.linked(r.parent) })
			}
		},
	}
}

func (k *truthWriter) child(r *record, id int64, write func()) {
	k.add(decimal(id), decimal(r.id), write)
}

// usersSeen collects the people in an issue and its children by account id, or
// by key on Data Center.
func (k *truthWriter) usersSeen(r *record) {
	k.people(fmt.Appendf(nil, "[%s]", k.everything(r)))
}

// everything renders all that is known of an issue, as the elements of a list.
func (k *truthWriter) everything(r *record) []byte {
	k.out.Reset()
	k.issue(r, &selection{all: true, without: []string{"comment", "worklog"}}, nil)
	for _, list := range []func(){
		func() { k.comments(r, r.comments) }, func() { k.worklogs(r, r.worklogs) }, func() { k.histories(r.histories) },
	} {
		k.out.WriteString(",[")
		list()
		k.out.WriteByte(']')
	}
	return k.out.Bytes()
}

// people adds every user object in the value.
func (k *truthWriter) people(raw []byte) {
	var found any
	if json.Unmarshal(raw, &found) != nil {
		return // a quirk wrote invalid JSON
	}
	k.peopleIn(found)
}

func (k *truthWriter) peopleIn(value any) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			k.peopleIn(e)
		}
	case map[string]any:
		id, _ := v["accountId"].(string)
		if _, user := v["displayName"]; user && id == "" && !k.cloud() {
			id, _ = v["key"].(string)
		}
		if id != "" {
			raw, err := json.Marshal(v)
			if err == nil {
				k.raw(id, "", raw)
			}
			return
		}
		for _, e := range v {
			k.peopleIn(e)
		}
	}
}
