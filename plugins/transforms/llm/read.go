// Reading: the used parts of a normalised record. Only this file depends on its format.

package llm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
	"github.com/scrapekit/scrapekit/sdk/normal"
)

// issue is what the tasks work on.
type issue struct {
	id, key, project                   string
	source, flavour, url               string
	title                              string
	parse                              parser
	alone                              bool // a document, which has no thread and gives no tasks
	description                        markup.Node
	kind, status, priority, resolution string
	labels, components                 []string
	fixVersions, versions              []string
	reporter, creator, assignee        person
	created, updated, resolved         time.Time
	comments                           []comment
	changes                            []change // oldest first
	historyKnown                       bool     // the history is complete, as far as the source says
	duplicates                         []ref    // issues in Duplicate links
	attachments                        int
}

// person is an account as in a record. The zero value is nobody.
type person struct{ id, login, display string }

// comment is one comment of the thread.
type comment struct {
	author  person
	created time.Time
	body    markup.Node
}

// change is one item of the history.
type change struct {
	at       time.Time
	by       person
	field    string // in lower case; empty for a custom field, whose name may equal another's
	from, to string
}

// readIssue reads one record. The error begins with its class: invalid JSON, or an invalid issue.
func readIssue(line []byte) (*issue, error) {
	var r struct {
		normal.Issue
		Raw jsontext.Value `json:"raw"` // the source was set to omit the normalised members
	}
	if err := decode(line, "issue", &r); err != nil {
		return nil, err
	}
	who := accounts(r.People)
	is := &issue{
		id: r.ID, key: r.Key, project: r.Project, source: r.Source, flavour: r.Flavour, url: r.URL,
		title: oneLine(r.Summary), parse: parsers[r.TextFormat],
		kind: clean(r.Type), status: clean(r.Status), priority: clean(r.Priority), resolution: clean(r.Resolution),
		labels: cleanAll(r.Labels), components: names(r.Components), fixVersions: names(r.FixVersions),
		versions: names(r.AffectedVersions),
		reporter: who.person(r.ReporterID, r.Reporter), creator: who.person(r.CreatorID, r.Creator),
		assignee: who.person(r.AssigneeID, r.Assignee),
		created:  instant(r.Created), updated: instant(r.Updated), resolved: instant(r.Resolved),
		historyKnown: r.ChangelogComplete == nil || *r.ChangelogComplete, attachments: len(r.Attachments),
	}
	switch {
	case is.key == "":
		return nil, errors.New("invalid issue: it has no key")
	case is.parse == nil:
		return nil, fmt.Errorf("invalid issue: text_format %.20q: want markdown, wiki or plain", r.TextFormat)
	case r.Raw != nil && r.Source == "" && is.title == "":
		return nil, errors.New("invalid issue: it holds what the source's system sent, but no normalised members: " +
			"let the source write those, " +
			`such as with content = "normalised"`)
	}
	if is.project == "" {
		is.project, _, _ = strings.Cut(is.key, "-")
	}
	if err := is.readTexts(&r.Issue, who); err != nil {
		return nil, err
	}
	is.readHistory(r.Changes, who)
	is.readLinks(r.Links)
	return is, nil
}

// readDocument reads a record of a document stream, as an issue with only a title and a
// description.
func readDocument(line []byte) (*issue, error) {
	var r normal.Document
	if err := decode(line, "document", &r); err != nil {
		return nil, err
	}
	switch {
	case r.ID == "":
		return nil, errors.New("invalid document: it has no id")
	case parsers[r.TextFormat] == nil:
		return nil, fmt.Errorf("invalid document: text_format %.20q: want markdown, wiki or plain", r.TextFormat)
	}
	is := &issue{
		alone: true, parse: parsers[r.TextFormat],
		id: r.ID, key: r.ID, source: r.Source, url: r.URL, title: oneLine(r.Title), labels: cleanAll(r.Labels),
		components: []string{}, fixVersions: []string{}, versions: []string{},
		reporter: accounts(nil).person(r.AuthorID, r.Author), created: instant(r.Created), updated: instant(r.Updated),
	}
	var err error
	if is.description, err = is.body(r.Text); err != nil {
		return nil, fmt.Errorf("invalid document: text: %w", err)
	}
	return is, nil
}

func decode(line []byte, what string, into any) error {
	err := json.Unmarshal(line, into)
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &semantic):
		return fmt.Errorf("invalid %s: %w", what, err)
	case err != nil:
		return fmt.Errorf("invalid JSON: %w", err)
	}
	return nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// readLinks keeps the links to duplicates.
func (is *issue) readLinks(links []normal.Link) {
	for _, l := range links {
		if strings.Contains(strings.ToLower(l.Type), "duplicate") || strings.EqualFold(l.Type, "Cloners") {
			is.duplicates = append(is.duplicates, ref{id: l.OtherID, key: l.OtherKey})
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (is *issue) readTexts(r *normal.Issue, who logins) (err error) {
	if is.description, err = is.body(r.Description); err != nil {
		return fmt.Errorf("invalid issue: description: %w", err)
	}
	for _, c := range r.Comments {
		text, err := is.body(c.Body)
		if err != nil {
			return fmt.Errorf("invalid issue: comment: %w", err)
		}
		is.comments = append(is.comments,
			comment{author: who.person(c.AuthorID, c.Author), created: instant(c.Created), body: text})
	}
	slices.SortStableFunc(is.comments, func(a, b comment) int { return a.created.Compare(b.created) })
	return nil
}

// body parses a text: a string in its format, or an Atlassian document. A missing text is an empty
// document.
func (is *issue) body(raw normal.Text) (markup.Node, error) {
	v := jsontext.Value(raw)
	switch v.Kind() {
	case 0, 'n':
		return markup.Node{}, nil
	case '"':
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return markup.Node{}, err
		}
		return is.parse(clean(s)), nil
	case '{':
		doc, err := markup.ParseADF(v)
		cleanNode(&doc)
		return doc, err
	}
	return markup.Node{}, fmt.Errorf("it is neither text nor a document but %.20s", v)
}

// parser returns the parser for a text in a string.
type parser = func(string) markup.Node

var parsers = map[string]parser{
	"": markup.ParseMarkdown, normal.Markdown: markup.ParseMarkdown, normal.Wiki: markup.ParseWiki,
	normal.Plain: markup.ParsePlain,
}

// cleanNode cleans every text of a document.
func cleanNode(n *markup.Node) {
	n.Text, n.Attr = clean(n.Text), clean(n.Attr)
	for i := range n.Content {
		cleanNode(&n.Content[i])
	}
}

// readHistory reads the changes.
func (is *issue) readHistory(changes []normal.Change, who logins) {
	for _, c := range changes {
		field := c.Field
		if c.Custom {
			field = ""
		}
		is.changes = append(is.changes, change{at: instant(c.Created), by: who.person(c.AuthorID, c.Author),
			field: field, from: c.From, to: c.To})
	}
	slices.SortStableFunc(is.changes, func(a, b change) int { return a.at.Compare(b.at) })
}

// logins returns the login names in a record by id.
type logins map[string]string

func accounts(people []normal.Person) logins {
	l := make(logins, len(people))
	for _, p := range people {
		l[p.ID] = clean(p.Login)
	}
	return l
}

func (l logins) person(id, shown string) person {
	return person{id: id, login: l[id], display: strings.TrimSpace(clean(shown))}
}

func names(list []string) []string {
	return slices.DeleteFunc(cleanAll(list), func(s string) bool { return s == "" })
}

func cleanAll(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, clean(s))
	}
	return out
}

// instant parses a time. An invalid time is the zero time, because a record must not be lost over a
// date.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
