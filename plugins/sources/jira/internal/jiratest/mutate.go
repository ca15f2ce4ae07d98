// Changes that people make to issues while somebody reads them.

package jiratest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// stampNow is the time of a change. Data Center stores the dates of an issue in whole seconds.
func (s *Server) stampNow() time.Time {
	now := s.options.Now().Truncate(time.Millisecond)
	if s.options.Flavour == DataCenter {
		return now.Truncate(time.Second)
	}
	return now
}

// actor is the author of the changes made by the mutation methods.
func (s *Server) actor() json.RawMessage { return s.people[0].raw }

// change finds an issue under the lock, applies f and sets updated.
func (s *Server) change(key string, f func(*record) error) error {
	return s.quietly(key, func(r *record) error {
		err := f(r)
		if err == nil {
			s.touch(r)
		}
		return err
	})
}

// quietly is change for changes that real servers do not count as an update.
func (s *Server) quietly(key string, f func(*record) error) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	r := s.store.find(key)
	if r == nil {
		return fmt.Errorf("issue %s: there is none", key)
	}
	if err := f(r); err != nil {
		return fmt.Errorf("issue %s: %w", key, err)
	}
	return nil
}

func (s *Server) touch(r *record) {
	r.updated = s.stampNow()
	r.set("updated", nil)
	if lag := s.options.IndexLag; lag > 0 {
		r.was = append(r.was, outdated{r.doc, s.options.Now().Add(lag)})
		r.doc = r.now()
	}
}

func (s *Server) log(r *record, items ...change) {
	r.histories = append(r.histories, history{id: s.store.nextSub(), author: s.actor(),
		created: s.options.Now().Truncate(time.Millisecond), items: items})
}

// Create adds an issue to a project, which is made if necessary, and returns its key. Fields are as
// for Edit; the others are empty.
func (s *Server) Create(projectKey string, fields map[string]any) (string, error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	p := s.projectOf(projectKey, nil)
	now := s.stampNow()
	r := &record{id: s.store.lastID + 1, project: p, num: p.lastNum + 1, created: now, updated: now}
	r.fields = s.blank()
	for _, name := range sortedNames(fields) {
		raw, err := s.value(name, fields[name])
		if err != nil {
			return "", fmt.Errorf("project %s: %w", projectKey, err)
		}
		r.set(name, raw)
	}
	s.store.add(r)
	return r.key(), nil
}

// Edit changes fields and writes a history. A value is anything that encodes to
// JSON; for status, priority, issuetype, resolution, assignee and reporter a
// string names the value, such as "Resolved".
func (s *Server) Edit(key string, fields map[string]any) error {
	return s.change(key, func(r *record) error {
		var items []change
		for _, name := range sortedNames(fields) {
			raw, err := s.value(name, fields[name])
			if err != nil {
				return err
			}
			items = append(items, changed(name, r.raw(name), raw))
			r.set(name, raw)
		}
		s.log(r, items...)
		return nil
	})
}

// changed is the history item of a changed field.
func changed(name string, from, to json.RawMessage) change {
	was, is := valueOf(from), valueOf(to)
	kind := "jira"
	if strings.HasPrefix(name, "customfield_") {
		kind = "custom"
	}
	return change{field: name, kind: kind, id: name, from: cmp.Or(was.Key, was.ID, was.AccountID),
		fromText: textOf(from),
		to:       cmp.Or(is.Key, is.ID, is.AccountID), toText: textOf(to)}
}

