// The server's own books of the lists beside the issues.

package jiratest

import "slices"

// Lists returns the lists that an administrator sees, by the names of their
// streams: the ids in them, behind that of the parent and a slash where they are
// of one parent only.
func (s *Server) Lists() map[string][]string {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	out := map[string][]string{"settings": {"settings"}, "server_info": {"server"}, "labels": s.labelsInUse()}
	for _, name := range slices.Concat(shelfNames(), []string{"statuses", "priorities", "issue_types", "resolutions"}) {
		for _, e := range *s.shelf(name) {
			id := e.id
			if name == "screen_tabs" || name == "screen_tab_fields" {
				id = e.parent + "/" + id
			}
			out[name] = append(out[name], id)
		}
	}
	for _, l := range s.catalog.linkTypes {
		out["issue_link_types"] = append(out["issue_link_types"], l.id)
	}
	for _, f := range s.fieldList() {
		out["fields"] = append(out["fields"], f.id)
	}
	s.listPeople(out)
	s.listAgile(out)
	return out
}

func (s *Server) listPeople(out map[string][]string) {
	cloud := s.options.Flavour == Cloud
	id := func(u *user) string {
		if cloud {
			return u.account
		}
		return u.key
	}
	for _, u := range s.people {
		out["users"] = append(out["users"], id(u))
	}
	for _, g := range s.store.groups {
		name := g.name
		if cloud {
			name = g.id
		}
		out["groups"] = append(out["groups"], name)
		for _, u := range g.members {
			out["group_members"] = append(out["group_members"], name+"/"+id(u))
		}
	}
}

func (s *Server) listAgile(out map[string][]string) {
	c := &call{server: s, who: caller{name: "bookkeeper", sees: true}}
	for _, p := range c.visible(Live) {
		out["projects"] = append(out["projects"], decimal(p.id))
		for _, role := range *s.shelf("roles") {
			out["project_roles"] = append(out["project_roles"], decimal(p.id)+"/"+role.id)
		}
	}
	for _, b := range s.store.boards {
		if !b.project.is(Live) {
			continue
		}
		id := decimal(b.id)
		out["boards"] = append(out["boards"], id)
		out["board_configurations"] = append(out["board_configurations"], id)
		for _, r := range c.onBoard(b) {
			out["board_issues"] = append(out["board_issues"], id+"/"+decimal(r.id))
			if r.isEpic() && !slices.Contains(out["epics"], decimal(r.id)) {
				out["epics"] = append(out["epics"], decimal(r.id))
			}
		}
		if b.kind != "scrum" {
			continue
		}
		for _, r := range c.backlog(b) {
			out["backlog"] = append(out["backlog"], id+"/"+decimal(r.id))
		}
	}
	for _, x := range s.store.sprints {
		out["sprints"] = append(out["sprints"], decimal(x.id))
		for _, r := range c.inSprint(x) {
			out["sprint_issues"] = append(out["sprint_issues"], decimal(x.id)+"/"+decimal(r.id))
		}
	}
}
