// The record of an issue: normalised, and as Jira sent it.

package record

import (
	"bytes"
	"slices"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk/normal"
)

// Issue is an issue with what is known of its lists.
type Issue struct {
	Head
	Fetched          int64 // the server's time of the reply that it came in
	Created, Updated int64
	JSON             []byte // all of it
	Fields           []byte // its fields
	Histories        []byte // the array of its histories
	Comments         []Comment
	// What is known of its lists.
	CommentList, HistoryList, WorklogList List
}

// List is how much of a list is there.
type List struct {
	Here  int
	Of    int // as Jira says; -1: it does not
	Whole bool
}

// Issue makes the record of an issue. plain leaves out what is not in "raw" word for word: the
// normalised members.
func (m *Maker) Issue(i *Issue, plain bool) []byte {
	l := &m.line
	*l = append((*l)[:0], '{')
	l.text("id", i.ID)
	l.text("key", i.Key)
	l.text("project", i.Project)
	l.time("created", i.Created)
	l.time("updated", i.Updated)
	l.text("flavour", i.Site.Flavour)
	l.text("url", i.Site.Browse+"/browse/"+i.Key)
	l.int("comment_count", i.CommentList.Here)
	l.bool("comments_complete", i.CommentList.Whole)
	l.bool("changelog_complete", i.HistoryList.Whole)
	if !plain {
		m.normalised(l, i)
	}
	if m.Raw {
		l.raw("raw", i.JSON)
	}
	*l = append(*l, '}')
	return *l
}

func (m *Maker) normalised(l *line, i *Issue) {
	f := rest.Open(i.Fields)
	l.text("source", "jira")
	l.text("text_format", normal.Wiki) // of strings; a document is an object
	l.text("api", i.Site.API())
	l.time("fetched_at", i.Fetched)
	l.texts("old_keys", oldKeys(i.Histories, i.Key))
	l.maybe("summary", f.Text("summary"))
	l.maybe("type", f.In("issuetype").Text("name"))
	l.maybe("status", f.In("status").Text("name"))
	l.maybe("status_category", f.In("status").In("statusCategory").Text("key"))
	l.maybe("priority", f.In("priority").Text("name"))
	l.maybe("resolution", f.In("resolution").Text("name"))
	l.time("resolved", f.Time("resolutiondate"))
	l.maybe("due", f.Text("duedate"))
	l.maybe("security", f.In("security").Text("name"))
	for _, who := range [...]string{"reporter", "assignee", "creator"} {
		l.person(who, f.Raw(who))
	}
	l.texts("labels", textsOf(f.Raw("labels")))
	l.texts("components", namesOf(f.Raw("components")))
	l.texts("fix_versions", namesOf(f.Raw("fixVersions")))
	l.texts("affected_versions", namesOf(f.Raw("versions")))
	l.number("votes", f.In("votes"), "votes")
	l.number("watchers", f.In("watches"), "watchCount")
	l.number("original_estimate_seconds", f, "timeoriginalestimate")
	l.number("remaining_estimate_seconds", f, "timeestimate")
	l.number("spent_seconds", f, "timespent")
	for _, name := range [...]string{"description", "environment"} {
		l.raw(name, f.Raw(name))
		l.text(name+"_markdown", markdown(f.Raw(name)))
	}
	epic := m.customFields(l, f)
	l.relations(f, epic)
	l.parts(i, f)
	histories := OldestFirst(rest.Elements(i.Histories))
	l.changes(histories)
	l.people(i, f, histories)
	l.completeness(i)
}

// relations writes the issues that this one belongs to, has below it, and is linked with.
func (l *line) relations(f rest.Members, epic string) {
	parent := f.In("parent")
	if level, ok := parent.In("fields").In("issuetype").Int("hierarchyLevel"); ok && level == 1 && epic == "" {
		epic = parent.Text("key")
	}
	l.name("parent")
	if parent == nil {
		*l = append(*l, "null"...)
	} else {
		l.object(func() { l.named(parent) })
	}
	l.maybe("epic", epic)
	subtasks := rest.Elements(f.Raw("subtasks"))
	l.list("subtasks", len(subtasks), func(n int) {
		l.object(func() { l.named(rest.Open(subtasks[n])) })
	})
	links := slices.DeleteFunc(linksOf(f), func(k link) bool { return k.kind != "link" })
	l.list("links", len(links), func(n int) {
		l.object(func() {
			l.text("id", links[n].id)
			links[n].write(l)
		})
	})
}

// named writes id and key of another issue.
func (l *line) named(other rest.Members) {
	l.maybe("id", other.Text("id"))
	l.maybe("key", other.Text("key"))
}

// parts writes attachments and comments.
func (l *line) parts(i *Issue, f rest.Members) {
	attachments := rest.Elements(f.Raw("attachment"))
	l.list("attachments", len(attachments), func(n int) {
		a := rest.Open(attachments[n])
		l.object(func() {
			l.text("id", a.Text("id"))
			writeAttachment(l, a)
		})
	})
	l.list("comments", len(i.Comments), func(n int) {
		l.object(func() {
			l.text("id", i.Comments[n].ID)
			i.Comments[n].write(l)
		})
	})
}

// completeness writes of each list how many entries are here, of how many, and whether that is all
// of it.
func (l *line) completeness(i *Issue) {
	l.name("completeness")
	l.object(func() {
		l.whole("comments", i.CommentList)
		l.whole("changelog", i.HistoryList)
		l.whole("worklogs", i.WorklogList)
	})
}

func (l *line) whole(name string, list List) {
	l.name(name)
	l.object(func() {
		l.int("here", list.Here)
		switch {
		case list.Whole:
			l.int("of", list.Here)
		case list.Of >= 0:
			l.int("of", max(list.Of, list.Here))
		default:
			l.raw("of", nil)
		}
		l.bool("complete", list.Whole)
	})
}

// oldKeys returns the keys that an issue had before, oldest first.
func oldKeys(histories []byte, now string) []string {
	if !bytes.Contains(histories, []byte(`"Key"`)) {
		return nil // most issues never move
	}
	type move struct {
		at  int64
		key string
	}
	var moves []move
	for _, h := range rest.Elements(histories) {
		history := rest.Open(h)
		for _, e := range rest.Elements(history.Raw("items")) {
			if item := rest.Open(e); item.Text("field") == "Key" && item.Text("fromString") != "" {
				moves = append(moves, move{history.Time("created"), item.Text("fromString")})
			}
		}
	}
	slices.SortStableFunc(moves, func(a, b move) int { return int(min(max(a.at-b.at, -1), 1)) })
	var keys []string
	for _, m := range moves {
		if m.key != now && !slices.Contains(keys, m.key) {
			keys = append(keys, m.key)
		}
	}
	return keys
}

func textsOf(raw []byte) []string {
	var all []string
	for _, e := range rest.Elements(raw) {
		all = append(all, rest.TextOf(e))
	}
	return all
}

func namesOf(raw []byte) []string {
	var all []string
	for _, e := range rest.Elements(raw) {
		all = append(all, rest.Open(e).Text("name"))
	}
	return all
}
