// The children of an issue: one function a stream, one record an element.

package record

import (
	"strconv"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// Comment is a comment that was looked at once, for the records of both streams that hold it.
type Comment struct {
	ID       string
	raw      []byte
	members  rest.Members
	markdown string
}

// CommentOf looks at a comment. raw must not change any more.
func CommentOf(raw []byte) Comment {
	c := Comment{raw: raw, members: rest.Open(raw)}
	c.ID, c.markdown = c.members.Text("id"), markdown(c.members.Raw("body"))
	return c
}

// Comment makes the record of the nth comment.
func (m *Maker) Comment(h Head, c Comment, nth int) []byte {
	l := m.child(h, c.ID)
	l.int("position", nth)
	c.write(l)
	l.text("url", h.Site.Browse+"/browse/"+h.Key+"?focusedCommentId="+c.ID)
	return m.end(h, c.raw)
}

// write writes what both the comment's record and the hold.
func (c Comment) write(l *line) {
	l.person("author", c.members.Raw("author"))
	l.time("created", c.members.Time("created"))
	l.time("updated", c.members.Time("updated"))
	l.person("update_author", c.members.Raw("updateAuthor"))
	l.raw("visibility", c.members.Raw("visibility"))
	l.raw("body", c.members.Raw("body"))
	l.text("body_markdown", c.markdown)
}

// History makes the records of a history, one an item; each is called with them in their order.
func (m *Maker) History(h Head, raw []byte, each func(record []byte) error) error {
	history := rest.Open(raw)
	for n, item := range rest.Elements(history.Raw("items")) {
		i := rest.Open(item)
		l := &m.line
		*l = append((*l)[:0], '{')
		l.text("issue_id", h.ID)
		l.text("history_id", history.Text("id"))
		l.int("position", n)
		l.text("issue_key", h.Key)
		l.text("project", h.Project)
		l.person("author", history.Raw("author"))
		l.time("created", history.Time("created"))
		l.text("field", i.Text("field"))
		l.maybe("field_id", i.Text("fieldId"))
		l.maybe("field_type", i.Text("fieldtype"))
		l.maybe("from", i.Text("from"))
		l.raw("from_text", i.Raw("fromString"))
		l.maybe("to", i.Text("to"))
		l.raw("to_text", i.Raw("toString"))
		if err := each(m.end(h, item)); err != nil {
			return err
		}
	}
	return nil
}

// Kept says where the host keeps the bytes of an attachment, or why it does not.
type Kept struct {
	File    *reply.File
	Problem string
}

// Attachment makes the record of an attachment. files are those whose bytes were asked for, by
// their ids.
func (m *Maker) Attachment(h Head, raw []byte, files map[string]Kept) []byte {
	a := rest.Open(raw)
	l := m.child(h, a.Text("id"))
	writeAttachment(l, a)
	l.maybe("thumbnail", a.Text("thumbnail"))
	if kept, asked := files[a.Text("id")]; asked {
		l.kept(kept)
	}
	return m.end(h, raw)
}

func (l *line) kept(k Kept) {
	l.maybe("file_problem", k.Problem)
	if k.File == nil {
		l.raw("file", nil)
		return
	}
	l.name("file")
	l.object(func() {
		l.text("path", k.File.Path)
		l.text("sha256", k.File.SHA256)
		l.int("size", int(k.File.Size))
	})
}

func writeAttachment(l *line, a rest.Members) {
	l.text("filename", a.Text("filename"))
	l.number("size", a, "size")
	l.maybe("mime_type", a.Text("mimeType"))
	l.person("author", a.Raw("author"))
	l.time("created", a.Time("created"))
	l.maybe("content", a.Text("content"))
}

// Worklog makes the record of a worklog.
func (m *Maker) Worklog(h Head, raw []byte) []byte {
	w := rest.Open(raw)
	l := m.child(h, w.Text("id"))
	writeWorklog(l, w)
	return m.end(h, raw)
}

func writeWorklog(l *line, w rest.Members) {
	l.person("author", w.Raw("author"))
	l.time("created", w.Time("created"))
	l.time("updated", w.Time("updated"))
	l.person("update_author", w.Raw("updateAuthor"))
	l.time("started", w.Time("started"))
	l.number("seconds", w, "timeSpentSeconds")
	l.raw("visibility", w.Raw("visibility"))
	l.raw("comment", w.Raw("comment"))
	l.text("comment_markdown", markdown(w.Raw("comment")))
}

// FeedWorklog makes the record of a worklog that came without its issue.
func (m *Maker) FeedWorklog(site rest.Site, raw []byte) []byte {
	w := rest.Open(raw)
	l := &m.line
	*l = append((*l)[:0], '{')
	l.text("id", w.Text("id"))
	l.maybe("issue_id", w.Text("issueId"))
	writeWorklog(l, w)
	return m.end(Head{Site: site}, raw)
}

// RemoteLink makes the record of a link to something outside of Jira.
func (m *Maker) RemoteLink(h Head, raw []byte) []byte {
	r := rest.Open(raw)
	object, application := r.In("object"), r.In("application")
	l := m.child(h, r.Text("id"))
	l.maybe("global_id", r.Text("globalId"))
	l.maybe("relationship", r.Text("relationship"))
	l.maybe("url", object.Text("url"))
	l.maybe("title", object.Text("title"))
	l.maybe("summary", object.Text("summary"))
	l.raw("resolved", object.In("status").Raw("resolved"))
	l.maybe("application", application.Text("name"))
	l.maybe("application_type", application.Text("type"))
	return m.end(h, raw)
}

// Person makes the record of a vote or of a watcher: who it is.
func (m *Maker) Person(h Head, raw []byte) []byte {
	u := rest.Open(raw)
	l := &m.line
	*l = append((*l)[:0], '{')
	l.text("issue_id", h.ID)
	l.text("user_id", UserID(u))
	l.text("issue_key", h.Key)
	l.text("project", h.Project)
	l.maybe("user", u.Text("displayName"))
	return m.end(h, raw)
}

// Property makes the record of a property of an issue.
func (m *Maker) Property(h Head, key string, value []byte) []byte {
	l := &m.line
	*l = append((*l)[:0], '{')
	l.text("issue_id", h.ID)
	l.text("key", key)
	l.text("issue_key", h.Key)
	l.text("project", h.Project)
	l.raw("value", value)
	l.text("flavour", h.Site.Flavour)
	*l = append(*l, '}')
	return *l
}

// User makes the record of a user.
func (m *Maker) User(site rest.Site, raw []byte) []byte {
	u := rest.Open(raw)
	l := &m.line
	*l = append((*l)[:0], '{')
	l.text("id", UserID(u))
	l.maybe("name", u.Text("name"))
	l.maybe("display_name", u.Text("displayName"))
	l.maybe("email", u.Text("emailAddress"))
	active, err := strconv.ParseBool(string(u.Raw("active")))
	if err != nil {
		l.raw("active", nil)
	} else {
		l.bool("active", active)
	}
	l.maybe("time_zone", u.Text("timeZone"))
	l.maybe("account_type", u.Text("accountType"))
	l.text("flavour", site.Flavour)
	*l = append(*l, '}')
	return *l
}
