// The lists of a project: versions and components, and the labels of all.

package jiratest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ofProject answers with the entries of a project.
func ofProject(name string) func(*call) error {
	return func(c *call) error {
		p, err := c.project()
		if err == nil {
			c.entries(c.server.children(name, decimal(p.id)))
		}
		return err
	}
}

// pagedOfProject is ofProject in pages.
func pagedOfProject(name string) func(*call) error {
	return func(c *call) error {
		p, err := c.project()
		if err != nil {
			return err
		}
		return c.bean(c.server.children(name, decimal(p.id)), 50)
	}
}

// labelsInUse returns the labels of all issues that a search finds.
func (s *Server) labelsInUse() []string {
	seen := map[string]bool{}
	for _, r := range s.store.all {
		var labels []string
		if raw := r.raw("labels"); len(raw) > 2 && r.found() && json.Unmarshal(raw, &labels) == nil {
			for _, l := range labels {
				seen[l] = true
			}
		}
	}
	out := make([]string, 0, len(seen))
	for l := range seen {
		out = append(out, l)
	}
	slices.Sort(out)
	return out
}

// offer adds a version or component to the list, once, and returns it as issues contain it.
func (s *Server) offer(shelf string, p *project, id int64, name string, raw json.RawMessage) json.RawMessage {
	if e, ok := s.entryOf(shelf, decimal(id)); ok {
		return e.raw
	}
	list := s.siteList(shelf)
	*list = append(*list, entry{id: decimal(id), parent: decimal(p.id), name: name, raw: raw,
		detail: fmt.Appendf(nil, `"projectId":%d`, p.id)})
	return raw
}

// email is the sender address of a project's mail.
func (p *project) email() string {
	return fmt.Sprintf(`{"emailAddress":"%s@jira.example.com","emailAddressStatus":[]}`, strings.ToLower(p.key))
}

func (c *call) projectEmail() error {
	p, err := c.project()
	if err == nil {
		c.out.WriteString(p.email())
	}
	return err
}

// prioritySchemes is a page of Data Center, which has its own name for the list.
func (c *call) prioritySchemes() error {
	list, longest := *c.server.siteList("priority_schemes"), 1000
	if n := c.server.options.ListPage; n > 0 {
		longest = n
	}
	from, to, limit, err := c.span(len(list), min(100, longest), longest)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, `{"startAt":%d,"maxResults":%d,"total":%d,"schemes":`, from, limit, len(list))
	c.entries(list[from:to])
	c.out.WriteByte('}')
	return nil
}
