// Rows: people, boards, and what people share.

package lists

// peopleRows are users and groups.
func peopleRows() []row {
	user := field{name: "id", dc: "key", cloud: "accountId", doc: "Data Center: the user's key; Cloud: the account id."}
	name := maybe("name", "displayName", "Display name.")
	return []row{
		{
			name: "users", doc: "Users, inactive ones too, where the account may browse them. Data Center 10 shows " +
				"100 at most, others their own limit.", key: byID,
			fields: []field{user, name},
			// A search needs a text; a dot is in nearly every e-mail address, which a search looks
			// at. The page limit is documented.
			dc: &endpoint{path: "/user/search", query: "username=.&includeInactive=true", pages: byStart, per: 1000,
				cut: 100, seen: wadl + "; the cut of version 10: JRASERVER-78660"},
			cloud: &endpoint{path: "/users/search", pages: byStart, per: 1000, seen: openAPI},
		},
		{
			name: "groups", doc: "Groups of users. Data Center shows as many as its group picker does.", key: byID,
			fields: []field{{name: "id", dc: "name", cloud: "groupId",
				doc: "Data Center: the name; Cloud: the group id."}, maybe("name", "name", "")},
			passes: []field{{name: "group_id", dc: "name", cloud: "groupId"}, at("group", "name", "")},
			dc:     &endpoint{path: "/groups/picker", query: "maxResults=10000", values: "groups", seen: wadl},
			cloud:  &endpoint{path: "/group/bulk", values: "values", pages: byStart, per: 100, seen: openAPI},
		},
		{
			name: "group_members", doc: "Members of each group, inactive ones too.", key: []string{"group_id", "id"},
			parent: "groups",
			fields: []field{above("group_id", ""), user, above("group", "Name of the group."), name},
			dc: &endpoint{path: "/group/member", query: "groupname={group}&includeInactiveUsers=true",
				values: "values", pages: byStart, per: 50, alike: true, seen: wadl},
			cloud: &endpoint{path: "/group/member", query: "groupId={group_id}&includeInactiveUsers=true",
				values: "values", pages: byStart, per: 50, alike: true, seen: openAPI},
		},
	}
}

// agileRows are the boards of Jira Software and what is on them.
func agileRows() []row {
	id, name, board := at("id", "id", ""), maybe("name", "name", ""), above("board_id", "")
	issue := []field{at("id", "id", "Number of the issue."), at("key", "key", "Key of the issue.")}
	// A board without sprints or a backlog answers 400, in words of its own language: there are
	// none.
	lacking := []int{400}
	gone := []int{400} // a board whose filter is broken, or not for this account
	// One that answers only in ids is asked for the longest pages; the server shortens them to what
	// it allows.
	ids := func(path string) endpoint {
		return endpoint{path: path, query: "fields=id", values: "issues", pages: byStart, per: 1000, gone: gone,
			seen: agileV1}
	}
	backlog := ids(agile + "/board/{board_id}/backlog")
	backlog.empty, backlog.gone = lacking, nil
	boards := endpoint{path: agile + "/board", values: "values", pages: byStart, per: 50, seen: agileV1}
	ofProject := boards
	ofProject.query = "projectKeyOrId={_named}"
	boards.named = &ofProject
	return []row{
		both(row{
			name: "boards", doc: "Boards; with the setting projects, those of the projects.", key: byID,
			fields: []field{id, name, maybe("type", "type", "scrum, kanban or simple.")},
			passes: []field{at("board_id", "id", "")},
		}, boards),
		both(row{name: "board_configurations", doc: "Configuration of each board: columns, filter, estimation.",
			key: []string{"board_id"}, parent: "boards",
			fields: []field{board, name}},
			endpoint{path: agile + "/board/{board_id}/configuration", values: one, gone: gone, seen: agileV1}),
		both(row{
			name: "sprints", doc: "Sprints of all boards, each once; raw names the board that it comes from.",
			key: byID, parent: "boards",
			fields: []field{id, name, maybe("state", "state", "closed, active or future.")},
			passes: []field{at("sprint_id", "id", "")},
		}, endpoint{path: agile + "/board/{board_id}/sprint", values: "values", pages: byStart, per: 50, empty: lacking,
			seen: agileV1}),
		both(row{name: "epics", doc: "Epics of all boards, each once.", key: byID, parent: "boards",
			fields: []field{id, maybe("key", "key", "Key of the issue."), name}},
			endpoint{path: agile + "/board/{board_id}/epic", values: "values", pages: byStart, per: 50, empty: lacking,
				seen: agileV1}),
		both(row{name: "backlog", doc: "Issues in the backlog of each board: ids alone.",
			key: []string{"board_id", "id"}, parent: "boards",
			fields: append([]field{board}, issue...)}, backlog),
		both(row{name: "board_issues", doc: "Issues on each board: ids alone.", key: []string{"board_id", "id"},
			parent: "boards",
			fields: append([]field{board}, issue...)}, ids(agile+"/board/{board_id}/issue")),
		both(row{name: "sprint_issues", doc: "Issues in each sprint: ids alone.", key: []string{"sprint_id", "id"},
			parent: "sprints",
			fields: append([]field{above("sprint_id", "")}, issue...)}, ids(agile+"/sprint/{sprint_id}/issue")),
	}
}

// sharedRows are what people make and share.
func sharedRows() []row {
	id, name := at("id", "id", ""), maybe("name", "name", "")
	return []row{
		{
			name: "filters", doc: "Saved filters that the account sees; on Data Center only its favourites, there " +
				"is no list of all.", key: byID, fields: []field{id, name},
			dc: &endpoint{path: "/filter/favourite", seen: wadl + ", a real reply"},
			cloud: &endpoint{path: "/filter/search",
				query:  "expand=description,owner,jql,viewUrl,searchUrl,sharePermissions,editPermissions,subscriptions",
				values: "values", pages: byStart, per: 50, seen: openAPI + ", a real reply"},
		},
		{
			name: "dashboards", doc: "Dashboards that the account sees.", key: byID, fields: []field{id, name},
			dc: &endpoint{path: "/dashboard", values: "dashboards", pages: aligned, per: 100, seen: wadl},
			cloud: &endpoint{path: "/dashboard/search",
				query:  "expand=description,owner,viewUrl,sharePermissions,editPermissions",
				values: "values", pages: byStart, per: 50, seen: openAPI},
		},
	}
}
