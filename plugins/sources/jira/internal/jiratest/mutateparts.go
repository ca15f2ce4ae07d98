// Changes of the children of an issue. Those that real servers count as an update of the issue set
// its updated; votes, watches and properties do not.

package jiratest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (s *Server) milliseconds() time.Time { return s.options.Now().Truncate(time.Millisecond) }

// AddWorklog logs work on an issue and returns the id of the entry.
func (s *Server) AddWorklog(key string, spent time.Duration, text string) (string, error) {
	var id int64
	err := s.change(key, func(r *record) error {
		now := s.milliseconds()
		id = s.store.nextSub()
		r.worklogs = append(r.worklogs, worklog{id: id, author: s.actor(), updater: s.actor(), comment: text,
			created: now, started: now.Add(-spent), seconds: int(spent.Seconds())})
		r.set("worklog", nil)
		return nil
	})
	return decimal(id), err
}

// EditWorklog changes an entry.
func (s *Server) EditWorklog(key, id string, spent time.Duration, text string) error {
	return s.change(key, func(r *record) error {
		i, err := r.worklogAt(id)
		if err != nil {
			return err
		}
		w := &r.worklogs[i]
		w.seconds, w.comment, w.updater, w.updated, w.original = int(
			spent.Seconds()), text, s.actor(), s.milliseconds(), nil
		s.log(r, change{field: "WorklogId", kind: "jira", id: "WorklogId", from: id, fromText: id})
		r.set("worklog", nil)
		return nil
	})
}

// DeleteWorklog deletes an entry; the feed of deleted worklogs names it.
func (s *Server) DeleteWorklog(key, id string) error {
	return s.change(key, func(r *record) error {
		i, err := r.worklogAt(id)
		if err != nil {
			return err
		}
		s.store.lostWorklogs = append(s.store.lostWorklogs, event{r.worklogs[i].id, s.milliseconds()})
		r.worklogs = slices.Delete(slices.Clone(r.worklogs), i, i+1)
		s.log(r, change{field: "WorklogId", kind: "jira", id: "WorklogId", from: id, fromText: id})
		r.set("worklog", nil)
		return nil
	})
}

func (r *record) worklogAt(id string) (int, error) {
	return indexOf("worklog", id, r.worklogs, func(w worklog) int64 { return w.id })
}

func indexOf[T any](kind, id string, list []T, of func(T) int64) (int, error) {
	i := slices.IndexFunc(list, func(x T) bool { return decimal(of(x)) == id })
	if i < 0 {
		return 0, fmt.Errorf("%s %s: there is none", kind, id)
	}
	return i, nil
}

// Attach adds a file and returns its id.
func (s *Server) Attach(key, name, mime string, content []byte) (string, error) {
	var id int64
	err := s.change(key, func(r *record) error {
		id = s.store.nextSub()
		r.attachments = append(r.attachments,
			attachment{id: id, name: name, author: s.actor(), created: s.milliseconds(),
				size: len(content), mime: mime, content: append([]byte{}, content...)})
		s.log(r, change{field: "Attachment", kind: "jira", id: "attachment", to: decimal(id), toText: name})
		r.set("attachment", nil)
		return nil
	})
	return decimal(id), err
}

// Detach deletes a file.
func (s *Server) Detach(key, id string) error {
	return s.change(key, func(r *record) error {
		i, err := indexOf("attachment", id, r.attachments, func(a attachment) int64 { return a.id })
		if err != nil {
			return err
		}
		s.log(r, change{field: "Attachment", kind: "jira", id: "attachment", from: id, fromText: r.attachments[i].name})
		r.attachments = slices.Delete(slices.Clone(r.attachments), i, i+1)
		r.set("attachment", nil)
		return nil
	})
}

