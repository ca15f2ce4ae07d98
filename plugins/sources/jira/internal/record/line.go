// Lines: one record under construction.

package record

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// line is a record, appended member by member.
type line []byte

// name begins a member.
func (l *line) name(name string) {
	if n := len(*l); n > 0 && (*l)[n-1] != '{' {
		*l = append(*l, ',')
	}
	*l = append(append(append(*l, '"'), name...), `":`...)
}

func quoted(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // what is no UTF-8 is replaced, and said to be an error
	return b
}

func (l *line) text(name, value string) {
	l.name(name)
	*l = quoted(*l, value)
}

// maybe writes a text, null if it is empty.
func (l *line) maybe(name, value string) {
	if value == "" {
		l.raw(name, nil)
		return
	}
	l.text(name, value)
}

// time writes a time in UTC, whatever zone Jira wrote it in for this account.
func (l *line) time(name string, ms int64) {
	if ms == 0 {
		l.raw(name, nil)
		return
	}
	l.name(name)
	*l = append(*l, '"')
	*l = time.UnixMilli(ms).UTC().AppendFormat(*l, "2006-01-02T15:04:05.000Z")
	*l = append(*l, '"')
}

func (l *line) int(name string, n int) {
	l.name(name)
	*l = strconv.AppendInt(*l, int64(n), 10)
}

func (l *line) bool(name string, v bool) {
	l.name(name)
	*l = strconv.AppendBool(*l, v)
}

// raw writes JSON as it is, null for none.
func (l *line) raw(name string, value []byte) {
	l.name(name)
	if value == nil {
		value = []byte("null")
	}
	*l = append(*l, value...)
}

// number writes a number of an object, null if there is none.
func (l *line) number(name string, from rest.Members, key string) {
	n, ok := from.Int(key)
	if !ok {
		l.raw(name, nil)
		return
	}
	l.name(name)
	*l = strconv.AppendInt(*l, n, 10)
}

// texts writes a list of strings.
func (l *line) texts(name string, list []string) {
	l.list(name, len(list), func(n int) { *l = quoted(*l, list[n]) })
}

// list writes an array of n elements.
func (l *line) list(name string, n int, element func(n int)) {
	l.name(name)
	*l = append(*l, '[')
	for i := range n {
		if i > 0 {
			*l = append(*l, ',')
		}
		element(i)
	}
	*l = append(*l, ']')
}

// object writes an object.
func (l *line) object(write func()) {
	*l = append(*l, '{')
	write()
	*l = append(*l, '}')
}

// person writes who it was: the display name under name, and the id under name_id.
func (l *line) person(name string, raw []byte) {
	u := rest.Open(raw)
	l.maybe(name, u.Text("displayName"))
	l.maybe(name+"_id", UserID(u))
}

// UserID is what names a user for good: the account id of Cloud, the key of Data Center, or else
// the name.
func UserID(u rest.Members) string {
	for _, name := range []string{"accountId", "key", "name"} {
		if id := u.Text(name); id != "" {
			return id
		}
	}
	return ""
}

// markdown returns a text as Markdown: wiki markup where it is a string, an Atlassian document
// where it is an object.
func markdown(raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	if raw[0] == '"' {
		return markup.WikiToMarkdown(rest.TextOf(raw), markup.Options{})
	}
	text, err := markup.ADFToMarkdown(raw, markup.Options{})
	if err != nil {
		return "" // no document; it is there as Jira has it
	}
	return text
}