// value encodes a field. If the field is a choice, it looks the name up.
func (s *Server) value(name string, v any) (json.RawMessage, error) {
	if text, ok := v.(string); ok {
		if list := s.catalog.list(name); list != nil {
			e, ok := pick(list, text)
			if !ok {
				return nil, fmt.Errorf("%s: there is no %q", name, text)
			}
			return e.raw, nil
		}
		if name == "assignee" || name == "reporter" {
			u, ok := findUser(s.people, text)
			if !ok {
				return nil, fmt.Errorf("%s: there is no user %q", name, text)
			}
			return u.raw, nil
		}
		return json.RawMessage(quote(text)), nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return raw, nil
}

func sortedNames(fields map[string]any) []string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Comment adds a comment and returns its id.
func (s *Server) Comment(key, body string) (string, error) {
	var id int64
	err := s.change(key, func(r *record) error {
		now := s.options.Now().Truncate(time.Millisecond)
		id = s.store.nextSub()
		r.comments = append(r.comments, comment{id: id, author: s.actor(), updater: s.actor(), body: body, created: now,
			updated: now})
		r.set("comment", nil)
		return nil
	})
	return decimal(id), err
}

// EditComment replaces the body of a comment.
func (s *Server) EditComment(key, id, body string) error {
	return s.change(key, func(r *record) error {
		i, err := r.commentAt(id)
		if err != nil {
			return err
		}
		c := &r.comments[i]
		s.log(r, change{field: "Comment", kind: "jira", id: "comment", from: id, fromText: c.body, to: id,
			toText: body})
		c.body, c.updater, c.updated, c.original = body, s.actor(), s.options.Now().Truncate(time.Millisecond), nil
		r.set("comment", nil)
		return nil
	})
}

// DeleteComment deletes a comment.
func (s *Server) DeleteComment(key, id string) error {
	return s.change(key, func(r *record) error {
		i, err := r.commentAt(id)
		if err != nil {
			return err
		}
		s.log(r, change{field: "Comment", kind: "jira", id: "comment", from: id, fromText: r.comments[i].body})
		r.comments = slices.Delete(slices.Clone(r.comments), i, i+1)
		r.set("comment", nil)
		return nil
	})
}

func (r *record) commentAt(id string) (int, error) {
	i := slices.IndexFunc(r.comments, func(c comment) bool { return decimal(c.id) == id })
	if i < 0 {
		return 0, fmt.Errorf("comment %s: there is none", id)
	}
	return i, nil
}

// Move puts an issue into another project, which is made if necessary. The id stays; the key is
// new, and the old one still finds the issue.
func (s *Server) Move(key, projectKey string) (string, error) {
	var moved string
	err := s.change(key, func(r *record) error {
		from, old := r.project, r.key()
		to := s.projectOf(projectKey, nil)
		if to == from {
			return fmt.Errorf("is in project %s already", projectKey)
		}
		to.lastNum++
		r.project, r.num = to, to.lastNum
		moved = r.key()
		s.store.byKey[moved] = r
		r.set("project", nil)
		s.log(r, change{field: "project", kind: "jira", id: "project", from: decimal(from.id), fromText: from.name,
			to: decimal(to.id), toText: to.name},
			change{field: "Key", kind: "jira", id: "issuekey", fromText: old, toText: moved})
		return nil
	})
	return moved, err
}

// Delete deletes an issue and its sub-tasks. As in a real Jira, they leave no trace.
func (s *Server) Delete(key string) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	r := s.store.find(key)
	if r == nil {
		return fmt.Errorf("issue %s: there is none", key)
	}
	for _, sub := range slices.Clone(r.subtasks) {
		s.store.remove(sub)
	}
	s.store.remove(r)
	return nil
}

// blank returns the fields of an issue of which only the dates are set.
func (s *Server) blank() []field {
	null := json.RawMessage("null")
	var fields []field
	for _, f := range issueFields() {
		raw := null
		switch f.id {
		case "created", "updated", "project", "comment", "worklog", "issuelinks", "subtasks", "attachment", "votes",
			"watches", volatileField, sprintField, epicField:
			raw = nil
		case "parent":
			continue
		case "labels", "components", "versions", "fixVersions":
			raw = json.RawMessage("[]")
		case "status":
			raw = must(s.catalog.statuses, "1").raw
		case "priority":
			raw = must(s.catalog.priorities, "3").raw
		case "issuetype":
			raw = must(s.catalog.types, "1").raw
		case "reporter", "creator":
			raw = s.actor()
		case "summary":
			raw = json.RawMessage(`"(no summary)"`)
		}
		fields = append(fields, field{f.id, raw})
	}
	return fields
}
