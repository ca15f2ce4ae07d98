// Visibility: issues that somebody hides, projects that are archived or in the trash.

package jiratest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
)

// ProjectStatus is what Cloud calls the status of a project.
type ProjectStatus string

// The statuses of a project. Data Center knows no trash: there a deleted project is gone.
const (
	Live     ProjectStatus = "live"
	Archived ProjectStatus = "archived" // no search finds its issues; they can still be looked at
	Trashed  ProjectStatus = "deleted"  // its issues are nowhere to be seen
)

// Hide takes the right to see an issue from every caller, and Show gives it back, as issue security does when a role
// loses or gets a member: the issue itself does not change.
func (s *Server) Hide(key string) error { return s.setHidden(key, true) }

// Show undoes Hide.
func (s *Server) Show(key string) error { return s.setHidden(key, false) }

func (s *Server) setHidden(key string, hidden bool) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	r := s.store.find(key)
	if r == nil {
		return fmt.Errorf("issue %s: there is none", key)
	}
	r.hidden = hidden
	return nil
}

// SetProjectStatus archives a project, puts it into the trash, or brings it back.
func (s *Server) SetProjectStatus(key string, status ProjectStatus) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	p := s.store.projectNamed(key)
	if p == nil {
		return fmt.Errorf("project %s: there is none", key)
	}
	p.status = status
	return nil
}

func (p *project) is(status ProjectStatus) bool {
	if p.status == "" {
		return status == Live
	}
	return p.status == status
}

// found tells that a search may give the issue.
func (r *record) found() bool { return !r.hidden && r.project.is(Live) }

// shown tells that the issue can be looked at by its key.
func (r *record) shown() bool { return !r.hidden && !r.project.is(Trashed) }

// exists tells that the product admits to having the issue.
func (r *record) exists() bool { return !r.project.is(Trashed) }

// maxBulk is how many issues one bulk fetch may name.
const maxBulk = 100

// bulkFetch answers POST /issue/bulkfetch of Cloud: issues by id or key, in ascending id. What is not there, or not for
// this caller, is left out without a word.
func (c *call) bulkFetch() error {
	var ask struct {
		Issues []string `json:"issueIdsOrKeys"`
		Fields []string `json:"fields"`
		Expand []string `json:"expand"`
	}
	if err := decodeBody(c.body, &ask); err != nil {
		return err
	}
	if len(ask.Issues) > maxBulk {
		return messages(http.StatusBadRequest, fmt.Sprintf("The maximum number of issues is %d.", maxBulk))
	}
	sel := selectFields(ask.Fields, "*navigable")
	c.out.WriteString(`{"issueErrors":[],"issues":[`)
	c.page(c.named(ask.Issues), &sel, set(ask.Expand))
	c.out.WriteString("]}")
	return nil
}

// named returns the issues of these ids or keys that the caller sees, each once.
func (c *call) named(names []string) []hit {
	var hits []hit
	have := map[*record]bool{}
	for _, name := range names {
		if r := c.server.store.find(name); r != nil && c.who.sees && r.shown() && !have[r] {
			have[r] = true
			hits = append(hits, hit{record: r})
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Compare(a.id, b.id) })
	return hits
}
