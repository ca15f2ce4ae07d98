// Reading: what is taken from a record of the stream issues. No other file knows Jira's JSON.

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
)

// issue is what the tasks work on.
type issue struct {
	id, key, project, flavour, url     string
	title                              string
	description                        markup.Node
	kind, status, priority, resolution string
	labels, components                 []string
	fixVersions, versions              []string
	reporter, creator, assignee        person
	created, updated, resolved         time.Time
	comments                           []comment
	changes                            []change // oldest first
	historyKnown                       bool     // the history is whole, as far as the source says
	duplicates                         []ref    // issues that a Duplicate link names
	attachments                        int
}

// person is an account as far as a record shows it. The zero value is nobody.
type person struct{ account, key, name, display string }

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
	field    string // in small letters; empty for a custom field, whose name may be that of any other
	from, to string
}

// The record and the raw issue in it, as far as they are read.
type (
	rawRecord struct {
		ID      string   `json:"id"`
		Key     string   `json:"key"`
		Project string   `json:"project"`
		Flavour string   `json:"flavour"`
		URL     string   `json:"url"`
		History *bool    `json:"changelog_complete"` // nil: the source does not say
		Raw     rawIssue `json:"raw"`
	}
	rawIssue struct {
		ID        string    `json:"id"`
		Key       string    `json:"key"`
		Fields    rawFields `json:"fields"`
		Changelog struct {
			Histories []rawHistory `json:"histories"`
		} `json:"changelog"`
	}
	rawFields struct {
		Summary        string         `json:"summary"`
		Description    jsontext.Value `json:"description"`
		IssueType      rawName        `json:"issuetype"`
		Status         rawName        `json:"status"`
		Priority       rawName        `json:"priority"`
		Resolution     rawName        `json:"resolution"`
		ResolutionDate string         `json:"resolutiondate"`
		Created        string         `json:"created"`
		Updated        string         `json:"updated"`
		Labels         []string       `json:"labels"`
		Components     []rawName      `json:"components"`
		FixVersions    []rawName      `json:"fixVersions"`
		Versions       []rawName      `json:"versions"`
		Reporter       rawUser        `json:"reporter"`
		Creator        rawUser        `json:"creator"`
		Assignee       rawUser        `json:"assignee"`
		Comment        struct {
			Comments []rawComment `json:"comments"`
		} `json:"comment"`
		IssueLinks  []rawLink  `json:"issuelinks"`
		Attachments []struct{} `json:"attachment"` // they are counted alone
	}
	rawName struct {
		Name string `json:"name"`
	}
	rawRef struct {
		ID  string `json:"id"`
		Key string `json:"key"`
	}
	rawUser struct {
		AccountID   string `json:"accountId"`
		Name        string `json:"name"`
		Key         string `json:"key"`
		DisplayName string `json:"displayName"`
	}
	rawComment struct {
		Author  rawUser        `json:"author"`
		Created string         `json:"created"`
		Body    jsontext.Value `json:"body"`
	}
	rawLink struct {
		Type         rawName `json:"type"`
		InwardIssue  rawRef  `json:"inwardIssue"`
		OutwardIssue rawRef  `json:"outwardIssue"`
	}
	rawHistory struct {
		Author  rawUser   `json:"author"`
		Created string    `json:"created"`
		Items   []rawItem `json:"items"`
	}
	rawItem struct {
		Field      string `json:"field"`
		FieldType  string `json:"fieldtype"`
		FieldID    string `json:"fieldId"` // Cloud alone
		FromString string `json:"fromString"`
		To         string `json:"toString"`
	}
)

