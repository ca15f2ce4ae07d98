// The streams that come out of issues: their rows of the catalogue.

package jira

import "github.com/scrapekit/scrapekit/sdk"

// The streams of issues.
const (
	issuesStream   = "issues"
	commentsStream = "comments"
)

func issueStreams() []entry {
	return []entry{
		{
			Stream: sdk.Stream{
				Name:       issuesStream,
				Doc:        "Issues as Jira sends them, each with its whole comment thread and its history.",
				Schema:     schemaOf(issuesStream),
				PrimaryKey: []string{"id"},
				Cursor:     "updated",
			},
			from: "/search, /search/jql",
			cost: "1 per page_size issues to read",
		},
		{
			Stream: sdk.Stream{
				Name:       commentsStream,
				Doc:        "The comments of the same issues, one a record; all of an issue come again when it was updated.",
				Schema:     schemaOf(commentsStream),
				PrimaryKey: []string{"id"},
				Cursor:     "updated",
			},
			from: "/search, /search/jql, /issue/{id}/comment",
			cost: "those of issues; 1 per 100 of an issue whose comments came cut",
		},
	}
}
