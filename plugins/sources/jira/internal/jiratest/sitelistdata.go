// The initial lists of a new server: how a site is set up.

package jiratest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// listFiller adds entries to lists.
type listFiller struct {
	*Server
	cloud bool
}

// put adds an entry. more is what follows id and name in its object, "" or `,"a":1`.
func (s listFiller) put(shelf, parent, id, name, path, more string) {
	raw := "{"
	if path != "" {
		raw += fmt.Sprintf(`"self":"%s/%s",`, apiRoot, path)
	}
	raw += fmt.Sprintf(`"id":%s,"name":%s%s}`, id, quote(name), more)
	list := s.siteList(shelf)
	*list = append(*list, entry{id: strings.Trim(id, `"`), parent: parent, name: name, raw: json.RawMessage(raw)})
}

// bare adds an entry with its complete JSON.
func (s listFiller) bare(shelf, parent, id, name, raw string) {
	list := s.siteList(shelf)
	*list = append(*list, entry{id: id, parent: parent, name: name, raw: json.RawMessage(raw)})
}

// fillLists fills the lists of a new server.
func (s *Server) fillLists() {
	for _, name := range siteListNames() {
		s.store.shelves[name] = &[]entry{}
	}
	w := listFiller{s, s.options.Flavour == Cloud}
	w.categories()
	w.schemes()
	w.products()
	w.screens()
	w.security()
	w.fieldSetup()
	w.shared()
	w.roles()
	w.audits()
	s.store.groups = newGroups(s)
}

func (s listFiller) categories() {
	for _, c := range [][4]string{{"1", "undefined", "medium-gray", "No Category"}, {"2", "new", "blue-gray", "To Do"},
		{"4", "indeterminate", "yellow", "In Progress"}, {"3", "done", "green", "Done"}} {
		s.put("status_categories", "", c[0], c[3], "statuscategory/"+c[0],
			fmt.Sprintf(`,"key":"%s","colorName":"%s"`, c[1], c[2]))
	}
	for i, name := range []string{"Platform", "Retired"} {
		id := fmt.Sprint(10_200 + i)
		s.put("project_categories", "", quote(id), name, "projectCategory/"+id,
			`,"description":`+quote(name+" projects"))
	}
	for _, t := range [][2]string{{"business", "Business"}, {"service_desk", "Service Desk"},
		{"software", "Software"}} {
		s.bare("project_types", "", t[0], t[1],
			fmt.Sprintf(`{"key":"%s","formattedKey":"%s","descriptionI18nKey":"jira.project.type.%s.description","icon":"PHN2Zy8+","color":"#A4A4A4"}`, t[0], t[1], t[0]))
	}
}

// products adds the licensed products, and the columns of the navigator.
func (s listFiller) products() {
	for _, p := range [][2]string{{"jira-core", "FREE"}, {"jira-software", "PAID"}} {
		s.bare("licences", "", p[0], p[0], fmt.Sprintf(`{"id":"%s","plan":"%s"}`, p[0], p[1]))
	}
	for _, c := range [][2]string{{"issuekey", "Key"}, {"summary", "Summary"}, {"status", "Status"}} {
		s.bare("navigator_columns", "", c[0], c[1], fmt.Sprintf(`{"label":"%s","value":"%s"}`, c[1], c[0]))
	}
}

// Names for objects of which a site has several.
var schemeNames = [...]string{"Default", "Agile", "Support & Service"}

