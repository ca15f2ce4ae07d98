// The streams and their schemas.

package jira

import (
	"context"
	_ "embed"

	"github.com/scrapekit/scrapekit/sdk"
)

//go:embed schema/issues.json
var issuesSchema []byte

//go:embed schema/comments.json
var commentsSchema []byte

func streams() []sdk.Stream {
	return []sdk.Stream{
		{
			Name:       issuesStream,
			Doc:        "Issues as Jira sends them, each with its whole comment thread and its history.",
			Schema:     issuesSchema,
			PrimaryKey: []string{"id"},
			Cursor:     "updated",
		},
		{
			Name:       commentsStream,
			Doc:        "The comments of the same issues, one a record; all of an issue come again when it was updated.",
			Schema:     commentsSchema,
			PrimaryKey: []string{"id"},
			Cursor:     "updated",
		},
	}
}

// Streams implements [sdk.Source].
func (s *Source) Streams(context.Context) ([]sdk.Stream, error) { return streams(), nil }
