// Rows: how the site is set up. Most need an administrator.

package lists

// adminRows are what administrators look after.
func adminRows() []row {
	id, name := at("id", "id", ""), maybe("name", "name", "")
	named := []field{id, name}
	paged := func(path, query string, per int) *endpoint {
		return &endpoint{path: path, query: query, values: "values", pages: byStart, per: per, seen: openAPI}
	}
	return append([]row{
		both(row{name: "roles", doc: "Project roles of the site with their default members.", key: byID, fields: named},
			endpoint{path: "/role", seen: wadl + "; a real reply"}),
		{
			name: "workflows", doc: "Workflows: on Cloud with statuses and transitions.", key: byID,
			fields: []field{{name: "id", dc: "name", cloud: "id", doc: "Data Center: the name."}, name},
			dc:     &endpoint{path: "/workflow", seen: wadl},
			cloud:  paged("/workflows/search", "expand=values.transitions", 50),
		},
		{name: "workflow_schemes", doc: "Workflow schemes: which workflow each issue type has. Data Center gives " +
			"one by its id alone, and has no list of them.", key: byID, fields: named,
			cloud: paged("/workflowscheme", "", 50)},
		{
			name: "issue_type_schemes", doc: "Issue type schemes.", key: byID, fields: named,
			dc: &endpoint{path: "/issuetypescheme", query: "expand=schemes.issueTypes,schemes.defaultIssueType",
				values: "schemes", seen: wadl},
			cloud: paged("/issuetypescheme", "expand=projects,issueTypes", 50),
		},
		{name: "issue_type_screen_schemes",
			doc: "Issue type screen schemes. Data Center's REST API does not have them.", key: byID, fields: named,
			cloud: paged("/issuetypescreenscheme", "expand=projects", 50)},
		{name: "screen_schemes", doc: "Screen schemes. Data Center's REST API does not have them.", key: byID,
			fields: named,
			cloud:  paged("/screenscheme", "expand=issueTypeScreenSchemes", 25)},
		{name: "field_configurations", doc: "Field configurations. Data Center's REST API does not have them.",
			key: byID, fields: named,
			cloud: paged("/fieldconfiguration", "", 50)},
		{name: "field_configuration_schemes",
			doc: "Field configuration schemes. Data Center's REST API does not have them.", key: byID, fields: named,
			cloud: paged("/fieldconfigurationscheme", "", 50)},
		{
			name: "priority_schemes", doc: "Priority schemes: which priorities the issues of which projects may have.",
			key: byID, fields: named,
			dc: &endpoint{path: "/priorityschemes", query: "expand=schemes.projectKeys", values: "schemes",
				pages: byStart, per: 100, seen: wadl},
			cloud: paged("/priorityscheme", "expand=priorities,projects", 50),
		},
		both(row{name: "permissions", doc: "Permissions that there are, global and of projects.", key: byID,
			fields: []field{at("id", "key", ""), name}},
			endpoint{path: "/permissions", values: "permissions"}),
		both(row{name: "permission_schemes", doc: "Permission schemes with all grants.", key: byID, fields: named},
			endpoint{path: "/permissionscheme", query: "expand=permissions", values: "permissionSchemes"}),
		both(row{name: "issue_security_schemes", doc: "Issue security schemes.", key: byID, fields: named},
			endpoint{path: "/issuesecurityschemes", values: "issueSecuritySchemes"}),
		both(row{name: "notification_schemes", doc: "Notification schemes: who is told of which event.", key: byID,
			fields: named},
			endpoint{path: "/notificationscheme", query: "expand=notificationSchemeEvents", values: "values",
				pages: byStart, per: 50}),
		both(row{name: "application_roles", doc: "Application roles: who may use which product.", key: byID,
			fields: []field{at("id", "key", ""), name}},
			endpoint{path: "/applicationrole"}),
		{name: "licences", doc: "Products of the site with the plan that each is licensed for. Data Center's REST " +
			"API has the seats alone, in application_roles.", key: byID,
			fields: []field{id, maybe("plan", "plan", "PAID, FREE or UNLICENSED.")},
			cloud:  &endpoint{path: "/instance/license", values: "applications", seen: openAPI}},
		both(row{name: "navigator_columns",
			doc: "Columns that the issue navigator shows to who has not chosen others, in their order.", key: byID,
			fields: []field{at("id", "value", "Id of the field."), maybe("name", "label", "")}},
			endpoint{path: "/settings/columns"}),
		both(row{name: "settings", doc: "Which optional features are switched on, time tracking among them: one " +
			"record.", key: byID,
			fields: []field{at("id", "=settings", "Always settings.")}}, endpoint{path: "/configuration", values: one}),
		both(row{name: "server_info", doc: "The server: version, build, base URL, but not its clock: one record.",
			key: byID, volatile: []string{"serverTime", "healthChecks"},
			fields: []field{at("id", "=server", "Always server."), maybe("version", "version", "")}},
			endpoint{path: "/serverInfo", values: one}),
		both(row{name: "audit_records", doc: "Audit log of the administrators' doings; later runs read what " +
			"came since.", key: byID, created: "created",
			fields: []field{id, maybe("created", "created", "As Jira writes it.")}},
			endpoint{path: "/auditing/record", values: "records", pages: byOffset, per: 1000}),
	}, screenRows()...)
}

// screenRows are the screens, their tabs and the fields on these.
func screenRows() []row {
	id, name, screen := at("id", "id", ""), maybe("name", "name", ""), above("screen_id", "")
	gone := []int{400} // Data Center answers so where a screen or tab does not exist
	return []row{
		{
			name: "screens", doc: "Screens.", key: byID, fields: []field{id, name},
			passes: []field{at("screen_id", "id", "")},
			dc: &endpoint{path: "/screens",
				seen: wadl + ", which does not show the reply: a list, or one under values, is taken"},
			cloud: &endpoint{path: "/screens", values: "values", pages: byStart, per: 100, seen: openAPI},
		},
		both(row{
			name: "screen_tabs", doc: "Tabs of each screen.", key: []string{"screen_id", "id"}, parent: "screens",
			fields: []field{screen, id, name}, passes: []field{screen, at("tab_id", "id", "")},
		}, endpoint{path: "/screens/{screen_id}/tabs", gone: gone}),
		both(row{
			name: "screen_tab_fields", doc: "Fields on each tab of each screen.",
			key: []string{"screen_id", "tab_id", "id"}, parent: "screen_tabs",
			fields: []field{screen, above("tab_id", ""), id, name},
		}, endpoint{path: "/screens/{screen_id}/tabs/{tab_id}/fields", gone: gone}),
	}
}
