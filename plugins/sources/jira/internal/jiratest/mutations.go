// The tables of random changes.

package jiratest

import "fmt"

// on makes a row for a change of the first issue.
func on(name string, do func(m *mutator, key string) error) mutation {
	return mutation{name, func(m *mutator) (string, error) { return m.keys[0], do(m, m.keys[0]) }}
}

// noID drops the id that a change returns.
func noID(_ string, err error) error { return err }

// issueMutations change one issue or its children.
func issueMutations() []mutation {
	return []mutation{
		{"create", func(m *mutator) (string, error) {
			return m.Create(m.one(m.projects),
				map[string]any{"summary": m.word(), "labels": []string{fmt.Sprintf("l%d", m.rng.IntN(5))}})
		}},
		on("edit", func(m *mutator, k string) error { return m.Edit(k, map[string]any{"summary": m.word()}) }),
		on("status", func(m *mutator, k string) error {
			return m.Edit(k, map[string]any{"status": m.one(m.shelved["statuses"]), "assignee": m.one(m.people)})
		}),
		on("comment", func(m *mutator, k string) error { return noID(m.Comment(k, m.word())) }),
		on("edit comment", func(m *mutator,
			k string) error {
			return m.EditComment(k, m.one(m.children["comment"]), m.word())
		}),
		on("delete comment", func(m *mutator,
			k string) error {
			return m.DeleteComment(k, m.one(m.children["comment"]))
		}),
		on("worklog", func(m *mutator, k string) error { return noID(m.AddWorklog(k, m.hour(), m.word())) }),
		on("edit worklog", func(m *mutator, k string) error {
			return m.EditWorklog(k, m.one(m.children["worklog"]), m.hour(), m.word())
		}),
		on("delete worklog", func(m *mutator,
			k string) error {
			return m.DeleteWorklog(k, m.one(m.children["worklog"]))
		}),
		on("attach", func(m *mutator, k string) error {
			return noID(m.Attach(k, m.word()+".txt", "text/plain", []byte(m.word())))
		}),
		on("detach", func(m *mutator, k string) error { return m.Detach(k, m.one(m.children["attachment"])) }),
		on("link", func(m *mutator, k string) error { return noID(m.Link(k, m.keys[1], "Reference")) }),
		on("unlink", func(m *mutator, k string) error { return m.Unlink(k, m.one(m.children["link"])) }),
		on("remote link", func(m *mutator, k string) error {
			return noID(m.AddRemoteLink(k, "https://code.example.com/"+k, m.word()))
		}),
		on("remove remote link", func(m *mutator,
			k string) error {
			return m.RemoveRemoteLink(k, m.one(m.children["remote"]))
		}),
		on("vote", func(m *mutator, k string) error { return m.Vote(k, m.one(m.people), m.flip()) }),
		on("watch", func(m *mutator, k string) error { return m.Watch(k, m.one(m.people), m.flip()) }),
		on("property", func(m *mutator, k string) error {
			return m.SetProperty(k, "p"+fmt.Sprint(m.rng.IntN(3)), quote(m.word()))
		}),
		on("drop property", func(m *mutator,
			k string) error {
			return m.DropProperty(k, m.one(m.children["property"]))
		}),
		on("parent", func(m *mutator, k string) error { return m.SetParent(k, m.keys[1]) }),
		on("no parent", func(m *mutator, k string) error { return m.SetParent(k, "") }),
		on("epic", func(m *mutator, k string) error { return m.SetEpic(k, m.keys[1]) }),
		on("sprint", func(m *mutator, k string) error { return m.MoveToSprint(k, m.one(m.sprints)) }),
		on("move", func(m *mutator, k string) error { return noID(m.Move(k, m.one(m.projects))) }),
		on("delete", func(m *mutator, k string) error { return m.Delete(k) }),
		on("hide", func(m *mutator, k string) error { return m.Hide(k) }),
		on("show", func(m *mutator, k string) error { return m.Show(k) }),
		on("archive", func(m *mutator, k string) error { return m.Archive(k) }),
		on("restore", func(m *mutator, k string) error { return m.Restore(k) }),
	}
}

// siteMutations change the site.
func siteMutations() []mutation {
	return []mutation{
		{"rename", func(m *mutator) (string, error) {
			list := m.list()
			id := m.one(m.shelved[list])
			return list + " " + id, m.Rename(list, id, m.word())
		}},
		{"remove", func(m *mutator) (string, error) {
			list := m.list()
			id := m.one(m.shelved[list])
			return list + " " + id, m.Remove(list, id)
		}},
		{"rename field", func(m *mutator) (string, error) {
			return sprintField,
				m.Rename("fields", sprintField, m.word())
		}},
		{"add option", func(m *mutator) (string, error) {
			id := fmt.Sprint(50_000 + m.rng.IntN(10_000))
			return id, m.Put("field_options", m.one(m.shelved["field_contexts"]),
				fmt.Sprintf(`{"id":"%s","value":%s,"disabled":false}`, id, quote(m.word())))
		}},
		{"rename user", func(m *mutator) (string, error) {
			name := m.one(m.people)
			return name, m.RenameUser(name, fmt.Sprintf("u%06x", m.rng.IntN(1<<24)), m.word())
		}},
		{"deactivate", func(m *mutator) (string, error) { name := m.one(m.people); return name, m.Deactivate(name) }},
		{"delete user", func(m *mutator) (string, error) { name := m.one(m.people); return name, m.DeleteUser(name) }},
		{"join", func(m *mutator) (string, error) {
			name := m.one(m.people)
			return name, m.Join(m.one(m.groups), name, m.flip())
		}},
		{"group", func(m *mutator) (string, error) { name := m.word(); return name, m.AddGroup(name) }},
		{"rename project", func(m *mutator) (string, error) {
			key := m.one(m.projects)
			return key, m.RenameProject(key, fmt.Sprintf("K%X", m.rng.IntN(1<<16)), m.word())
		}},
		{"start sprint", func(m *mutator) (string, error) { id := m.one(m.sprints); return id, m.StartSprint(id) }},
		{"close sprint", func(m *mutator) (string, error) { id := m.one(m.sprints); return id, m.CloseSprint(id) }},
		{"new sprint", func(m *mutator) (string, error) { return m.CreateSprint(m.one(m.boards), m.word()) }},
		{"rename sprint", func(m *mutator) (string, error) {
			id := m.one(m.sprints)
			return id,
				m.RenameSprint(id, m.word())
		}},
		{"delete sprint", func(m *mutator) (string, error) { id := m.one(m.sprints); return id, m.DeleteSprint(id) }},
		{"board", func(m *mutator) (string, error) {
			return m.AddBoard(m.one(m.projects), m.word(), []string{"scrum", "kanban"}[m.rng.IntN(2)]), nil
		}},
	}
}