func (s listFiller) schemes() {
	for i, name := range schemeNames {
		id := fmt.Sprint(10_000 + i)
		about := fmt.Sprintf(`,"description":%s`, quote("Scheme of the "+name+" projects"))
		text := quote(id)
		if s.cloud {
			s.put("workflow_schemes", "", id, name+" workflow scheme", "workflowscheme/"+id,
				about+`,"defaultWorkflow":"jira","issueTypeMappings":{"8":"Epic workflow"}`)
			s.put("issue_type_schemes", "", text, name+" issue types", "", about+`,"defaultIssueTypeId":"1"`)
			s.put("issue_type_screen_schemes", "", text, name+" issue type screens", "", about)
			s.put("screen_schemes", "", id, name+" screen scheme", "",
				about+`,"screens":{"default":10000,"create":10001}`)
			s.put("field_configurations", "", id, name+" fields", "", about+fmt.Sprintf(`,"isDefault":%t`, i == 0))
			s.put("field_configuration_schemes", "", text, name+" field configurations", "", about)
			s.put("priority_schemes", "", text, name+" priorities", "",
				about+fmt.Sprintf(`,"isDefault":%t,"priorities":{"isLast":true,"maxResults":50,"startAt":0,"total":1,"values":[{"id":"3","name":"Major"}]}`, i == 0))
			s.put("workflows", "", quote(fmt.Sprintf("b9ff2384-d3b6-4d4e-9509-3ee19f60717%d", i)), name+" workflow", "",
				about+`,"statuses":[{"statusReference":"1"},{"statusReference":"5"}],"transitions":[{"id":"11","name":"Resolve","type":"DIRECTED"}],"version":{"versionNumber":1}`)
		} else {
			s.put("issue_type_schemes", "", text, name+" issue types", "issuetypescheme/"+id, about)
			s.put("priority_schemes", "", id, name+" priorities", "priorityschemes/"+id,
				about+fmt.Sprintf(`,"defaultOptionId":"3","optionIds":["1","2","3"],"defaultScheme":%t,"projectKeys":[]`, i == 0))
			s.bare("workflows", "", name+" workflow", name+" workflow",
				fmt.Sprintf(`{"name":%s%s,"steps":%d,"default":%t}`, quote(name+" workflow"), about, 5+i, i == 0))
		}
		s.put("permission_schemes", "", id, name+" permissions", "permissionscheme/"+id, about+fmt.Sprintf(
			`,"expand":"permissions,user,group,projectRole,field,all","permissions":[{"id":%d,"self":"%s/permissionscheme/%s/permission/%d","holder":{"type":"projectRole","parameter":"10002"},"permission":"BROWSE_PROJECTS"}]`, 10_500+i, apiRoot, id, 10_500+i))
		s.put("notification_schemes", "", id, name+" notifications", "notificationscheme/"+id, about+
			`,"expand":"notificationSchemeEvents","notificationSchemeEvents":[{"event":{"id":1,"name":"Issue `+
			`created"},"notifications":[{"id":1,"notificationType":"Reporter"}]}]`)
	}
}

func (s listFiller) screens() {
	for i, name := range []string{"Default Screen", "Resolve Issue Screen", "Workflow Screen"} {
		screen := fmt.Sprint(10_000 + i)
		s.put("screens", "", screen, name, "", `,"description":`+quote("The "+name))
		for j := range 2 - i%2 {
			tab := fmt.Sprint(11_000 + 10*i + j)
			s.put("screen_tabs", screen, tab, fmt.Sprintf("Tab %d", j+1), "", "")
			for _, f := range issueFields()[i*3 : i*3+4-j] {
				s.put("screen_tab_fields", screen+"/"+tab, quote(f.id), f.name, "", "")
			}
		}
	}
}

func (s listFiller) security() {
	for _, p := range [][3]string{{"BROWSE_PROJECTS", "Browse Projects", "PROJECT"},
		{"CREATE_ISSUES", "Create Issues", "PROJECT"}, {"ADMINISTER", "Administer Jira", "GLOBAL"},
		{"USER_PICKER", "Browse Users", "GLOBAL"}} {
		s.bare("permissions", "", p[0], p[1],
			fmt.Sprintf(`{"key":"%s","name":"%s","type":"%s","description":"%s: what it says."}`, p[0], p[1], p[2],
				p[1]))
	}
	s.put("issue_security_schemes", "", "10000", "Embargo", "issuesecurityschemes/10000",
		`,"description":"Keeps reports of weaknesses private.","defaultSecurityLevelId":10021`)
	for i, r := range [][2]string{{"jira-software", "Jira Software"}, {"jira-core", "Jira Core"}} {
		s.bare("application_roles", "", r[0], r[1],
			fmt.Sprintf(`{"key":"%s","groups":["jira-users"],"name":"%s","defaultGroups":["jira-users"],"selectedByDefault":false,"defined":true,"numberOfSeats":50,"remainingSeats":%d,"userCount":%d,"userCountDescription":"users","hasUnlimitedSeats":false,"platform":%t}`, r[0], r[1], 34-i, 16+i, i == 1))
	}
}