// Link links two issues by the name of a link type and returns the id of the
// link. Both issues count as updated.
func (s *Server) Link(from, to, kind string) (string, error) {
	var id int64
	err := s.change(from, func(r *record) error {
		other := s.store.find(to)
		i := slices.IndexFunc(s.catalog.linkTypes, func(t linkType) bool { return strings.EqualFold(t.name, kind) })
		if other == nil || other == r || i < 0 {
			return fmt.Errorf("no link of type %q to %s is possible", kind, to)
		}
		id = s.store.nextSub()
		t := s.catalog.linkTypes[i]
		r.links = append(r.links, link{id, t, other, true})
		other.links = append(other.links, link{id, t, r, false})
		r.set("issuelinks", nil)
		other.set("issuelinks", nil)
		s.log(r, change{field: "Link", kind: "jira", id: "issuelinks", to: other.key(),
			toText: "This issue " + t.outward + " " + other.key()})
		s.log(other, change{field: "Link", kind: "jira", id: "issuelinks", to: r.key(),
			toText: "This issue " + t.inward + " " + r.key()})
		s.touch(other)
		return nil
	})
	return decimal(id), err
}

// Unlink removes the link with an id from both of its issues.
func (s *Server) Unlink(key, id string) error {
	return s.change(key, func(r *record) error {
		i, err := indexOf("link", id, r.links, func(l link) int64 { return l.id })
		if err != nil {
			return err
		}
		other := r.links[i].other
		for _, pair := range [][2]*record{{r, other}, {other, r}} {
			end, far := pair[0], pair[1]
			end.links = slices.DeleteFunc(slices.Clone(end.links), func(l link) bool { return decimal(l.id) == id })
			s.log(end, change{field: "Link", kind: "jira", id: "issuelinks", from: far.key(),
				fromText: "This issue was linked to " + far.key()})
		}
		s.touch(other)
		return nil
	})
}

// AddRemoteLink links an issue to an address elsewhere and returns the id of the link.
func (s *Server) AddRemoteLink(key, url, title string) (string, error) {
	var id int64
	err := s.change(key, func(r *record) error {
		id = s.store.nextSub()
		r.remotes = append(r.remotes, remoteLink{id: id, url: url, title: title})
		s.log(r, change{field: "RemoteIssueLink", kind: "jira", id: "RemoteIssueLink", to: decimal(id),
			toText: fmt.Sprintf("This issue links to %q", title)})
		return nil
	})
	return decimal(id), err
}

// RemoveRemoteLink deletes a remote link.
func (s *Server) RemoveRemoteLink(key, id string) error {
	return s.change(key, func(r *record) error {
		i, err := indexOf("remote link", id, r.remotes, func(l remoteLink) int64 { return l.id })
		if err != nil {
			return err
		}
		s.log(r, change{field: "RemoteIssueLink", kind: "jira", id: "RemoteIssueLink", from: id,
			fromText: fmt.Sprintf("This issue links to %q", r.remotes[i].title)})
		r.remotes = slices.Delete(slices.Clone(r.remotes), i, i+1)
		return nil
	})
}

// Vote adds the vote of a user, or withdraws it. It does not set updated.
func (s *Server) Vote(key, name string, yes bool) error {
	return s.quietly(key, func(r *record) error {
		r.set("votes", nil)
		return s.join(&r.voters, name, yes)
	})
}

// Watch makes a user watch an issue, or stop. It does not set updated.
func (s *Server) Watch(key, name string, yes bool) error {
	return s.quietly(key, func(r *record) error {
		r.set("watches", nil)
		return s.join(&r.watchers, name, yes)
	})
}

func (s *Server) join(list *[]*user, name string, in bool) error {
	u, ok := findUser(s.people, name)
	if !ok {
		return fmt.Errorf("there is no user %q", name)
	}
	*list = slices.DeleteFunc(slices.Clone(*list), func(x *user) bool { return x == u })
	if in {
		*list = append(*list, u)
		slices.SortFunc(*list, func(a, b *user) int { return a.order - b.order })
	}
	return nil
}

// SetProperty sets a property of an issue to a JSON value. It does not set updated.
func (s *Server) SetProperty(key, name, value string) error {
	return s.quietly(key, func(r *record) error {
		if !json.Valid([]byte(value)) {
			return fmt.Errorf("property %s: %q is no JSON", name, value)
		}
		if p := r.property(name); p != nil {
			p.value = json.RawMessage(value)
			return nil
		}
		r.properties = append(r.properties, property{name, json.RawMessage(value)})
		return nil
	})
}

// DropProperty deletes a property. It does not set updated.
func (s *Server) DropProperty(key, name string) error {
	return s.quietly(key, func(r *record) error {
		r.properties = slices.DeleteFunc(slices.Clone(r.properties), func(p property) bool { return p.key == name })
		return nil
	})
}
