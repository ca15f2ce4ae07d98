// The streams that are made of issues: their rows of the catalogue.

package jira

import (
	"slices"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// The streams of issues.
const (
	issuesStream      = "issues"
	commentsStream    = "comments"
	changelogStream   = "changelog"
	worklogsStream    = "worklogs"
	attachmentsStream = "attachments"
	linksStream       = "issue_links"
	remoteLinksStream = "remote_links"
	votesStream       = "votes"
	watchersStream    = "watchers"
	propertiesStream  = "issue_properties"
	usersStream       = "users_seen"
	feedStream        = "worklog_feed"
)

func issueStreams() []entry {
	return []entry{
		walkEntry(issuesStream, "Issues, normalised and as Jira sends them, each with its whole comment thread and "+
			"its history.",
			[]string{"id"}, "/search, /search/jql, /field", "1 per page_size issues to read",
			needs{all: true, history: true}),
		walkEntry(commentsStream, "The comments of the same issues, one a record; all of an issue come again when "+
			"it was updated.",
			[]string{"issue_id", "id"}, "/search, /search/jql, /issue/{id}/comment",
			"those of issues; 1 per 100 of an issue whose comments came cut",
			needs{fields: []string{"comment"}, loses: true}),
		walkEntry(changelogStream, "What was changed in issues, one record a field: who, when, from what to what.",
			[]string{"issue_id", "history_id", "position"},
			"/search, /search/jql, /changelog/bulkfetch, /issue/{id}/changelog",
			"those of issues; Cloud: 1 per 1000 entries of issues that have more than 100", needs{history: true}),
		walkEntry(attachmentsStream, "What is attached to issues: name, size, type, author and address of each file.",
			[]string{"issue_id", "id"}, "/search, /search/jql", "those of issues",
			needs{fields: []string{"attachment"}, loses: true}),
		walkEntry(worklogsStream, "The work that was logged on issues.",
			[]string{"issue_id", "id"}, "/search, /search/jql, /issue/{id}/worklog",
			"those of issues; 1 per issue that has 20 worklogs or more",
			needs{fields: []string{"worklog"}, loses: true}),
		walkEntry(linksStream, "Links between issues, and those to sub-tasks and parents. A link has a record for "+
			"each of its two issues. An incremental run sees a link when the issue was updated; that a linked issue "+
			"was renamed or closed it does not.",
			[]string{"issue_id", "id"}, "/search, /search/jql", "those of issues",
			needs{fields: []string{"issuelinks", "subtasks", "parent"}, loses: true}),
		walkEntry(remoteLinksStream, "Links from issues to pages outside of Jira. They do not touch updated: an "+
			"incremental run sees those of issues that were updated otherwise.",
			[]string{"issue_id", "id"}, "/issue/{id}/remotelink", "1 per issue to read", needs{loses: true}),
		walkEntry(votesStream, "Who votes for an issue. Votes do not touch updated: an incremental run sees those "+
			"of issues that were updated otherwise.",
			[]string{"issue_id", "user_id"}, "/issue/{id}/votes", "1 per issue to read that has votes",
			needs{fields: []string{"votes"}, loses: true}),
		walkEntry(watchersStream, "Who watches an issue. Watching does not touch updated: an incremental run sees "+
			"the watchers of issues that were updated otherwise.",
			[]string{"issue_id", "user_id"}, "/issue/{id}/watchers", "1 per issue to read that is watched",
			needs{fields: []string{"watches"}, loses: true}),
		walkEntry(propertiesStream, "What apps keep with issues, as JSON. Properties do not touch updated: an "+
			"incremental run sees those of issues that were updated otherwise.",
			[]string{"issue_id", "key"}, "/issue/{id}/properties", "1 per issue to read, and 1 per property",
			needs{loses: true}),
		walkEntry(usersStream, "The users that issues, their comments, worklogs, attachments and changelogs name, "+
			"each once in a run.",
			[]string{"id"}, "what the other streams of issues ask for", "those of issues",
			needs{fields: []string{"comment", "worklog", "attachment"}, all: true, history: true}),
		{
			Stream: sdk.Stream{
				Name: feedStream, Doc: "All worklogs of the site, by its feeds of what was logged, changed and " +
					"deleted, whatever projects and jql say. Jira gives them to accounts only.",
				Schema: schemaOf(feedStream), PrimaryKey: []string{"id"}, Cursor: "updated", Optional: true,
			},
			kind: feedKind,
			from: "/worklog/updated, /worklog/deleted, /worklog/list",
			cost: "2, and 2 per 1000 worklogs that changed",
		},
	}
}

// walkEntry makes the row of a stream of the walks. Only issues and comments are selected by
// default.
func walkEntry(name, doc string, key []string, from, cost string, n needs) entry {
	cursor := "updated"
	if slices.Contains([]string{changelogStream, attachmentsStream}, name) {
		cursor = "created"
	}
	optional := name != issuesStream && name != commentsStream
	s := sdk.Stream{Name: name, Doc: doc, Schema: schemaOf(name), PrimaryKey: key, Cursor: cursor, Optional: optional}
	return entry{Stream: s, kind: walkKind, from: from, cost: cost, needs: n}
}

// needsOf returns what all these streams together need. setting are the fields of the settings.
func needsOf(streams, setting []string) needs {
	sum := needs{fields: []string{"created", "updated"}}
	for _, e := range catalogue() {
		if !slices.Contains(streams, e.Name) {
			continue
		}
		sum.history = sum.history || e.needs.history
		sum.fields = append(sum.fields, e.needs.fields...)
		if e.needs.all {
			sum.fields = append(append(sum.fields, "comment"), setting...)
		}
	}
	slices.Sort(sum.fields)
	sum.fields = slices.Compact(sum.fields)
	if slices.Contains(sum.fields, "*all") {
		sum.fields = slices.DeleteFunc(sum.fields, func(f string) bool { return f != "*all" && f[0] != '-' })
	}
	return sum
}

// losing returns those of the streams whose members an issue may lose.
func losing(streams []string) []string {
	var all []string
	for _, e := range catalogue() {
		if e.needs.loses && slices.Contains(streams, e.Name) {
			all = append(all, e.Name)
		}
	}
	return all
}

// headAt returns the values that identify an issue in the records of its parts.
func (i *issue) headAt(at rest.Site) record.Head {
	return record.Head{ID: i.id, Key: i.key, Project: i.project(), Site: at}
}
