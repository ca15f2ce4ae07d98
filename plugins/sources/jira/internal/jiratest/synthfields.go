// The fields of a synthetic issue, in the order of a real Jira.

package jiratest

import (
	"encoding/json"
	"fmt"
	"time"
)

// fields renders the fields of the story; nil fields are rendered when they are served.
func (g *generator) fields(r *record, s *story) []field {
	list := issueFields()
	out := make([]field, 0, len(list))
	for i := range list {
		name := list[i].id
		if name == "parent" && r.parent == nil {
			continue
		}
		raw := g.value(name, r, s)
		out = append(out, field{name, raw})
	}
	return out
}

func (g *generator) value(name string, r *record, s *story) json.RawMessage {
	c := g.server.catalog
	switch name {
	case "created", "updated", "project", "comment", "worklog", "issuelinks", "subtasks", "parent", "attachment",
		"votes", "watches", volatileField, sprintField, epicField:
		return nil
	case "summary":
		return json.RawMessage(quote(g.text.Title))
	case "description":
		return g.description(s)
	case "issuetype":
		if r.parent != nil {
			return must(c.types, "Sub-task").raw
		}
		return must(c.types, s.kind).raw
	case "priority":
		return must(c.priorities, s.priority).raw
	case "status":
		return must(c.statuses, s.status).raw
	case "resolution":
		if s.resolution == "" {
			return g.shared.null
		}
		return must(c.resolutions, s.resolution).raw
	case "resolutiondate":
		if s.resolved.IsZero() {
			return g.shared.null
		}
		return json.RawMessage(`"` + s.resolved.Truncate(time.Second).In(g.server.options.TimeZone).Format(
			stampLayout) + `"`)
	}
	return g.person(name, r, s)
}

// person renders the fields about people, and passes the others on.
func (g *generator) person(name string, r *record, s *story) json.RawMessage {
	switch name {
	case "assignee":
		if s.assignee == nil {
			return g.shared.null
		}
		return s.assignee.raw
	case "reporter":
		return s.reporter.raw
	case "creator":
		return s.reporter.raw
	case "labels":
		return g.labels()
	case "components":
		return g.some(g.shared.components, 0.7)
	case "versions":
		return g.some(g.shared.versions[:8], 0.6)
	case "fixVersions":
		if s.resolution != "Fixed" {
			return g.shared.empty
		}
		return g.some(g.shared.versions, 0.9)
	}
	return g.number(name, r)
}

// number renders times, counts and custom fields.
func (g *generator) number(name string, r *record) json.RawMessage {
	total := 0
	for _, w := range r.worklogs {
		total += w.seconds
	}
	switch {
	case (name == "timespent" || name == "aggregatetimespent") && total > 0:
		return json.RawMessage(decimal(int64(total)))
	case name == "timetracking":
		if total == 0 {
			return json.RawMessage("{}")
		}
		return fmt.Appendf(nil, `{"timeSpent":"%s","timeSpentSeconds":%d}`, spent(total), total)
	case name == "progress":
		return fmt.Appendf(nil, `{"progress":%d,"total":%d}`, total, total)
	case name == "workratio":
		return json.RawMessage("-1")
	case name == "environment" && g.chance(0.15):
		return json.RawMessage(quote(g.text.Environment()))
	}
	return g.custom(name, r)
}

func (g *generator) custom(name string, r *record) json.RawMessage {
	switch name {
	case "customfield_10010":
		return fmt.Appendf(nil, "%d.0", 2_000_000+r.num)
	case "customfield_12310420":
		return json.RawMessage(fmt.Sprintf(`"0|i%06x:"`, r.id%0xffffff))
	case "customfield_12310310":
		if g.chance(0.1) {
			return json.RawMessage([]string{"1.0", "2.0", "3.0", "5.0", "8.0"}[g.rng.IntN(5)])
		}
	case "customfield_12310921":
		if g.chance(0.2) {
			o := fieldOptions()[g.rng.IntN(3)]
			return optionRaw(o.id, o.value)
		}
	case "customfield_12312022":
		if g.chance(0.03) {
			return fmt.Appendf(nil, "[%s]", optionRaw("10431", "Patch"))
		}
	case "customfield_12312340":
		if len(r.comments) > 0 {
			return json.RawMessage(`"` + r.comments[0].created.In(g.server.options.TimeZone).Format(stampLayout) + `"`)
		}
	case "customfield_12313422":
		if g.chance(0.1) {
			return fmt.Appendf(nil, "[%s,%s]", g.someone().raw, g.someone().raw)
		}
	case "customfield_12314422":
		if g.chance(0.04) {
			return json.RawMessage(quote(g.text.Sentence()))
		}
	}
	return g.shared.null
}

func (g *generator) description(s *story) json.RawMessage {
	if g.chance(0.03) {
		return g.shared.null
	}
	return json.RawMessage(quote(g.text.Description(s.kind)))
}

func (g *generator) labels() json.RawMessage {
	if !g.chance(0.3) {
		return g.shared.empty
	}
	all := []string{"newbie", "flaky-test", "pull-request-available", "performance", "regression", "docs", "security",
		"usability"}
	first := g.rng.IntN(len(all))
	if g.chance(0.3) {
		return fmt.Appendf(nil, `["%s","%s"]`, all[first], all[(first+1)%len(all)])
	}
	return fmt.Appendf(nil, `["%s"]`, all[first])
}

// some returns a list of one or two of the values, or an empty one.
func (g *generator) some(values []json.RawMessage, p float64) json.RawMessage {
	if !g.chance(p) {
		return g.shared.empty
	}
	i := g.rng.IntN(len(values))
	if g.chance(0.15) {
		return fmt.Appendf(nil, "[%s,%s]", values[i], values[(i+1)%len(values)])
	}
	return fmt.Appendf(nil, "[%s]", values[i])
}
