// Routes of the site's setup that need more than a list.

package jiratest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// settings is the reply to GET /configuration.
const settings = `{"votingEnabled":true,"watchingEnabled":true,"unassignedIssuesAllowed":true,"subTasksEnabled":true,"issueLinkingEnabled":true,` +
	`"timeTrackingEnabled":true,"attachmentsEnabled":true,"timeTrackingConfiguration":{"workingHoursPerDay":8.0,"workingDaysPerWeek":5.0,"timeFormat":"pretty","defaultUnit":"minute"}}`

func (c *call) configuration() error {
	c.out.WriteString(settings)
	return nil
}

// allPermissions answers with the permissions as members of one object, by their keys.
func (c *call) allPermissions() error {
	c.out.WriteString(`{"permissions":{`)
	for i, p := range *c.server.siteList("permissions") {
		if i > 0 {
			c.out.WriteByte(',')
		}
		fmt.Fprintf(c.out, "%s:%s", quote(p.id), p.raw)
	}
	c.out.WriteString("}}")
	return nil
}

// auditRecords answers with the log, newest first, by offset and limit.
func (c *call) auditRecords() error {
	q := c.r.URL.Query()
	offset, err := strconv.Atoi(cmp.Or(q.Get("offset"), "0"))
	limit, bad := strconv.Atoi(cmp.Or(q.Get("limit"), "1000"))
	if err != nil || bad != nil || offset < 0 {
		return messages(http.StatusBadRequest, "offset and limit have to be numbers.")
	}
	list := slices.Clone(*c.server.siteList("audit_records"))
	slices.Reverse(list)
	if from := q.Get("from"); from != "" {
		list = slices.DeleteFunc(list, func(e entry) bool {
			return auditTime(e) < from[:min(len(from),
				len("2006-01-02"))]
		})
	}
	limit = min(max(limit, 0), cmp.Or(c.server.options.ListPage, 1000))
	page := list[min(offset, len(list)):min(offset+limit, len(list))]
	fmt.Fprintf(c.out, `{"offset":%d,"limit":%d,"total":%d,"records":`, offset, limit, len(list))
	c.entries(page)
	c.out.WriteByte('}')
	return nil
}

func auditTime(e entry) string {
	_, rest, _ := strings.Cut(string(e.raw), `"created":"`)
	created, _, _ := strings.Cut(rest, `"`)
	return created
}

// dashboards answers with the older list, whose startAt must be a multiple of maxResults.
func (c *call) dashboards() error {
	list := *c.server.siteList("dashboards")
	longest := cmp.Or(c.server.options.ListPage, 1000)
	from, to, limit, err := c.span(len(list), min(20, longest), longest)
	if err != nil {
		return err
	}
	if from%max(limit, 1) != 0 && from < len(list) {
		return messages(http.StatusBadRequest, "startAt has to be a multiple of maxResults.")
	}
	fmt.Fprintf(c.out, `{"startAt":%d,"maxResults":%d,"total":%d`, from, limit, len(list))
	if to < len(list) {
		fmt.Fprintf(c.out, `,"next":"%s/dashboard?startAt=%d&maxResults=%d"`, apiRoot, to, limit)
	}
	c.out.WriteString(`,"dashboards":`)
	c.entries(list[from:to])
	c.out.WriteByte('}')
	return nil
}

// screenTabFields answers with the fields of a tab of a screen.
func (c *call) screenTabFields() error {
	screen, tab := c.r.PathValue("screenId"), c.r.PathValue("tabId")
	if e, ok := c.server.entryOf("screen_tabs", tab); !ok || e.parent != screen {
		return messages(http.StatusBadRequest, "The screen tab with the given id does not exist.")
	}
	c.entries(c.server.children("screen_tab_fields", screen+"/"+tab))
	return nil
}

// contextOptions answers with the options of a context of a field. It is an error of the caller if
// the type of the field has no options.
func (c *call) contextOptions() error {
	context := c.r.PathValue("contextId")
	e, ok := c.server.entryOf("field_contexts", context)
	if !ok || e.parent != c.r.PathValue("fieldId") {
		return missing("field_contexts", context)
	}
	if !c.server.takesOptions(*e) {
		return messages(http.StatusBadRequest, "The custom field does not support options.")
	}
	return c.bean(c.server.children("field_options", context), 100)
}

// takesOptions reports whether the field of a context is of a type that has options.
func (s *Server) takesOptions(context entry) bool {
	return slices.ContainsFunc(s.fieldList(), func(f fieldInfo) bool {
		return f.id == context.parent && (f.custom == "select" || f.custom == "multicheckboxes")
	})
}

// fieldContexts answers with the contexts of a field.
func (c *call) fieldContexts() error {
	id := c.r.PathValue("fieldId")
	if !slices.ContainsFunc(c.server.fieldList(), func(f fieldInfo) bool { return f.id == id && f.custom != "" }) {
		return messages(http.StatusNotFound, "The custom field was not found.")
	}
	return c.bean(c.server.children("field_contexts", id), 50)
}

// fieldOption answers with an option by its id.
func (c *call) fieldOption() error {
	e, ok := c.server.entryOf("field_options", c.r.PathValue("id"))
	if !ok {
		return missing("field_options", c.r.PathValue("id"))
	}
	fmt.Fprintf(c.out, `{"self":"%s/customFieldOption/%s","value":%s}`, apiRoot, e.id, quote(e.name))
	return nil
}

// labels answers with the labels in use.
func (c *call) labels() error {
	var list []entry
	for _, name := range c.server.labelsInUse() {
		list = append(list, entry{id: name, raw: []byte(quote(name))})
	}
	return c.bean(list, 1000)
}
