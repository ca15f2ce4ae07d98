// Rendering: the texts of an issue as cleaned Markdown with pseudonyms.

package llm

import (
	"strings"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
)

// work is the processing of one issue.
type work struct {
	t      *transform
	is     *issue
	people *people
	count  func(name string, n int64)
	out    *output

	description string // current, as Markdown
	thread      []post // the used comments, in order
}

// post is a rendered comment.
type post struct {
	comment
	who  string
	text string // Markdown
}

// newWork renders what all tasks need, without bots.
func (t *transform) newWork(is *issue, count func(string, int64), out *output) *work {
	w := &work{t: t, is: is, people: t.newPeople(is), count: count, out: out}
	w.description = w.markdown(is.description)
	for _, c := range is.comments {
		if t.DropBots && t.bots.match(c.author) {
			count("bot comments/"+label(cmpOr(c.author.display, c.author.login)), 1)
			continue
		}
		text := w.markdown(c.body)
		if strings.TrimSpace(text) == "" {
			count("comments dropped/empty", 1)
			continue
		}
		w.thread = append(w.thread, post{comment: c, who: w.people.call(c.author), text: text})
	}
	return w
}

// markdown renders one text.
func (w *work) markdown(n markup.Node) string {
	md := markup.Markdown(n, markup.Options{
		Mention: w.people.mention,
		Code:    func(_, text string) string { return truncateLines(text, w.t.TruncateLines) },
	})
	return strings.TrimSpace(w.people.rewrite(md))
}

// title returns the title for a record.
func (w *work) title() string { return w.people.rewrite(w.is.title) }

// document returns the whole issue: title, description, and the thread with authors and times.
func (w *work) document(title string, thread []post) string {
	var b strings.Builder
	if title != "" {
		b.WriteString("# " + title + "\n\n")
	}
	switch {
	case w.is.alone:
		b.WriteString(w.description)
	case w.description != "":
		writePost(&b, w.people.call(w.author()), stamp(w.is.created), w.description)
	}
	for _, p := range thread {
		writePost(&b, p.who, stamp(p.created), p.text)
	}
	return strings.TrimSpace(b.String())
}

// author returns the author of the description.
func (w *work) author() person {
	if len(w.is.reporter.identities()) > 0 {
		return w.is.reporter
	}
	return w.is.creator
}

func writePost(b *strings.Builder, who, when, text string) {
	b.WriteString("**" + who + "**")
	if when != "" {
		b.WriteString(" (" + when + ")")
	}
	b.WriteString(":\n\n" + text + "\n\n")
}

// report returns the title and description at creation, which is all that a prediction may use.
func (w *work) report() (text string, prose int) {
	node := w.is.descriptionAtCreation()
	title := w.people.rewrite(w.is.titleAtCreation())
	body := w.markdown(node)
	prose = chars(markup.PlainText(node, true))
	return strings.TrimSpace("# " + title + "\n\n" + body), prose
}

// participants returns the authors of the document's texts, in order, each once.
func (w *work) participants() []string {
	list := []string{}
	seen := map[string]bool{}
	add := func(who string) {
		if !seen[who] {
			seen[who] = true
			list = append(list, who)
		}
	}
	if w.description != "" {
		add(w.people.call(w.author()))
	}
	for _, p := range w.thread {
		add(p.who)
	}
	return list
}

// textLength returns the characters of description and comments.
func (w *work) textLength() int {
	n := chars(w.description)
	for _, p := range w.thread {
		n += chars(p.text)
	}
	return n
}

func chars(s string) int { return utf8.RuneCountInString(s) }
