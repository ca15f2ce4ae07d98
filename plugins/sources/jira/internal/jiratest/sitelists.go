// The lists of the site, each under the name of its stream, and the forms in which the products
// return lists.

package jiratest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// siteLists holds the lists by name. The lists from which synthetic issues take their values are in
// the catalogue.
type siteLists map[string]*[]entry

// siteListNames are those that are not in the catalogue.
func siteListNames() []string {
	return []string{"status_categories", "project_categories", "project_types", "project_versions",
		"project_components",
		"workflows", "workflow_schemes", "issue_type_schemes", "issue_type_screen_schemes", "screen_schemes",
		"field_configurations",
		"field_configuration_schemes", "priority_schemes", "licences", "navigator_columns",
		"screens", "screen_tabs", "screen_tab_fields", "permissions", "permission_schemes", "issue_security_schemes",
		"notification_schemes", "application_roles", "audit_records", "field_contexts", "field_options", "filters",
		"dashboards", "roles"}
}

// siteList returns the list of a name.
func (s *Server) siteList(name string) *[]entry {
	switch name {
	case "statuses":
		return &s.catalog.statuses
	case "priorities":
		return &s.catalog.priorities
	case "issue_types":
		return &s.catalog.types
	case "resolutions":
		return &s.catalog.resolutions
	}
	if s.store.shelves[name] == nil {
		panic("jiratest: there is no shelf " + name)
	}
	return s.store.shelves[name]
}

// children returns the entries of a parent; "" means all.
func (s *Server) children(name, parent string) []entry {
	all := *s.siteList(name)
	if parent == "" {
		return all
	}
	var out []entry
	for _, e := range all {
		if e.parent == parent {
			out = append(out, e)
		}
	}
	return out
}

// whole is the entry as its own list shows it.
func (e entry) whole() json.RawMessage {
	if e.detail == nil {
		return e.raw
	}
	return fmt.Appendf(nil, "%s,%s}", e.raw[:len(e.raw)-1], e.detail)
}

func (c *call) entries(list []entry) {
	c.out.WriteByte('[')
	for i, e := range list {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.out.Write(e.whole())
	}
	c.out.WriteByte(']')
}

// listed answers with a list as a bare array.
func listed(name string) func(*call) error {
	return func(c *call) error {
		c.entries(*c.server.siteList(name))
		return nil
	}
}

// inside answers with a list as a member of an object.
func inside(name, member string) func(*call) error {
	return func(c *call) error {
		fmt.Fprintf(c.out, `{"%s":`, member)
		c.entries(*c.server.siteList(name))
		c.out.WriteByte('}')
		return nil
	}
}

// paged answers with a page of a list.
func paged(name string, longest int) func(*call) error {
	return func(c *call) error { return c.bean(*c.server.siteList(name), longest) }
}

// bean writes a page of a list: startAt, total, isLast, values.
func (c *call) bean(list []entry, longest int) error {
	if n := c.server.options.ListPage; n > 0 {
		longest = n
	}
	from, to, limit, err := c.span(len(list), min(50, longest), longest)
	if err != nil {
		return err
	}
	at := *c.r.URL
	address := func(start int) string {
		q := at.Query()
		q.Set("startAt", strconv.Itoa(start))
		q.Set("maxResults", strconv.Itoa(limit))
		return site + at.Path + "?" + q.Encode()
	}
	fmt.Fprintf(c.out, `{"self":%s`, quote(address(from)))
	if to < len(list) {
		fmt.Fprintf(c.out, `,"nextPage":%s`, quote(address(to)))
	}
	fmt.Fprintf(c.out, `,"maxResults":%d,"startAt":%d,`, limit, from)
	c.total(len(list))
	fmt.Fprintf(c.out, `"isLast":%t,"values":`, to == len(list))
	c.entries(list[from:to])
	c.out.WriteByte('}')
	return nil
}

// listedOf answers with the entries of the parent that a variable of the path names; parents is the
// list of the parents.
func listedOf(name, parents, variable string) func(*call) error {
	return func(c *call) error {
		id := c.r.PathValue(variable)
		if !c.server.has(parents, id) {
			return missing(parents, id)
		}
		list := c.server.children(name, id)
		c.entries(list)
		return nil
	}
}

func (s *Server) has(name, id string) bool {
	_, ok := s.entryOf(name, id)
	return ok
}

func (s *Server) entryOf(name, id string) (*entry, bool) {
	list := *s.siteList(name)
	for i := range list {
		if list[i].id == id {
			return &list[i], true
		}
	}
	return nil, false
}

func missing(name, id string) error {
	return messages(http.StatusNotFound, fmt.Sprintf("There is no %s in %s.", cmp.Or(id, "id"), name))
}
