// The field list: GET /field, and the custom fields of synthetic issues.

package jiratest

import "encoding/json"

// fieldInfo describes one field of an issue.
type fieldInfo struct {
	id, name, kind, items string
	custom                string // type of a custom field, "" for a system field
}

// issueFields lists the fields that synthetic issues have.
func issueFields() []fieldInfo {
	return []fieldInfo{
		{"summary", "Summary", "string", "", ""},
		{"issuetype", "Issue Type", "issuetype", "", ""},
		{"timespent", "Time Spent", "number", "", ""},
		{"project", "Project", "project", "", ""},
		{"fixVersions", "Fix Version/s", "array", "version", ""},
		{"aggregatetimespent", "Σ Time Spent", "number", "", ""},
		{"resolution", "Resolution", "resolution", "", ""},
		{"resolutiondate", "Resolved", "datetime", "", ""},
		{"workratio", "Work Ratio", "number", "", ""},
		{"watches", "Watchers", "watches", "", ""},
		{"created", "Created", "datetime", "", ""},
		{"priority", "Priority", "priority", "", ""},
		{"labels", "Labels", "array", "string", ""},
		{"timeestimate", "Remaining Estimate", "number", "", ""},
		{"versions", "Affects Version/s", "array", "version", ""},
		{"issuelinks", "Linked Issues", "array", "issuelinks", ""},
		{"assignee", "Assignee", "user", "", ""},
		{"updated", "Updated", "datetime", "", ""},
		{"status", "Status", "status", "", ""},
		{"components", "Component/s", "array", "component", ""},
		{"description", "Description", "string", "", ""},
		{"timetracking", "Time Tracking", "timetracking", "", ""},
		{"attachment", "Attachment", "array", "attachment", ""},
		{"comment", "Comment", "comments-page", "", ""},
		{"creator", "Creator", "user", "", ""},
		{"reporter", "Reporter", "user", "", ""},
		{"subtasks", "Sub-Tasks", "array", "issuelinks", ""},
		{"worklog", "Log Work", "array", "worklog", ""},
		{"environment", "Environment", "string", "", ""},
		{"duedate", "Due Date", "date", "", ""},
		{"progress", "Progress", "progress", "", ""},
		{"votes", "Votes", "votes", "", ""},
		{"parent", "Parent", "issuelink", "", ""},
		{"customfield_10010", "Global Rank", "number", "", "float"},
		{"customfield_12310310", "Story Points", "number", "", "float"},
		{"customfield_12310420", "Rank", "any", "", "gh-lexo-rank"},
		{"customfield_12310921", "Complexity", "option", "", "select"},
		{epicField, "Epic Link", "any", "", "gh-epic-link"},
		{sprintField, "Sprint", "array", "string", "gh-sprint"},
		{"customfield_12312022", "Flags", "array", "option", "multicheckboxes"},
		{"customfield_12312340", "Date of First Response", "datetime", "", "firstresponsedate"},
		{"customfield_12313422", "Reviewers", "array", "user", "multiuserpicker"},
		{volatileField, "Development", "any", "", "devsummarycf"},
		{"customfield_12314125", "Language", "string", "", "textfield"},
		{"customfield_12314422", "Test and Documentation Plan", "string", "", "textarea"},
	}
}

func (c *call) fields() error {
	list := c.server.fieldList()
	out := make([]json.RawMessage, len(list))
	for i, f := range list {
		out[i] = f.render(c.cloud())
	}
	return c.json(out)
}

func (f fieldInfo) render(cloud bool) json.RawMessage {
	info := map[string]any{
		"id": f.id, "name": f.name, "custom": f.custom != "", "orderable": true, "navigable": f.navigable(),
		"searchable":  true,
		"clauseNames": []string{f.id}, "schema": f.schema(),
	}
	if f.custom != "" {
		number := f.id[len("customfield_"):]
		info["clauseNames"] = []string{"cf[" + number + "]", f.name}
	}
	if cloud {
		info["key"] = f.id
	}
	raw, err := json.Marshal(info)
	if err != nil {
		panic(err) // plain maps: cannot happen
	}
	return raw
}

// schema describes the values of the field.
func (f fieldInfo) schema() json.RawMessage {
	schema := map[string]any{"type": f.kind}
	if f.items != "" {
		schema["items"] = f.items
	}
	if f.custom == "" {
		schema["system"] = f.id
	} else {
		schema["custom"] = "com.example.plugin.customfieldtypes:" + f.custom
		schema["customId"] = json.Number(f.id[len("customfield_"):])
	}
	raw, err := json.Marshal(schema)
	if err != nil {
		panic(err) // plain maps: cannot happen
	}
	return raw
}

func (f fieldInfo) navigable() bool {
	s := selection{navigable: true}
	return s.has(f.id)
}

// fieldList returns every field that GET /field lists.
func (s *Server) fieldList() []fieldInfo { return s.store.fields }
