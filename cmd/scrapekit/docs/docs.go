// Package docs has the manual: a Markdown file for each subject, embedded in the program.
package docs

import (
	"embed"
	"strings"
)

//go:embed *.md
var files embed.FS

// Subjects are the names of all pages, in reading order for newcomers.
var Subjects = []string{
	"pipeline", "sources", "transforms", "sinks", "databases", "http", "credentials", "sandbox", "operating",
	"guarantees", "performance", "limits", "jira", "writing", "publishing", "installing", "words",
}

// Page returns the page of a subject; false: there is none.
func Page(subject string) (text string, ok bool) {
	raw, err := files.ReadFile(subject + ".md")
	return string(raw), err == nil
}

// Title returns the heading of a subject's page.
func Title(subject string) string {
	text, _ := Page(subject)
	first, _, _ := strings.Cut(text, "\n")
	return strings.TrimPrefix(first, "# ")
}