// readIssue reads one record. The error says first what class of fault it is: invalid JSON, or an invalid issue.
func readIssue(line []byte) (*issue, error) {
	var r rawRecord
	if err := json.Unmarshal(line, &r); err != nil {
		var semantic *json.SemanticError
		if errors.As(err, &semantic) {
			return nil, fmt.Errorf("invalid issue: %w", err)
		}
		return nil, fmt.Errorf("invalid JSON: %w", err)
	}
	f := &r.Raw.Fields
	is := &issue{
		id: cmpOr(r.ID, r.Raw.ID), key: cmpOr(r.Key, r.Raw.Key), project: r.Project, flavour: r.Flavour, url: r.URL,
		title: strings.Join(strings.Fields(clean(f.Summary)), " "),
		kind:  clean(f.IssueType.Name), status: clean(f.Status.Name), priority: clean(f.Priority.Name), resolution: clean(f.Resolution.Name),
		labels: cleanAll(f.Labels), components: names(f.Components), fixVersions: names(f.FixVersions), versions: names(f.Versions),
		reporter: f.Reporter.person(), creator: f.Creator.person(), assignee: f.Assignee.person(),
		created: instant(f.Created), updated: instant(f.Updated), resolved: instant(f.ResolutionDate),
		historyKnown: r.History == nil || *r.History, attachments: len(f.Attachments),
	}
	if is.key == "" {
		return nil, errors.New("invalid issue: it has no key")
	}
	if is.project == "" {
		is.project, _, _ = strings.Cut(is.key, "-")
	}
	if err := is.readTexts(f); err != nil {
		return nil, err
	}
	is.readHistory(r.Raw.Changelog.Histories)
	is.readLinks(f.IssueLinks)
	return is, nil
}

// readLinks keeps the links that say: the same report once more.
func (is *issue) readLinks(links []rawLink) {
	for _, l := range links {
		if !strings.Contains(strings.ToLower(l.Type.Name), "duplicate") && !strings.EqualFold(l.Type.Name, "Cloners") {
			continue
		}
		for _, to := range [...]rawRef{l.InwardIssue, l.OutwardIssue} {
			if to != (rawRef{}) {
				is.duplicates = append(is.duplicates, ref{id: to.ID, key: to.Key})
			}
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (is *issue) readTexts(f *rawFields) (err error) {
	if is.description, err = body(f.Description); err != nil {
		return fmt.Errorf("invalid issue: description: %w", err)
	}
	for _, c := range f.Comment.Comments {
		text, err := body(c.Body)
		if err != nil {
			return fmt.Errorf("invalid issue: comment: %w", err)
		}
		is.comments = append(is.comments, comment{author: c.Author.person(), created: instant(c.Created), body: text})
	}
	slices.SortStableFunc(is.comments, func(a, b comment) int { return a.created.Compare(b.created) })
	return nil
}

// body reads a text: wiki markup is a string, ADF an object. Nothing at all is an empty document.
func body(v jsontext.Value) (markup.Node, error) {
	switch v.Kind() {
	case 0, 'n':
		return markup.Node{}, nil
	case '"':
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return markup.Node{}, err
		}
		return markup.ParseWiki(clean(s)), nil
	case '{':
		doc, err := markup.ParseADF(v)
		cleanNode(&doc)
		return doc, err
	}
	return markup.Node{}, fmt.Errorf("it is neither text nor a document but %.20s", v)
}

// cleanNode cleans every text of a document.
func cleanNode(n *markup.Node) {
	n.Text, n.Attr = clean(n.Text), clean(n.Attr)
	for i := range n.Content {
		cleanNode(&n.Content[i])
	}
}

// readHistory reads the changes; Data Center gives them oldest first, Cloud newest first.
func (is *issue) readHistory(histories []rawHistory) {
	for _, h := range histories {
		at, by := instant(h.Created), h.Author.person()
		for _, it := range h.Items {
			is.changes = append(is.changes, change{at: at, by: by, field: it.field(), from: it.FromString, to: it.To})
		}
	}
	slices.SortStableFunc(is.changes, func(a, b change) int { return a.at.Compare(b.at) })
}

// field names what changed. A site may call a field of its own Priority, and one more Description.
func (it rawItem) field() string {
	if it.FieldType == "custom" || strings.HasPrefix(it.FieldID, "customfield_") {
		return ""
	}
	return strings.ToLower(it.Field)
}

func (u rawUser) person() person {
	return person{account: u.AccountID, key: u.Key, name: clean(u.Name), display: strings.TrimSpace(clean(u.DisplayName))}
}

func names(list []rawName) []string {
	out := make([]string, 0, len(list))
	for _, n := range list {
		if s := clean(n.Name); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func cleanAll(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, clean(s))
	}
	return out
}

// instant reads a time as Jira writes it. What is no time is the zero time: a record is not lost over a date.
func instant(s string) time.Time {
	for _, layout := range [...]string{"2006-01-02T15:04:05.999-0700", time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
