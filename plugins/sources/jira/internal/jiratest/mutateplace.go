// Changes of an issue's parent, and of whether it is visible.

package jiratest

import (
	"fmt"
	"slices"
)

// SetParent makes an issue the sub-task of another; "" removes its parent. Only the child counts as
// updated, although the parent shows it.
func (s *Server) SetParent(key, parent string) error {
	return s.change(key, func(r *record) error {
		var to *record
		if parent != "" {
			if to = s.store.find(parent); to == nil || to == r || to.parent != nil || len(r.subtasks) > 0 {
				return fmt.Errorf("%s cannot be its parent", parent)
			}
		}
		item := change{field: "Parent", kind: "jira", id: "parent"}
		if from := r.parent; from != nil {
			item.from, item.fromText = decimal(from.id), from.key()
			from.subtasks = slices.DeleteFunc(slices.Clone(from.subtasks), func(x *record) bool { return x == r })
		}
		r.parent = to
		if to != nil {
			item.to, item.toText = decimal(to.id), to.key()
			to.subtasks = append(to.subtasks, r)
			to.set("subtasks", nil)
		}
		r.set("parent", nil)
		s.log(r, item)
		return nil
	})
}

// Archive removes an issue from all searches; its key still finds it. Its updated stays.
func (s *Server) Archive(key string) error {
	return s.quietly(key, func(r *record) error { r.archived = true; return nil })
}

// Restore is the opposite of Archive.
func (s *Server) Restore(key string) error {
	return s.quietly(key, func(r *record) error { r.archived = false; return nil })
}