// fieldSetup makes the contexts and options of the fields that have any.
func (s listFiller) fieldSetup() {
	for _, f := range issueFields() {
		if f.custom == "" {
			continue
		}
		number := f.id[len("customfield_"):]
		contexts := []string{"1" + number[len(number)-4:] + "0"}
		if f.custom == "select" {
			contexts = append(contexts, "1"+number[len(number)-4:]+"1")
		}
		for i, context := range contexts {
			s.put("field_contexts", f.id, quote(context), fmt.Sprintf("Context %d of %s", i+1, f.name), "",
				fmt.Sprintf(`,"description":"","isGlobalContext":%t,"isAnyIssueType":true`, i == 0))
		}
		for _, o := range fieldOptions() {
			if o.field == f.id {
				s.bare("field_options", contexts[0], o.id, o.value,
					fmt.Sprintf(`{"id":"%s","value":%s,"disabled":false}`, o.id, quote(o.value)))
			}
		}
		if f.custom == "select" { // the second context has its own options, which no issue uses
			s.bare("field_options", contexts[1], "12999", "Unused", `{"id":"12999","value":"Unused","disabled":true}`)
		}
	}
}

// fieldOption is an option as issues contain it.
type fieldOption struct{ field, id, value string }

func fieldOptions() []fieldOption {
	return []fieldOption{
		{"customfield_12310921", "12960", "Low Hanging Fruit"}, {"customfield_12310921", "12961", "Normal"},
		{"customfield_12310921", "12962", "Challenging"},
		{"customfield_12312022", "10431", "Patch"},
	}
}

func (s listFiller) shared() {
	owner := string(s.people[0].raw)
	for i, f := range [][2]string{{"All open bugs", "type = Bug AND resolution IS EMPTY"},
		{"My issues", "assignee = currentUser()"}, {"Blockers", "priority = Blocker"}} {
		id := fmt.Sprint(10_000 + i)
		s.put("filters", "", quote(id), f[0], "filter/"+id,
			fmt.Sprintf(`,"description":"","owner":%s,"jql":%s,"viewUrl":"%s/issues/?filter=%s","searchUrl":"%s/search?filter=%s","favourite":true,"favouritedCount":%d,"sharePermissions":[]`,
				owner, quote(f[1]), site, id, apiRoot, id, i))
	}
	for i, name := range []string{"System Dashboard", "Build Engineering", "Releases"} {
		id := fmt.Sprint(10_000 + i)
		s.put("dashboards", "", quote(id), name, "dashboard/"+id,
			fmt.Sprintf(`,"view":"%s/secure/Dashboard.jspa?selectPageId=%s"`, site, id))
	}
}

func (s listFiller) roles() {
	for i, name := range []string{"Users", "Developers", "Administrators"} {
		id := fmt.Sprint(10_000 + i)
		s.put("roles", "", id, name, "role/"+id,
			fmt.Sprintf(`,"description":"%s of a `+
				`project","actors":[{"id":%d,"displayName":"jira-users","type":"atlassian-group-role-actor","name":"jira-users"}]`, name, 10_240+i))
	}
}

// audits adds the first lines of the audit log; changes of the site add more.
func (s listFiller) audits() {
	for i, text := range []string{"User created", "Project created", "Permission scheme updated"} {
		s.audit(text, fmt.Sprintf("2016-01-04T09:0%d:00.000+0000", i))
	}
}

func (s *Server) audit(summary, created string) {
	list := s.siteList("audit_records")
	id := fmt.Sprint(len(*list) + 1)
	*list = append(*list, entry{id: id, name: summary, raw: fmt.Appendf(nil,
		`{"id":%s,"summary":%s,"remoteAddress":"192.0.2.1","authorKey":"%s","created":"%s","category":"administration","eventSource":"","objectItem":{"name":"site","typeName":"SITE"}}`,
		id, quote(summary), s.people[0].key, created)})
}
