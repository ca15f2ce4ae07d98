// The table of the lists of the site.

package jiratest

// listRoutes returns the routes of a flavour that return lists.
func listRoutes(f Flavour) []route {
	if f == Cloud {
		return append(sharedLists(), cloudLists()...)
	}
	return append(sharedLists(), dataCenterLists()...)
}

func sharedLists() []route {
	return []route{
		{"GET", "/issuetype", listed("issue_types")},
		{"GET", "/priority", listed("priorities")},
		{"GET", "/status", listed("statuses")},
		{"GET", "/statuscategory", listed("status_categories")},
		{"GET", "/resolution", listed("resolutions")},
		{"GET", "/issueLinkType", (*call).issueLinkTypes},
		{"GET", "/project/{projectIdOrKey}/versions", ofProject("project_versions")},
		{"GET", "/project/{projectIdOrKey}/version", pagedOfProject("project_versions")},
		{"GET", "/project/{projectIdOrKey}/components", ofProject("project_components")},
		{"GET", "/project/{projectIdOrKey}/role", (*call).projectRoles},
		{"GET", "/project/{projectIdOrKey}/role/{id}", (*call).projectRole},
		{"GET", "/project/type", listed("project_types")},
		{"GET", "/projectCategory", member(listed("project_categories"))},
		{"GET", "/customFieldOption/{id}", (*call).fieldOption},
		{"GET", "/role", admin(listed("roles"))},
		{"GET", "/role/{id}", admin((*call).role)},
		{"GET", "/role/{id}/actors", admin((*call).role)},
		{"GET", "/group/member", member((*call).groupMembers)},
		{"GET", "/groups/picker", member((*call).groupsPicker)},
		{"GET", "/filter/favourite", member(listed("filters"))},
		{"GET", "/dashboard", (*call).dashboards},
		{"GET", "/permissions", admin((*call).allPermissions)},
		{"GET", "/permissionscheme", member(inside("permission_schemes", "permissionSchemes"))},
		{"GET", "/issuesecurityschemes", admin(inside("issue_security_schemes", "issueSecuritySchemes"))},
		{"GET", "/notificationscheme", member(paged("notification_schemes", 50))},
		{"GET", "/applicationrole", admin(listed("application_roles"))},
		{"GET", "/settings/columns", admin(listed("navigator_columns"))},
		{"GET", "/configuration", member((*call).configuration)},
		{"GET", "/auditing/record", admin((*call).auditRecords)},
		{"GET", "/screens/{screenId}/tabs", admin(listedOf("screen_tabs", "screens", "screenId"))},
		{"GET", "/screens/{screenId}/tabs/{tabId}/fields", admin((*call).screenTabFields)},
	}
}

func cloudLists() []route {
	return []route{
		{"GET", "/field/{fieldId}/context", admin((*call).fieldContexts)},
		{"GET", "/field/{fieldId}/context/{contextId}/option", admin((*call).contextOptions)},
		{"GET", "/priority/search", member(paged("priorities", 50))},
		{"GET", "/resolution/search", member(paged("resolutions", 50))},
		{"GET", "/project/{projectIdOrKey}/component", pagedOfProject("project_components")},
		{"GET", "/users/search", member((*call).usersSearch)},
		{"GET", "/group/bulk", member((*call).groupBulk)},
		{"GET", "/label", member((*call).labels)},
		{"GET", "/filter/search", paged("filters", 100)},
		{"GET", "/dashboard/search", paged("dashboards", 100)},
		{"GET", "/workflows/search", admin((*call).workflowSearch)},
		{"GET", "/workflowscheme", admin(paged("workflow_schemes", 50))},
		{"GET", "/issuetypescheme", admin(paged("issue_type_schemes", 50))},
		{"GET", "/issuetypescreenscheme", admin(paged("issue_type_screen_schemes", 50))},
		{"GET", "/screenscheme", admin(paged("screen_schemes", 25))},
		{"GET", "/fieldconfiguration", admin(paged("field_configurations", 50))},
		{"GET", "/fieldconfigurationscheme", admin(paged("field_configuration_schemes", 50))},
		{"GET", "/priorityscheme", member(paged("priority_schemes", 50))},
		{"GET", "/instance/license", inside("licences", "applications")},
		{"GET", "/project/{projectId}/email", (*call).projectEmail},
		{"GET", "/screens", admin(paged("screens", 100))},
	}
}

func dataCenterLists() []route {
	return []route{
		{"GET", "/user/search", member((*call).userSearch)},
		{"GET", "/workflow", admin(listed("workflows"))},
		{"GET", "/issuetypescheme", admin(inside("issue_type_schemes", "schemes"))},
		{"GET", "/priorityschemes", member((*call).prioritySchemes)},
		{"GET", "/screens", admin(listed("screens"))},
	}
}

// workflowSearch is a page of the workflows, with the statuses of all of them.
func (c *call) workflowSearch() error {
	err := c.bean(*c.server.siteList("workflows"), 50)
	if err == nil {
		c.out.Truncate(c.out.Len() - 1)
		c.out.WriteString(`,"statuses":[{"statusReference":"1","id":"1","name":"Open"},{"statusReference":"5","id":"5","name":"Resolved"}]}`)
	}
	return err
}
