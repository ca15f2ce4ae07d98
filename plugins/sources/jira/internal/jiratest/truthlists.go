// The true records of the lists of the site.

package jiratest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// truthOfLists holds, for each stream of a flavour, a function that adds its records.
func truthOfLists(f Flavour) map[string]func(*truthWriter) {
	truth := map[string]func(*truthWriter){
		"fields": func(k *truthWriter) {
			for _, f := range k.server.fieldList() {
				k.raw(f.id, "", f.render(k.cloud()))
			}
		},
		"issue_link_types": func(k *truthWriter) {
			for _, l := range k.server.catalog.linkTypes {
				k.raw(l.id, "", []byte(l.render()))
			}
		},
		"settings":      func(k *truthWriter) { k.raw("settings", "", []byte(settings)) },
		"server_info":   (*truthWriter).serverTruth,
		"users":         (*truthWriter).userTruth,
		"groups":        (*truthWriter).groupTruth,
		"group_members": (*truthWriter).memberTruth,
		"projects":      (*truthWriter).projectTruth,
		"project_roles": (*truthWriter).projectRoleTruth,
		"boards": eachBoard(func(k *truthWriter,
			b *board) {
			k.raw(decimal(b.id), decimal(b.project.id), k.boardRaw(b))
		}),
		"board_configurations": eachBoard(func(k *truthWriter, b *board) {
			k.raw(decimal(b.id), decimal(b.id), k.configurationRaw(b))
		}),
		"sprints": eachSprint(func(k *truthWriter,
			s *sprint) {
			k.raw(decimal(s.id), decimal(s.board.id), k.sprintRaw(s))
		}),
		"epics": eachBoard(func(k *truthWriter, b *board) {
			for _, r := range k.onBoard(b) {
				if r.isEpic() {
					k.raw(decimal(r.id), decimal(b.id), k.epicRaw(r))
				}
			}
		}),
		"board_issues": eachBoard(func(k *truthWriter, b *board) { k.issuesOf(b.id, k.onBoard(b)) }),
		"backlog": eachBoard(func(k *truthWriter, b *board) {
			if b.kind == "scrum" {
				k.issuesOf(b.id, k.backlog(b))
			}
		}),
		"sprint_issues": eachSprint(func(k *truthWriter, s *sprint) { k.issuesOf(s.id, k.inSprint(s)) }),
	}
	for _, name := range append(siteListNames(), "statuses", "priorities", "issue_types", "resolutions") {
		truth[name] = func(k *truthWriter) { k.listTruth(name) }
	}
	if f == Cloud {
		truth["labels"] = func(k *truthWriter) {
			for _, l := range k.server.labelsInUse() {
				k.raw(l, "", []byte(quote(l)))
			}
		}
		truth["project_emails"] = func(k *truthWriter) {
			for _, p := range k.visible(Live) {
				k.raw(decimal(p.id), decimal(p.id), []byte(p.email()))
			}
		}
		return truth
	}
	for _, name := range []string{"field_contexts", "field_options", "workflow_schemes", "issue_type_screen_schemes",
		"screen_schemes", "field_configurations", "field_configuration_schemes", "licences"} {
		delete(truth, name) // Data Center has no list of them
	}
	return truth
}

// listTruth adds the entries of a list. Keys of tabs and their fields begin with the keys of their
// parents.
func (k *truthWriter) listTruth(name string) {
	for _, e := range *k.server.siteList(name) {
		key := e.id
		if name == "screen_tabs" || name == "screen_tab_fields" {
			key = e.parent + "/" + e.id
		}
		if (name == "project_versions" || name == "project_components") && !k.server.lives(e.parent) {
			continue
		}
		k.raw(key, e.parent, e.whole())
	}
}

// lives reports whether the project of an id is visible.
func (s *Server) lives(id string) bool {
	return slices.ContainsFunc(s.store.projects, func(p *project) bool { return decimal(p.id) == id && p.is(Live) })
}

func (k *truthWriter) serverTruth() {
	k.add("server", "", func() {
		if err := k.serverInfo(); err != nil {
			panic(err) // it has none
		}
	})
}

func (k *truthWriter) userTruth() {
	for _, u := range k.server.people {
		k.raw(u.id(k.cloud()), "", u.raw)
	}
}

func (u *user) id(cloud bool) string {
	if cloud {
		return u.account
	}
	return u.key
}

func (g *group) key(cloud bool) string {
	if cloud {
		return g.id
	}
	return g.name
}

func (k *truthWriter) groupTruth() {
	for _, g := range k.server.store.groups {
		k.raw(g.key(k.cloud()), "", g.entry(k.cloud()).raw)
	}
}

func (k *truthWriter) memberTruth() {
	for _, g := range k.server.store.groups {
		for _, u := range g.members {
			k.raw(g.key(k.cloud())+"/"+u.id(k.cloud()), g.key(k.cloud()), u.raw)
		}
	}
}

func (k *truthWriter) projectTruth() {
	for _, p := range k.visible(Live) {
		k.add(decimal(p.id), "", func() { k.listedProject(p, map[string]bool{"lead": true, "description": true}) })
	}
}

func (k *truthWriter) projectRoleTruth() {
	for _, p := range k.visible(Live) {
		for _, r := range *k.server.siteList("roles") {
			k.add(decimal(p.id)+"/"+r.id, decimal(p.id), func() { k.projectRoleOf(p, &r) })
		}
	}
}

func eachBoard(f func(*truthWriter, *board)) func(*truthWriter) {
	return func(k *truthWriter) {
		for _, b := range k.boardsSeen() {
			f(k, b)
		}
	}
}

func eachSprint(f func(*truthWriter, *sprint)) func(*truthWriter) {
	return func(k *truthWriter) {
		for _, s := range k.server.store.sprints {
			if s.board.project.is(Live) {
				f(k, s)
			}
		}
	}
}

// issuesOf adds the ids of issues below their container.
func (k *truthWriter) issuesOf(in int64, list []*record) {
	for _, r := range list {
		raw, err := json.Marshal(map[string]string{"id": decimal(r.id), "key": r.key()})
		if err != nil {
			panic(err) // strings: cannot happen
		}
		k.raw(fmt.Sprintf("%d/%d", in, r.id), decimal(in), raw)
	}
}
