// Visibility: issues that somebody hides, projects that are archived or in the trash.

package jiratest

import (
	"fmt"
	"slices"
)

// ProjectStatus is what Cloud calls the status of a project.
type ProjectStatus string

// The statuses of a project. Data Center knows no trash: there a deleted project is gone.
const (
	Live     ProjectStatus = "live"
	Archived ProjectStatus = "archived" // no search finds its issues; they can still be read by key
	Trashed  ProjectStatus = "deleted"  // its issues are not visible at all
)

// Hide makes an issue invisible to every caller, and Show makes it visible again, as issue security
// does when a role loses or gets a member. The issue itself does not change.
func (s *Server) Hide(key string) error { return s.setHidden(key, true) }

// Show undoes Hide.
func (s *Server) Show(key string) error { return s.setHidden(key, false) }

func (s *Server) setHidden(key string, hidden bool) error {
	return s.set(key, func(r *record) { r.hidden = hidden })
}

// Skip makes searches count an issue but not show it, as a node with half an index does. The next
// issue takes its place.
func (s *Server) Skip(key string) error { return s.set(key, func(r *record) { r.skipped = true }) }

// Unskip undoes Skip.
func (s *Server) Unskip(key string) error { return s.set(key, func(r *record) { r.skipped = false }) }

func (s *Server) set(key string, change func(*record)) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	r := s.store.find(key)
	if r == nil {
		return fmt.Errorf("issue %s: there is none", key)
	}
	change(r)
	return nil
}

// displayed leaves out issues that searches count but do not show.
func displayed(hits []hit) []hit {
	skipped := func(h hit) bool { return h.skipped }
	if !slices.ContainsFunc(hits, skipped) {
		return hits
	}
	return slices.DeleteFunc(slices.Clone(hits), skipped)
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

// found reports whether a search may return the issue.
func (r *record) found() bool { return !r.hidden && !r.archived && r.project.is(Live) }

// shown reports whether the issue can be read by its key.
func (r *record) shown() bool { return !r.hidden && !r.project.is(Trashed) }

// exists reports whether the product admits that the issue exists.
func (r *record) exists() bool { return !r.project.is(Trashed) }
