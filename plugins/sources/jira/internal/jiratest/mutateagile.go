// Changes of boards, sprints and epics.

package jiratest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// AddBoard makes a board of kind "scrum" or "kanban" for a project and returns
// its id.
func (s *Server) AddBoard(projectKey, name, kind string) string {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return decimal(s.addBoard(s.projectOf(projectKey, nil), name, kind).id)
}

func (s *Server) addBoard(p *project, name, kind string) *board {
	s.store.lastBoard++
	b := &board{id: s.store.lastBoard, name: name, kind: kind, project: p}
	s.store.boards = append(s.store.boards, b)
	return b
}

// DeleteBoard deletes a board and its sprints.
func (s *Server) DeleteBoard(id string) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	i, err := indexOf("board", id, s.store.boards, func(b *board) int64 { return b.id })
	if err != nil {
		return err
	}
	gone := s.store.boards[i]
	s.store.boards = slices.Delete(s.store.boards, i, i+1)
	s.dropSprints(func(x *sprint) bool { return x.board == gone })
	return nil
}

// dropSprints deletes sprints. That does not count as an update of their issues.
func (s *Server) dropSprints(which func(*sprint) bool) {
	s.store.sprints = slices.DeleteFunc(s.store.sprints, which)
	for _, r := range s.store.all {
		r.sprints = slices.DeleteFunc(slices.Clone(r.sprints), which)
	}
}

// CreateSprint makes a future sprint on a board and returns its id.
func (s *Server) CreateSprint(boardID, name string) (string, error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	i, err := indexOf("board", boardID, s.store.boards, func(b *board) int64 { return b.id })
	if err != nil {
		return "", err
	}
	if s.store.boards[i].kind != "scrum" {
		return "", fmt.Errorf("board %s: has no sprints", boardID)
	}
	return decimal(s.addSprint(s.store.boards[i], name, "future").id), nil
}

func (s *Server) addSprint(b *board, name, state string) *sprint {
	s.store.lastSprint++
	x := &sprint{id: s.store.lastSprint, board: b, name: name, state: state}
	s.store.sprints = append(s.store.sprints, x)
	return x
}

func (s *Server) withSprint(id string, f func(*sprint) error) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	i, err := indexOf("sprint", id, s.store.sprints, func(x *sprint) int64 { return x.id })
	if err != nil {
		return err
	}
	return f(s.store.sprints[i])
}

// StartSprint makes a future sprint the active one. Its issues show it, but do not count as
// updated.
func (s *Server) StartSprint(id string) error {
	return s.withSprint(id, func(x *sprint) error {
		if x.state != "future" {
			return fmt.Errorf("sprint %s: is %s", id, x.state)
		}
		x.state, x.start = "active", s.milliseconds()
		x.end = x.start.Add(14 * 24 * time.Hour)
		return nil
	})
}

// CloseSprint ends an active sprint. Unfinished issues go to the backlog, which counts as an
// update; the others show the closed sprint and do not count as updated.
func (s *Server) CloseSprint(id string) error {
	return s.withSprint(id, func(x *sprint) error {
		if x.state != "active" {
			return fmt.Errorf("sprint %s: is %s", id, x.state)
		}
		for _, r := range s.store.all {
			if slices.Contains(r.sprints, x) && !r.done() {
				s.putInto(r, nil)
			}
		}
		x.state, x.complete = "closed", s.milliseconds()
		return nil
	})
}

// RenameSprint renames a sprint; its issues do not count as updated.
func (s *Server) RenameSprint(id, name string) error {
	return s.withSprint(id, func(x *sprint) error { x.name = name; return nil })
}

// DeleteSprint deletes a sprint.
func (s *Server) DeleteSprint(id string) error {
	return s.withSprint(id, func(x *sprint) error {
		s.dropSprints(func(other *sprint) bool { return other == x })
		return nil
	})
}

// MoveToSprint puts an issue into a sprint, or with "" into the backlog.
func (s *Server) MoveToSprint(key, id string) error {
	return s.quietly(key, func(r *record) error {
		if id == "" {
			s.putInto(r, nil)
			return nil
		}
		i, err := indexOf("sprint", id, s.store.sprints, func(x *sprint) int64 { return x.id })
		if err == nil {
			s.putInto(r, s.store.sprints[i])
		}
		return err
	})
}

// putInto changes the open sprint of an issue; the closed ones stay.
func (s *Server) putInto(r *record, x *sprint) {
	before := r.sprints
	r.sprints = slices.DeleteFunc(slices.Clone(before),
		func(old *sprint) bool { return old.state != "closed" || old == x })
	if x != nil {
		r.sprints = append(r.sprints, x)
	}
	r.set(sprintField, nil)
	s.log(r, change{field: "Sprint", kind: "custom", id: sprintField, from: sprintIDs(before),
		fromText: sprintNames(before), to: sprintIDs(r.sprints), toText: sprintNames(r.sprints)})
	s.touch(r)
}

func sprintIDs(list []*sprint) string {
	ids := make([]string, len(list))
	for i, x := range list {
		ids[i] = decimal(x.id)
	}
	return strings.Join(ids, ", ")
}

func sprintNames(list []*sprint) string {
	names := make([]string, len(list))
	for i, x := range list {
		names[i] = x.name
	}
	return strings.Join(names, ", ")
}

// SetEpic sets the epic of an issue, or with "" removes it.
func (s *Server) SetEpic(key, epic string) error {
	return s.change(key, func(r *record) error {
		var to *record
		if epic != "" {
			if to = s.store.find(epic); to == nil || !to.isEpic() || r.isEpic() {
				return fmt.Errorf("%s cannot be its epic", epic)
			}
		}
		item := change{field: "Epic Link", kind: "custom", id: epicField}
		if r.epic != nil {
			item.from, item.fromText = decimal(r.epic.id), r.epic.key()
		}
		if r.epic = to; to != nil {
			item.to, item.toText = decimal(to.id), to.key()
		}
		r.set(epicField, nil)
		s.log(r, item)
		return nil
	})
}
