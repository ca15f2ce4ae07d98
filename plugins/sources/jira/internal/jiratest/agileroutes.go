// Routes of boards, sprints and epics.

package jiratest

import (
	"cmp"
	"fmt"
	"slices"
)

// agilePage writes a page of boards, sprints or epics. Only boards have a total.
func (c *call) agilePage(list []entry, total bool) error {
	longest := cmp.Or(c.server.options.ListPage, 50)
	from, to, limit, err := c.span(len(list), longest, longest)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, `{"maxResults":%d,"startAt":%d,`, limit, from)
	if total {
		c.total(len(list))
	}
	fmt.Fprintf(c.out, `"isLast":%t,"values":`, to == len(list))
	c.entries(list[from:to])
	c.out.WriteByte('}')
	return nil
}

func (c *call) boards() error {
	q := c.r.URL.Query()
	var list []entry
	for _, b := range c.boardsSeen() {
		of := q.Get("projectKeyOrId")
		if (of == "" || of == b.project.key || of == decimal(b.project.id)) &&
			(q.Get("type") == "" || q.Get("type") == b.kind) {
			list = append(list, entry{raw: c.boardRaw(b)})
		}
	}
	return c.agilePage(list, true)
}

func (c *call) oneBoard() error {
	b, err := c.boardOf()
	if err == nil {
		c.out.Write(c.boardRaw(b))
	}
	return err
}

func (c *call) boardConfiguration() error {
	b, err := c.boardOf()
	if err == nil {
		c.out.Write(c.configurationRaw(b))
	}
	return err
}

func (c *call) boardSprints() error {
	b, err := c.boardOf()
	if err != nil {
		return err
	}
	if b.kind != "scrum" {
		return c.sprintless()
	}
	states := c.list("state")
	var list []entry
	for _, s := range c.server.store.sprints {
		if s.board == b && (len(states) == 0 || slices.Contains(states, s.state)) {
			list = append(list, entry{raw: c.sprintRaw(s)})
		}
	}
	return c.agilePage(list, false)
}

func (c *call) boardEpics() error {
	b, err := c.boardOf()
	if err != nil {
		return err
	}
	done := c.r.URL.Query().Get("done")
	var list []entry
	for _, r := range c.onBoard(b) {
		if r.isEpic() && (done == "" || done == fmt.Sprint(r.done())) {
			list = append(list, entry{raw: c.epicRaw(r)})
		}
	}
	return c.agilePage(list, false)
}

func (c *call) boardProjects() error {
	b, err := c.boardOf()
	if err != nil {
		return err
	}
	return c.agilePage([]entry{{raw: b.project.raw}}, true)
}

func (c *call) boardIssues() error {
	b, err := c.boardOf()
	if err != nil {
		return err
	}
	return c.agileIssues(c.onBoard(b))
}

func (c *call) boardBacklog() error {
	b, err := c.boardOf()
	if err != nil {
		return err
	}
	if b.kind != "scrum" {
		return c.sprintless()
	}
	return c.agileIssues(c.backlog(b))
}

func (c *call) oneSprint() error {
	s, err := c.sprintOf()
	if err == nil {
		c.out.Write(c.sprintRaw(s))
	}
	return err
}

func (c *call) sprintOf() (*sprint, error) {
	id := c.r.PathValue("sprintId")
	for _, s := range c.server.store.sprints {
		if decimal(s.id) == id && c.who.sees && s.board.project.is(Live) {
			return s, nil
		}
	}
	return nil, messages(404, "Sprint does not exist")
}

func (c *call) sprintIssues() error {
	s, err := c.sprintOf()
	if err != nil {
		return err
	}
	return c.agileIssues(c.inSprint(s))
}

func (c *call) epicIssues() error {
	name := c.r.PathValue("epicIdOrKey")
	epic := c.server.store.find(name)
	if epic == nil || !c.sees(epic) || !epic.isEpic() {
		return messages(404, "Issue does not exist or you do not have permission to see it.")
	}
	return c.agileIssues(c.pick(func(r *record) bool { return r.epic == epic }))
}

// pick returns the issues that a search finds and that match, by key.
func (c *call) pick(match predicate) []*record {
	var list []*record
	for _, r := range c.server.store.all {
		if c.who.sees && r.found() && match(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *record) int {
		return cmp.Or(cmp.Compare(a.project.id, b.project.id), cmp.Compare(a.num, b.num))
	})
	return list
}

func (c *call) onBoard(b *board) []*record {
	return c.pick(func(r *record) bool { return r.project == b.project })
}

// backlog returns the issues that are neither done nor in an active or future sprint.
func (c *call) backlog(b *board) []*record {
	return c.pick(func(r *record) bool {
		return r.project == b.project && !r.isEpic() && !r.done() &&
			!slices.ContainsFunc(r.sprints, func(s *sprint) bool { return s.state != "closed" })
	})
}

func (c *call) inSprint(s *sprint) []*record {
	return c.pick(func(r *record) bool { return slices.Contains(r.sprints, s) })
}

// agileIssues writes a page of issues as a search on Data Center does, on Cloud too.
func (c *call) agileIssues(list []*record) error {
	if jql := c.r.URL.Query().Get("jql"); jql != "" {
		q, err := parseJQL(jql)
		if err != nil {
			return err
		}
		match, err := c.binder().bind(q.where)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(r *record) bool { return !match(r) })
	}
	longest := cmp.Or(c.server.options.MaxResults, 100)
	from, to, limit, err := c.span(len(list), min(50, longest), longest)
	if err != nil {
		return err
	}
	sel := selectFields(c.list("fields"), "*navigable")
	fmt.Fprintf(c.out, `{"expand":"schema,names","startAt":%d,"maxResults":%d,`, from, limit)
	c.total(len(list))
	c.out.WriteString(`"issues":[`)
	for i, r := range list[from:to] {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.wide = true
		c.issue(r, &sel, set(c.list("expand")))
	}
	c.out.WriteString("]}")
	return nil
}
