// Package normal holds the normalised records: forms that sources share, so that a transform reads
// a record of any source by one form. There are two: an [Issue] with its thread and its history,
// and a [Document].
//
// The forms are JSON Schemas, [IssueSchema] and [DocumentSchema], for sources in any language. The
// Go types say the same. A record may have more members than its form: a transform ignores what it
// does not know. The Jira source's stream issues has the form of an issue; a source of another
// system writes the form itself, or a transform after it renames members.
package normal

import (
	_ "embed"
	"encoding/json"
)

// The schemas, draft 2020-12.
var (
	//go:embed issue.json
	IssueSchema json.RawMessage
	//go:embed document.json
	DocumentSchema json.RawMessage
)

// An Issue is a report with its thread: of an issue tracker, a forum, a help desk. Only Key is
// required. Times are RFC 3339; an empty one is not known. Lists are oldest first.
type Issue struct {
	ID      string `json:"id,omitempty"` // stays when the issue moves; else the key identifies it
	Key     string `json:"key"`          // what people call it, such as KAFKA-1 or owner/repo#7
	Project string `json:"project,omitempty"`
	Source  string `json:"source,omitempty"`  // the kind of system, such as jira or github
	Flavour string `json:"flavour,omitempty"` // which product of that kind
	URL     string `json:"url,omitempty"`     // of the page for people

	Summary     string `json:"summary,omitempty"` // the title, in one line
	Description Text   `json:"description,omitempty"`
	TextFormat  string `json:"text_format,omitempty"` // of all texts that are strings; empty is Markdown

	Type             string   `json:"type,omitempty"`
	Status           string   `json:"status,omitempty"`
	Priority         string   `json:"priority,omitempty"`
	Resolution       string   `json:"resolution,omitempty"` // empty: it is open
	Labels           []string `json:"labels,omitempty"`
	Components       []string `json:"components,omitempty"`
	FixVersions      []string `json:"fix_versions,omitempty"`
	AffectedVersions []string `json:"affected_versions,omitempty"`

	Created  string `json:"created,omitempty"`
	Updated  string `json:"updated,omitempty"`
	Resolved string `json:"resolved,omitempty"`

	// A person is a name to show and an id that stays. Either may be empty.
	Reporter   string   `json:"reporter,omitempty"`
	ReporterID string   `json:"reporter_id,omitempty"`
	Creator    string   `json:"creator,omitempty"` // who entered it, if not the reporter
	CreatorID  string   `json:"creator_id,omitempty"`
	Assignee   string   `json:"assignee,omitempty"`
	AssigneeID string   `json:"assignee_id,omitempty"`
	People     []Person `json:"people,omitempty"`

	Comments    []Comment    `json:"comments,omitempty"`
	Changes     []Change     `json:"changes,omitempty"`
	Links       []Link       `json:"links,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`

	// ChangelogComplete is false if Changes lacks some; nil says no more than that the source does
	// not know of any.
	ChangelogComplete *bool `json:"changelog_complete,omitempty"`
}

// A Person is an account that has a login name, by which texts mention it, beside its id.
type Person struct {
	ID    string `json:"id"`
	Login string `json:"login"`
}

// A Comment is one post of the thread.
type Comment struct {
	ID       string `json:"id,omitempty"`
	Author   string `json:"author,omitempty"`
	AuthorID string `json:"author_id,omitempty"`
	Created  string `json:"created,omitempty"`
	Body     Text   `json:"body,omitempty"`
}

// A Change is a field that got another value.
type Change struct {
	Author   string `json:"author,omitempty"`
	AuthorID string `json:"author_id,omitempty"`
	Created  string `json:"created,omitempty"`
	Field    string `json:"field"`            // the name of a member of Issue, or another name in small letters
	Custom   bool   `json:"custom,omitempty"` // the field is the site's own, whatever its name
	From     string `json:"from,omitempty"`   // of a list: the entry that was taken out
	To       string `json:"to,omitempty"`     // of a list: the entry that was put in
}

// A Link leads to another issue.
type Link struct {
	Type     string `json:"type,omitempty"` // such as Duplicate or Blocks
	OtherID  string `json:"other_id,omitempty"`
	OtherKey string `json:"other_key,omitempty"`
}

// An Attachment is a file of the issue.
type Attachment struct {
	Filename string `json:"filename,omitempty"`
}

// A Document is a text that stands alone: a page, an article, a file. Only ID and Text are
// required.
type Document struct {
	ID         string   `json:"id"`
	URL        string   `json:"url,omitempty"`
	Source     string   `json:"source,omitempty"` // the kind of system, such as web
	Title      string   `json:"title,omitempty"`
	Text       Text     `json:"text"`
	TextFormat string   `json:"text_format,omitempty"` // of Text if it is a string; empty is Markdown
	Author     string   `json:"author,omitempty"`
	AuthorID   string   `json:"author_id,omitempty"`
	Created    string   `json:"created,omitempty"`
	Updated    string   `json:"updated,omitempty"`
	Labels     []string `json:"labels,omitempty"`
}

// A Text is the JSON of a text: a string in the record's TextFormat, an object that is an Atlassian
// document (ADF), or null.
type Text = json.RawMessage

// The formats of a text that is a string.
const (
	Markdown = "markdown" // GitHub's
	Wiki     = "wiki"     // Jira's wiki markup
	Plain    = "plain"    // nothing in it is markup
)

// String returns s as a Text. What is not valid UTF-8 is replaced.
func String(s string) Text {
	raw, _ := json.Marshal(s) // of a string it never fails
	return raw
}
