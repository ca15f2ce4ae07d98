// Metadata: the server itself, projects and the fixed lists.

package jiratest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

func (c *call) serverInfo() error {
	version, numbers := "9.12.12", []int{9, 12, 12}
	if c.cloud() {
		version, numbers = "1001.0.0-SNAPSHOT", []int{1001, 0, 0}
	}
	return c.json(struct {
		BaseURL        string `json:"baseUrl"`
		Version        string `json:"version"`
		VersionNumbers []int  `json:"versionNumbers"`
		DeploymentType string `json:"deploymentType"`
		BuildNumber    int    `json:"buildNumber"`
		BuildDate      string `json:"buildDate"`
		ServerTime     string `json:"serverTime"`
		ScmInfo        string `json:"scmInfo"`
		ServerTitle    string `json:"serverTitle"`
	}{site, version, numbers, c.server.options.Flavour.String(), 9120012, "2024-06-03T00:00:00.000+0000",
		c.stamp(c.server.options.Now()), "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334", "Jira of the demo"})
}

func (c *call) myself() error {
	if c.who.name == "" {
		return c.unauthorized(false)
	}
	zone := c.server.options.TimeZone.String()
	if c.cloud() {
		return c.json(map[string]any{"self": apiRoot + "/user?accountId=712020:reader", "accountId": "712020:reader",
			"accountType": "atlassian",
			"displayName": c.who.name, "active": true, "timeZone": zone, "locale": "en_US"})
	}
	return c.json(map[string]any{"self": apiRoot + "/user?username=" + c.who.name, "name": c.who.name,
		"key":         c.who.name,
		"displayName": c.who.name, "active": true, "timeZone": zone, "locale": "en_US"})
}

// visible returns the projects of these statuses that the caller sees.
func (c *call) visible(statuses ...ProjectStatus) []*project {
	if !c.who.sees {
		return nil
	}
	var shown []*project
	for _, p := range c.server.store.projects {
		if slices.ContainsFunc(statuses, p.is) {
			shown = append(shown, p)
		}
	}
	return shown
}

func (c *call) allProjects() error {
	statuses := []ProjectStatus{Live}
	if c.r.URL.Query().Get("includeArchived") == "true" {
		statuses = append(statuses, Archived)
	}
	c.out.WriteByte('[')
	for i, p := range c.visible(statuses...) {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.listedProject(p, set(c.list("expand")))
	}
	c.out.WriteByte(']')
	return nil
}

// listedProject writes a project as lists show it, with what expand asks for.
func (c *call) listedProject(p *project, expand map[string]bool) {
	c.out.Write(p.raw[:len(p.raw)-1])
	if expand["lead"] && expand["description"] && p.detail != nil {
		c.out.WriteByte(',')
		c.out.Write(p.detail)
	}
	if p.is(Archived) {
		c.out.WriteString(`,"archived":true`)
	}
	c.out.WriteByte('}')
}

func (c *call) projectSearch() error {
	statuses := []ProjectStatus{Live}
	if asked := c.list("status"); len(asked) > 0 {
		statuses = nil
		for _, s := range asked {
			statuses = append(statuses, ProjectStatus(s))
		}
	}
	projects := c.visible(statuses...)
	from, to, limit, err := c.span(len(projects), 50, 100)
	if err != nil {
		return err
	}
	self := apiRoot + "/project/search?maxResults=" + strconv.Itoa(limit) + "&startAt="
	fmt.Fprintf(c.out, `{"self":"%s%d"`, self, from)
	if to < len(projects) {
		fmt.Fprintf(c.out, `,"nextPage":"%s%d"`, self, to)
	}
	fmt.Fprintf(c.out, `,"maxResults":%d,"startAt":%d,`, limit, from)
	c.total(len(projects))
	fmt.Fprintf(c.out, `"isLast":%t,"values":[`, to == len(projects))
	for i, p := range projects[from:to] {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.listedProject(p, set(c.list("expand")))
	}
	c.out.WriteString("]}")
	return nil
}

func (c *call) project() (*project, error) {
	name := cmp.Or(c.r.PathValue("projectIdOrKey"), c.r.PathValue("projectId"))
	if p := c.server.store.projectNamed(name); p != nil && c.who.sees && !p.is(Trashed) {
		return p, nil
	}
	return nil, messages(http.StatusNotFound, "No project could be found with key '"+name+"'.")
}

func (c *call) oneProject() error {
	p, err := c.project()
	if err != nil {
		return err
	}
	c.out.Write(p.raw[:len(p.raw)-1]) // the object without its closing brace
	if p.detail != nil {
		c.out.WriteByte(',')
		c.out.Write(p.detail)
	}
	for _, list := range []string{"versions", "components"} {
		c.out.WriteString(`,"` + list + `":`)
		c.entries(c.server.children("project_"+list, decimal(p.id)))
	}
	c.out.WriteString(`,"issueTypes":`)
	c.entries(c.server.catalog.types)
	c.out.WriteByte('}')
	return nil
}

func (c *call) projectStatuses() error {
	if _, err := c.project(); err != nil {
		return err
	}
	c.out.WriteByte('[')
	for i, t := range c.server.catalog.types {
		if i > 0 {
			c.out.WriteByte(',')
		}
		fmt.Fprintf(c.out, `{"self":"%s/issuetype/%s","id":"%s","name":"%s","subtask":%t,"statuses":`, apiRoot, t.id,
			t.id, t.name, t.name == "Sub-task")
		c.entries(c.server.catalog.statuses)
		c.out.WriteByte('}')
	}
	c.out.WriteByte(']')
	return nil
}

func (c *call) issueLinkTypes() error {
	var types []json.RawMessage
	for _, l := range c.server.catalog.linkTypes {
		types = append(types, json.RawMessage(l.render()))
	}
	return c.json(map[string]any{"issueLinkTypes": types})
}
