// Copies: a site of a million issues in little memory, for measurements.

package jiratest

import (
	"slices"
	"time"
)

// Copy adds n copies of every issue. Each copy has an id, a number and times of its own, a step
// later than those of the copy before it, and is linked to no other issue. It shares everything
// else with the original, so that a million fit into memory. No issue of this server may be changed
// afterwards.
func (s *Server) Copy(n int, step time.Duration) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, r := range slices.Clone(s.store.all) {
		fields := slices.Clone(r.fields)
		for i := range fields {
			if slices.Contains([]string{"created", "updated"}, fields[i].name) {
				fields[i].raw = nil // rendered from the times
			}
		}
		for i := range n {
			c := *r
			c.fields, c.links, c.subtasks, c.parent = fields, nil, nil, nil
			c.id, c.num = s.store.lastID+1, r.project.lastNum+1
			later := time.Duration(i+1) * step
			c.created, c.updated = r.created.Add(later), r.updated.Add(later)
			s.store.add(&c)
		}
	}
}
