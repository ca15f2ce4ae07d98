// People as lists: users, groups and their members, and the roles of projects.

package jiratest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

type group struct {
	id, name string
	members  []*user
}

func newGroups(s *Server) []*group {
	id := func(n int) string { return fmt.Sprintf("276f955c-63d7-42c8-9520-92d01dca06%02d", n) }
	return []*group{
		{id(1), "jira-administrators", slices.Clone(s.people[:2])},
		{id(2), "jira-users", slices.Clone(s.people)},
		{id(3), "committers & friends", slices.Clone(s.people[3:9])},
		{id(4), "nobody", nil},
	}
}

// userSearch is Data Center's: users whose name, address or display name begins with the text. A
// dot or an empty quotation means all, which is not documented.
func (c *call) userSearch() error {
	q := c.r.URL.Query()
	text := strings.ToLower(q.Get("username"))
	if text == "" {
		return messages(http.StatusBadRequest, "The username query parameter was not provided")
	}
	var found []*user
	for _, u := range c.server.people {
		matches := strings.Trim(text, `."%_`) == "" || strings.HasPrefix(strings.ToLower(u.name), text) ||
			strings.HasPrefix(strings.ToLower(u.display), text)
		if matches && (!u.gone && q.Get("includeActive") != "false" || u.gone && q.Get("includeInactive") == "true") {
			found = append(found, u)
		}
	}
	if c.server.options.Quirks.FirstUsers > 0 {
		found = found[:min(len(found), c.server.options.Quirks.FirstUsers)]
	}
	return c.userPage(found, 50)
}

// usersSearch is Cloud's list of all users, including those whose account is closed.
func (c *call) usersSearch() error { return c.userPage(c.server.people, 50) }

// userPage writes a page that does not state its position in the list.
func (c *call) userPage(list []*user, fallback int) error {
	longest := 1000
	if n := c.server.options.ListPage; n > 0 {
		longest = n
	}
	from, to, _, err := c.span(len(list), min(fallback, longest), longest)
	if err == nil {
		c.users(list[from:to])
	}
	return err
}

func (g *group) entry(cloud bool) entry {
	raw := fmt.Sprintf(`{"name":%s,"html":%s,"labels":[]}`, quote(g.name), quote(g.name))
	if cloud {
		raw = fmt.Sprintf(`{"name":%s,"groupId":"%s"}`, quote(g.name), g.id)
	}
	return entry{id: g.id, name: g.name, raw: []byte(raw)}
}

func (c *call) groupBulk() error {
	var list []entry
	for _, g := range c.server.store.groups {
		list = append(list, g.entry(true))
	}
	return c.bean(list, 50)
}

// groupsPicker answers with the first groups only, 20 by default.
func (c *call) groupsPicker() error {
	limit, err := number(c.r.URL.Query().Get("maxResults"), 20)
	if err != nil {
		return err
	}
	groups := c.server.store.groups
	shown := groups[:min(len(groups), max(limit, 0))]
	fmt.Fprintf(c.out, `{"header":"Showing %d of %d matching groups","total":%d,"groups":[`, len(shown), len(groups),
		len(groups))
	for i, g := range shown {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.out.Write(g.entry(false).raw)
	}
	c.out.WriteString("]}")
	return nil
}

func (c *call) groupMembers() error {
	q := c.r.URL.Query()
	for _, g := range c.server.store.groups {
		if g.id != q.Get("groupId") && g.name != q.Get("groupname") {
			continue
		}
		var list []entry
		for _, u := range g.members {
			if !u.gone || q.Get("includeInactiveUsers") == "true" {
				list = append(list, entry{raw: u.raw})
			}
		}
		return c.bean(list, 50)
	}
	return messages(http.StatusNotFound, "The group named '"+q.Get("groupname")+q.Get("groupId")+"' does not exist.")
}

// projectRoles lists the addresses of the roles of a project by their names.
func (c *call) projectRoles() error {
	p, err := c.project()
	if err != nil {
		return err
	}
	c.out.WriteByte('{')
	for i, r := range *c.server.siteList("roles") {
		if i > 0 {
			c.out.WriteByte(',')
		}
		fmt.Fprintf(c.out, `%s:"%s/project/%d/role/%s"`, quote(r.name), apiRoot, p.id, r.id)
	}
	c.out.WriteByte('}')
	return nil
}

func (c *call) projectRole() error {
	p, err := c.project()
	if err != nil {
		return err
	}
	r, ok := c.server.entryOf("roles", c.r.PathValue("id"))
	if !ok {
		return missing("roles", c.r.PathValue("id"))
	}
	c.projectRoleOf(p, r)
	return nil
}

// projectRoleOf writes a role with its members; the second person leads.
func (c *call) projectRoleOf(p *project, r *entry) {
	u := c.server.people[int(p.id)%4]
	who := fmt.Sprintf(`"actorUser":{"accountId":"%s"}`, u.account)
	if !c.cloud() {
		who = fmt.Sprintf(`"name":%s`, quote(u.name))
	}
	fmt.Fprintf(c.out, `{"self":"%s/project/%d/role/%s","name":%s,"id":%s,"description":"","actors":[{"id":%s1,"displayName":%s,"type":"atlassian-user-role-actor",%s}]}`,
		apiRoot, p.id, r.id, quote(r.name), r.id, r.id, quote(u.display), who)
}

func (c *call) role() error {
	r, ok := c.server.entryOf("roles", c.r.PathValue("id"))
	if !ok {
		return missing("roles", c.r.PathValue("id"))
	}
	c.out.Write(r.raw)
	return nil
}
