// People: the participants of an issue and their pseudonyms.

package llm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
)

// people maps the accounts of one issue to their names in its records.
type people struct {
	on     bool // use pseudonyms
	salt   string
	byName map[string]int // index in list by any name of an account, with its kind
	list   []person
	called []string
	names  *matcher
}

// newPeople numbers everybody in order of appearance: reporter, creator, the thread, then assignee,
// history and mentions.
func (t *transform) newPeople(is *issue) *people {
	p := &people{on: t.Pseudonymise, salt: t.Salt, byName: map[string]int{}}
	p.add(is.reporter)
	p.add(is.creator)
	for _, c := range is.comments {
		p.add(c.author)
	}
	p.add(is.assignee)
	for _, c := range is.changes {
		p.add(c.by)
	}
	p.mentions(is.description)
	for _, c := range is.comments {
		p.mentions(c.body)
	}
	if p.on {
		p.names = newMatcher(p.list, p.called)
	}
	return p
}

// identities returns the names by which text may refer to an account, each with its kind.
func (q person) identities() []string {
	var out []string
	sort := "account:"
	if q.login != "" {
		sort = "name:"
		out = append(out, sort+strings.ToLower(q.login))
	}
	if q.id != "" {
		out = append(out, sort+strings.ToLower(q.id))
	}
	if len(out) == 0 && q.display != "" {
		out = append(out, "display:"+strings.ToLower(q.display))
	}
	return out
}

// add numbers a new person and returns the index; -1: nobody.
func (p *people) add(q person) int {
	ids := q.identities()
	if len(ids) == 0 {
		return -1
	}
	for _, id := range ids {
		if i, ok := p.byName[id]; ok {
			return i
		}
	}
	i := len(p.list)
	p.list = append(p.list, q)
	p.called = append(p.called, p.pseudonym(i, ids[0]))
	for _, id := range ids {
		p.byName[id] = i
	}
	return i
}

func (p *people) pseudonym(i int, identity string) string {
	if p.salt == "" {
		return "user_" + strconv.Itoa(i+1)
	}
	mac := hmac.New(sha256.New, []byte(p.salt))
	mac.Write([]byte(identity))
	return "user_" + hex.EncodeToString(mac.Sum(nil)[:6])
}

// mentions numbers people who are mentioned in a text but do not participate.
func (p *people) mentions(n markup.Node) {
	if n.Kind == markup.Mention {
		p.mentioned(n.Attr, n.Text)
	}
	for _, c := range n.Content {
		p.mentions(c)
	}
}

// mentioned returns the index of a mentioned account: a name on Data Center, an account id on
// Cloud.
func (p *people) mentioned(id, shown string) int {
	low := strings.ToLower(id)
	for _, sort := range [...]string{"account:", "name:"} {
		if i, ok := p.byName[sort+low]; ok {
			return i
		}
	}
	return p.add(person{login: id, display: shown})
}

// call returns the name of a person in the records: a pseudonym or the display name; "unknown" for
// nobody.
func (p *people) call(q person) string {
	i := p.add(q)
	switch {
	case i < 0:
		return "unknown"
	case p.on:
		return p.called[i]
	case q.display != "":
		return q.display
	}
	return cmpOr(q.login, q.id)
}

// mention formats a mention.
func (p *people) mention(id, shown string) string {
	i := p.mentioned(id, shown)
	switch {
	case i < 0:
		return "@unknown"
	case p.on:
		return "@" + p.called[i]
	case shown != "":
		return "@" + shown
	}
	return "@" + cmpOr(p.list[i].display, id)
}

// rewrite replaces names and addresses in a text.
func (p *people) rewrite(s string) string {
	if !p.on {
		return s
	}
	return p.names.replace(replaceEmails(s))
}
