// The books of the lists beside the issues.

package jiratest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// booksOfLists holds for each stream of a flavour what writes its book.
func booksOfLists(f Flavour) map[string]func(*keeper) {
	books := map[string]func(*keeper){
		"fields": func(k *keeper) {
			for _, f := range k.server.fieldList() {
				k.raw(f.id, "", f.render(k.cloud()))
			}
		},
		"issue_link_types": func(k *keeper) {
			for _, l := range k.server.catalog.linkTypes {
				k.raw(l.id, "", []byte(l.render()))
			}
		},
		"settings":      func(k *keeper) { k.raw("settings", "", []byte(settings)) },
		"server_info":   (*keeper).serverBook,
		"users":         (*keeper).userBook,
		"groups":        (*keeper).groupBook,
		"group_members": (*keeper).memberBook,
		"projects":      (*keeper).projectBook,
		"project_roles": (*keeper).projectRoleBook,
		"boards": eachBoard(func(k *keeper,
			b *board) {
			k.raw(decimal(b.id), decimal(b.project.id), k.boardRaw(b))
		}),
		"board_configurations": eachBoard(func(k *keeper, b *board) {
			k.raw(decimal(b.id), decimal(b.id), k.configurationRaw(b))
		}),
		"sprints": eachSprint(func(k *keeper, s *sprint) { k.raw(decimal(s.id), decimal(s.board.id), k.sprintRaw(s)) }),
		"epics": eachBoard(func(k *keeper, b *board) {
			for _, r := range k.onBoard(b) {
				if r.isEpic() {
					k.raw(decimal(r.id), decimal(b.id), k.epicRaw(r))
				}
			}
		}),
		"board_issues": eachBoard(func(k *keeper, b *board) { k.issuesOf(b.id, k.onBoard(b)) }),
		"backlog": eachBoard(func(k *keeper, b *board) {
			if b.kind == "scrum" {
				k.issuesOf(b.id, k.backlog(b))
			}
		}),
		"sprint_issues": eachSprint(func(k *keeper, s *sprint) { k.issuesOf(s.id, k.inSprint(s)) }),
	}
	for _, name := range append(shelfNames(), "statuses", "priorities", "issue_types", "resolutions") {
		books[name] = func(k *keeper) { k.shelfBook(name) }
	}
	if f == Cloud {
		books["labels"] = func(k *keeper) {
			for _, l := range k.server.labelsInUse() {
				k.raw(l, "", []byte(quote(l)))
			}
		}
		books["project_emails"] = func(k *keeper) {
			for _, p := range k.visible(Live) {
				k.raw(decimal(p.id), decimal(p.id), []byte(p.email()))
			}
		}
		return books
	}
	for _, name := range []string{"field_contexts", "field_options", "workflow_schemes", "issue_type_screen_schemes",
		"screen_schemes", "field_configurations", "field_configuration_schemes", "licences"} {
		delete(books, name) // Data Center has no list of them
	}
	return books
}

// shelfBook writes a shelf. Tabs and their fields have keys that begin with
// those of their parents.
func (k *keeper) shelfBook(name string) {
	for _, e := range *k.server.shelf(name) {
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

// lives tells whether the project of an id can be seen.
func (s *Server) lives(id string) bool {
	return slices.ContainsFunc(s.store.projects, func(p *project) bool { return decimal(p.id) == id && p.is(Live) })
}

func (k *keeper) serverBook() {
	k.add("server", "", func() {
		if err := k.serverInfo(); err != nil {
			panic(err) // it has none
		}
	})
}

func (k *keeper) userBook() {
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

func (k *keeper) groupBook() {
	for _, g := range k.server.store.groups {
		k.raw(g.key(k.cloud()), "", g.entry(k.cloud()).raw)
	}
}

func (k *keeper) memberBook() {
	for _, g := range k.server.store.groups {
		for _, u := range g.members {
			k.raw(g.key(k.cloud())+"/"+u.id(k.cloud()), g.key(k.cloud()), u.raw)
		}
	}
}

func (k *keeper) projectBook() {
	for _, p := range k.visible(Live) {
		k.add(decimal(p.id), "", func() { k.listedProject(p, map[string]bool{"lead": true, "description": true}) })
	}
}

func (k *keeper) projectRoleBook() {
	for _, p := range k.visible(Live) {
		for _, r := range *k.server.shelf("roles") {
			k.add(decimal(p.id)+"/"+r.id, decimal(p.id), func() { k.projectRoleOf(p, &r) })
		}
	}
}

func eachBoard(f func(*keeper, *board)) func(*keeper) {
	return func(k *keeper) {
		for _, b := range k.boardsSeen() {
			f(k, b)
		}
	}
}

func eachSprint(f func(*keeper, *sprint)) func(*keeper) {
	return func(k *keeper) {
		for _, s := range k.server.store.sprints {
			if s.board.project.is(Live) {
				f(k, s)
			}
		}
	}
}

// issuesOf writes the ids of issues under what they stand in.
func (k *keeper) issuesOf(in int64, list []*record) {
	for _, r := range list {
		raw, err := json.Marshal(map[string]string{"id": decimal(r.id), "key": r.key()})
		if err != nil {
			panic(err) // strings: cannot happen
		}
		k.raw(fmt.Sprintf("%d/%d", in, r.id), decimal(in), raw)
	}
}
