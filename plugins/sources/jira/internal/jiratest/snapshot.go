// The true content of the server, with which a test compares what it has read.

package jiratest

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// Issue is the true content of one issue.
type Issue struct {
	ID        string
	Key       string
	Project   string
	Created   time.Time
	Updated   time.Time
	Comments  []string // ids, oldest first
	Histories []string // ids, oldest first
	Worklogs  []string // ids, oldest first
	Found     bool     // a search may return it: it is not hidden or archived, and its project is live
}

// Snapshot returns the issues of all projects, by ascending id.
func (s *Server) Snapshot() []Issue { return s.snapshot("") }

// Issues returns the issues of one project, by ascending id.
func (s *Server) Issues(project string) []Issue { return s.snapshot(project) }

func (s *Server) snapshot(project string) []Issue {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	var issues []Issue
	for _, r := range s.store.all {
		if project == "" || r.project.key == project {
			issues = append(issues, r.book())
		}
	}
	slices.SortFunc(issues, func(a, b Issue) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return issues
}

func (r *record) book() Issue {
	b := Issue{ID: decimal(r.id), Key: r.key(), Project: r.project.key, Created: r.created, Updated: r.updated,
		Found: r.found()}
	for _, c := range r.comments {
		b.Comments = append(b.Comments, decimal(c.id))
	}
	for _, h := range r.histories {
		b.Histories = append(b.Histories, decimal(h.id))
	}
	for _, w := range r.worklogs {
		b.Worklogs = append(b.Worklogs, decimal(w.id))
	}
	return b
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
