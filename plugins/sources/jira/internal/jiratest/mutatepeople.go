// Changes of people, groups and projects. None counts as an update of an issue.

package jiratest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// account changes a user wherever the user appears.
func (s *Server) account(name string, change func(*user)) error {
	return s.site("User updated", func() error {
		u, ok := findUser(s.people, name)
		if !ok {
			return fmt.Errorf("there is no user %q", name)
		}
		old := u.raw
		change(u)
		u.raw = u.render(s.options.Flavour)
		s.everywhere(old, u.raw)
		return nil
	})
}

// RenameUser changes the login and display names of a user. The key and the account id stay.
func (s *Server) RenameUser(name, login, display string) error {
	return s.account(name, func(u *user) { u.name, u.display = login, display })
}

// Deactivate deactivates an account.
func (s *Server) Deactivate(name string) error {
	return s.account(name, func(u *user) { u.gone = true })
}

// DeleteUser deletes an account. Cloud shows "former user" instead; Data Center shows null.
func (s *Server) DeleteUser(name string) error {
	if s.options.Flavour == Cloud {
		return s.account(name, func(u *user) { u.gone, u.former, u.display = true, true, "Former user" })
	}
	return s.site("User deleted", func() error {
		u, ok := findUser(s.people, name)
		if !ok || len(s.people) < 4 || u == s.people[0] {
			return fmt.Errorf("user %q cannot be deleted", name)
		}
		is := func(x *user) bool { return x == u }
		s.people = slices.DeleteFunc(slices.Clone(s.people), is)
		for _, g := range s.store.groups {
			g.members = slices.DeleteFunc(slices.Clone(g.members), is)
		}
		for _, r := range s.store.all {
			r.voters = slices.DeleteFunc(slices.Clone(r.voters), is)
			r.watchers = slices.DeleteFunc(slices.Clone(r.watchers), is)
		}
		s.everywhere(u.raw, json.RawMessage("null"))
		return nil
	})
}

// AddGroup makes a group; a name that is taken is an error.
func (s *Server) AddGroup(name string) error {
	return s.site("Group created", func() error {
		if s.groupNamed(name) != nil {
			return fmt.Errorf("group %q: is there", name)
		}
		id := fmt.Sprintf("276f955c-63d7-42c8-9520-%012x", hashText(name)&0xffffffffffff)
		s.store.groups = append(s.store.groups, &group{id: id, name: name})
		return nil
	})
}

// RemoveGroup deletes a group.
func (s *Server) RemoveGroup(name string) error {
	return s.site("Group deleted", func() error {
		g := s.groupNamed(name)
		if g == nil {
			return fmt.Errorf("group %q: there is none", name)
		}
		s.store.groups = slices.DeleteFunc(slices.Clone(s.store.groups), func(x *group) bool { return x == g })
		return nil
	})
}

// Join adds a user to a group, or removes the user.
func (s *Server) Join(groupName, name string, in bool) error {
	return s.site("Group membership changed", func() error {
		g := s.groupNamed(groupName)
		if g == nil {
			return fmt.Errorf("group %q: there is none", groupName)
		}
		return s.join(&g.members, name, in)
	})
}

func (s *Server) groupNamed(name string) *group {
	i := slices.IndexFunc(s.store.groups, func(g *group) bool { return g.name == name })
	if i < 0 {
		return nil
	}
	return s.store.groups[i]
}

// RenameProject changes the key and name of a project; "" keeps either. All its issues get new
// keys; the old ones still find them.
func (s *Server) RenameProject(key, newKey, name string) error {
	return s.site("Project updated", func() error {
		p := s.store.projectNamed(key)
		if p == nil || newKey != "" && newKey != p.key && s.store.projectNamed(newKey) != nil {
			return fmt.Errorf("project %s cannot become %s", key, newKey)
		}
		old := p.raw
		if newKey != "" {
			p.key = newKey
		}
		if name != "" {
			p.name = name
		}
		p.raw = p.render()
		s.everywhere(old, p.raw)
		for _, r := range s.store.all {
			if r.project == p {
				s.store.byKey[r.key()] = r
			}
		}
		return nil
	})
}

// DeleteProject deletes a project for good, with its issues, boards, versions and components.
func (s *Server) DeleteProject(key string) error {
	return s.site("Project deleted", func() error {
		p := s.store.projectNamed(key)
		if p == nil {
			return fmt.Errorf("project %s: there is none", key)
		}
		for _, r := range slices.Clone(s.store.all) {
			if r.project == p {
				s.store.remove(r)
			}
		}
		s.store.projects = slices.DeleteFunc(slices.Clone(s.store.projects), func(x *project) bool { return x == p })
		s.dropSprints(func(x *sprint) bool { return x.board.project == p })
		s.store.boards = slices.DeleteFunc(s.store.boards, func(b *board) bool { return b.project == p })
		for _, name := range []string{"project_versions", "project_components"} {
			list := s.siteList(name)
			*list = slices.DeleteFunc(slices.Clone(*list), func(e entry) bool { return e.parent == decimal(p.id) })
		}
		return nil
	})
}
