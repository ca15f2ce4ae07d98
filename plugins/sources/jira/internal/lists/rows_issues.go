// Rows: what issues are made of, and the projects.

package lists

import "strings"

// metadataRows are the lists that the fields of issues take their values from.
func metadataRows() []row {
	id, name := at("id", "id", ""), maybe("name", "name", "")
	list := func(name, path, doc string) row {
		return both(row{name: name, doc: doc, key: byID, fields: []field{id, maybe("name", "name", "")}},
			endpoint{path: path})
	}
	return []row{
		both(row{
			name: "fields", doc: "Fields of issues, system and custom: name, schema, names in JQL.", key: byID,
			fields: []field{at("id", "id", "Such as summary or customfield_10000."), name,
				maybe("custom", "custom", "\"true\" for a custom field.")},
			passes: []field{at("field_id", "id", ""), at("_type", "schema.custom", "")},
		}, endpoint{path: "/field"}),
		{
			name: "field_contexts", doc: "Contexts of each custom field: for which projects and issue types it is " +
				"set up. Data Center has no such list.", key: byID,
			fields: []field{id, above("field_id", ""), name},
			parent: "fields", keep: customField,
			passes: []field{above("field_id", ""), at("context_id", "id", ""), above("_type", "")},
			cloud: &endpoint{path: "/field/{field_id}/context", values: "values", pages: byStart, per: 50, alike: true,
				seen: openAPI},
		},
		{
			name: "field_options", doc: "Options of each context of each custom field that has any (select lists, " +
				"radio buttons, checkboxes, cascades). Data Center has no such list; what is chosen is in the " +
				"issues.", key: byID,
			fields: []field{id, above("context_id", ""), above("field_id", ""), maybe("value", "value", "")},
			parent: "field_contexts", keep: optionField,
			cloud: &endpoint{path: "/field/{field_id}/context/{context_id}/option", values: "values", pages: byStart,
				per: 100, gone: []int{400}, alike: true, seen: openAPI},
		},
		list("issue_types", "/issuetype", "Issue types."),
		{
			name: "priorities", doc: "Priorities.", key: byID, fields: []field{id, name},
			dc:    &endpoint{path: "/priority", seen: wadl + ", a real reply"},
			cloud: &endpoint{path: "/priority/search", values: "values", pages: byStart, per: 50, seen: openAPI},
		},
		list("statuses", "/status", "Statuses, each with its category."),
		list("status_categories", "/statuscategory", "Categories of statuses: to do, in progress, done."),
		{
			name: "resolutions", doc: "Resolutions.", key: byID, fields: []field{id, name},
			dc:    &endpoint{path: "/resolution", seen: wadl + ", a real reply"},
			cloud: &endpoint{path: "/resolution/search", values: "values", pages: byStart, per: 50, seen: openAPI},
		},
		both(row{name: "issue_link_types", doc: "Types of links between issues, with their names in both directions.",
			key: byID, fields: []field{id, name}},
			endpoint{path: "/issueLinkType", values: "issueLinkTypes"}),
		{
			name: "labels", doc: "Labels that are in use. Data Center has no list of them; those of issues are in " +
				"their records.", key: []string{"label"},
			fields: []field{at("label", "$", "")},
			cloud:  &endpoint{path: "/label", values: "values", pages: byStart, per: 1000, seen: openAPI},
		},
	}
}

// customField: only a custom field has contexts.
func customField(known vars) bool { return known["_type"] != "" }

// optionField: the types whose contexts have options, by the end of their names. Asked for those of
// others, Jira answers 400.
func optionField(known vars) bool {
	_, kind, _ := strings.Cut(known["_type"], ":")
	switch kind {
	case "select", "multiselect", "radiobuttons", "multicheckboxes", "cascadingselect":
		return true
	}
	return false
}

// projectRows are the projects and what each has.
func projectRows() []row {
	id, name := at("id", "id", ""), maybe("name", "name", "")
	projectID, project := above("project_id", ""), above("project", "Key of the project.")
	const expand = "expand=description,lead,url,projectKeys"
	alone := &endpoint{path: "/project/{_named}", query: expand, values: one}
	return []row{
		{
			name: "projects", doc: "Projects that the account sees, or those of the setting projects.", key: byID,
			fields: []field{id, at("key", "key", ""), name},
			passes: []field{at("project_id", "id", ""), at("project", "key", "")},
			dc:     &endpoint{path: "/project", query: expand, named: alone, seen: wadl + ", a real reply"},
			cloud: &endpoint{path: "/project/search", query: expand + "&orderBy=key", values: "values", pages: byStart,
				per: 100, named: alone, seen: openAPI},
		},
		both(row{
			name: "project_versions", doc: "Versions of each project.", key: byID, parent: "projects",
			fields: []field{id, projectID, project, name},
		}, endpoint{path: "/project/{project}/versions"}),
		both(row{
			name: "project_components", doc: "Components of each project.", key: byID, parent: "projects",
			fields: []field{id, projectID, project, name},
		}, endpoint{path: "/project/{project}/components"}),
		{
			name: "project_emails", doc: "The address that each project sends its mail from. Data Center's REST API " +
				"does not have it.", key: []string{"project_id"}, parent: "projects",
			fields: []field{projectID, project, maybe("email", "emailAddress", "")},
			cloud:  &endpoint{path: "/project/{project_id}/email", values: one, seen: openAPI},
		},
		both(row{name: "project_categories", doc: "Categories of projects.", key: byID, fields: []field{id, name}},
			endpoint{path: "/projectCategory"}),
		both(row{name: "project_types", doc: "Types of projects: software, business, service desk.", key: byID,
			fields: []field{at("id", "key", "")}}, endpoint{path: "/project/type"}),
		both(row{
			name: "project_known_roles", step: true, parent: "projects",
			passes: []field{projectID, project, at("role_id", "/", "")},
		}, endpoint{path: "/project/{project}/role", values: members}),
		both(row{
			name: "project_roles", doc: "Roles of each project with the users and groups that are in them.",
			key: []string{"project_id", "id"}, parent: "project_known_roles",
			fields: []field{projectID, id, project, name},
		}, endpoint{path: "/project/{project}/role/{role_id}", values: one}),
	}
}
