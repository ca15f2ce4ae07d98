// The catalogue: statuses, priorities, types and the other fixed lists.

package jiratest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// site and apiRoot stand for the server's own address inside stored objects. The reply writer
// inserts the address that the caller used.
const (
	site    = "https://jira.here.invalid"
	apiRoot = site + "/rest/api/n"
)

// entry is one value of a list, rendered once and shared by all issues.
type entry struct {
	id, name string
	raw      json.RawMessage // as it appears inside issues
	detail   json.RawMessage // further properties, which only its own list shows: "a":1,"b":2
	parent   string          // id of its parent, such as a project
}

type linkType struct {
	id, name, inward, outward string
}

type catalog struct {
	statuses, priorities, types, resolutions []entry
	linkTypes                                []linkType
}

func newCatalog(f Flavour) *catalog {
	c := &catalog{linkTypes: []linkType{
		{"12310000", "Duplicate", "is duplicated by", "duplicates"},
		{"10030", "Reference", "is related to", "relates to"},
		{"10032", "Blocker", "is blocked by", "blocks"},
		{"10020", "Cloners", "is cloned by", "is a clone of"},
	}}
	for _, s := range [][5]string{
		{"1", "Open", "The issue is open and ready for the assignee to start work on it.", "2", "new"},
		{"3", "In Progress", "This issue is being actively worked on at the moment by the assignee.", "4",
			"indeterminate"},
		{"4", "Reopened", "This issue was once resolved, but the resolution was deemed incorrect.", "2", "new"},
		{"10002", "Patch Available", "A patch for this issue has been uploaded by a contributor.", "4",
			"indeterminate"},
		{"5", "Resolved", "A resolution has been taken, and it is awaiting verification by reporter.", "3", "done"},
		{"6", "Closed", "The issue is considered finished, the resolution is correct.", "3", "done"},
	} {
		c.statuses = append(c.statuses, status(s[0], s[1], s[2], s[3], s[4]))
	}
	for i, name := range []string{"Blocker", "Critical", "Major", "Minor", "Trivial"} {
		c.priorities = append(c.priorities, priority(fmt.Sprint(i+1), name))
	}
	for _, t := range [][3]string{
		{"1", "Bug", "A problem which impairs or prevents the functions of the product."},
		{"2", "New Feature", "A new feature of the product, which has yet to be developed."},
		{"3", "Task", "A task that needs to be done."},
		{"4", "Improvement", "An improvement or enhancement to an existing feature or task."},
		{"6", "Test", "A new unit, integration or system test."},
		{"7", "Sub-task", "The sub-task of the issue"},
		{"8", "Epic", "A big piece of work that is made of many issues."},
	} {
		c.types = append(c.types, issueType(t[0], t[1], t[2], f))
	}
	for i, r := range [][2]string{
		{"Fixed", "A fix for this issue is checked into the tree and tested."},
		{"Won't Fix", "The problem described is an issue which will never be fixed."},
		{"Duplicate", "The problem is a duplicate of an existing issue."},
		{"Incomplete", "The problem is not completely described."},
		{"Cannot Reproduce", "All attempts at reproducing this issue failed."},
		{"Invalid", "The problem isn't valid and it can't be fixed."},
	} {
		c.resolutions = append(c.resolutions, resolution(fmt.Sprint(i+1), r[0], r[1]))
	}
	return c
}

// status renders a status. The number of its category depends on the product.
func status(id, name, about, category, key string) entry {
	names := map[string][2]string{"new": {"blue-gray", "To Do"}, "indeterminate": {"yellow", "In Progress"},
		"done": {"green", "Done"}}
	raw := fmt.Sprintf(`{"self":"%s/status/%s","description":%s,"iconUrl":"%s/images/icons/statuses/generic.png","name":%s,"id":"%s",`+
		`"statusCategory":{"self":"%s/statuscategory/%s","id":%s,"key":"%s","colorName":"%s","name":"%s"}}`,
		apiRoot, id, quote(about), site, quote(name), id, apiRoot, category, category, key, names[key][0],
		names[key][1])
	return entry{id: id, name: name, raw: json.RawMessage(raw)}
}

func priority(id, name string) entry {
	raw := fmt.Sprintf(`{"self":"%s/priority/%s","iconUrl":"%s/images/icons/priorities/%s.svg","name":"%s","id":"%s"}`,
		apiRoot, id, site, strings.ToLower(name), name, id)
	return entry{id: id, name: name, raw: json.RawMessage(raw)}
}

func issueType(id, name, about string, f Flavour) entry {
	level := ""
	if f == Cloud {
		level = `,"hierarchyLevel":0`
		if name == "Sub-task" {
			level = `,"hierarchyLevel":-1`
		}
	}
	raw := fmt.Sprintf(`{"self":"%s/issuetype/%s","id":"%s","description":%s,"iconUrl":"%s/secure/viewavatar?size=xsmall&avatarId=2114%s&avatarType=issuetype","name":"%s","subtask":%t,"avatarId":2114%s%s}`,
		apiRoot, id, id, quote(about), site, id, name, name == "Sub-task", id, level)
	return entry{id: id, name: name, raw: json.RawMessage(raw)}
}

func resolution(id, name, about string) entry {
	raw := fmt.Sprintf(`{"self":"%s/resolution/%s","id":"%s","description":%s,"name":%s}`, apiRoot, id, id,
		quote(about), quote(name))
	return entry{id: id, name: name, raw: json.RawMessage(raw)}
}

// list returns the fixed list behind a field of an issue, nil if there is none.
func (c *catalog) list(field string) []entry {
	switch field {
	case "status":
		return c.statuses
	case "priority":
		return c.priorities
	case "issuetype":
		return c.types
	case "resolution":
		return c.resolutions
	}
	return nil
}

func pick(list []entry, name string) (entry, bool) {
	for _, e := range list {
		if strings.EqualFold(e.name, name) || e.id == name {
			return e, true
		}
	}
	return entry{}, false
}

// must is pick for names that this package defines.
func must(list []entry, name string) entry {
	e, ok := pick(list, name)
	if !ok {
		panic("jiratest: no catalogue entry " + name)
	}
	return e
}

// quote renders a JSON string.
func quote(s string) string { return string(appendQuoted(nil, s)) }
