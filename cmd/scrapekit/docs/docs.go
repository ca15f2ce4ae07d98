// Package docs is the manual: one page a subject, as Markdown files, part of the program.
package docs

import (
	"embed"
	"strings"
)

//go:embed *.md
var files embed.FS

// Subjects are the names of all pages, in the order in which a newcomer reads them.
var Subjects = []string{
	"pipeline", "sources", "transforms", "sinks", "http", "credentials", "sandbox", "operating",
	"guarantees", "performance", "limits", "jira", "writing", "publishing", "installing", "words",
}

// Page returns the text of a subject's page. False: there is no such page.
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
