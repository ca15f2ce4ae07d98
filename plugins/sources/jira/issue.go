// An issue as received: its raw bytes, and where in them the few things are that the source needs.

package jira

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// issue is one issue of a search reply.
type issue struct {
	raw       []byte
	id, key   string
	created   int64 // epoch milliseconds; 0: not known
	updated   int64
	fields    span // the object "fields"
	comments  list
	histories list
	worklogs  list
	fetched   time.Time // the server's time of the reply that it came in, in whole seconds
}

// project is the part of the key before the number.
func (i *issue) project() string {
	if dash := strings.LastIndexByte(i.key, '-'); dash > 0 {
		return i.key[:dash]
	}
	return ""
}

// fieldsRaw returns the object "fields", nil if there is none.
func (i *issue) fieldsRaw() []byte {
	if !i.fields.found() {
		return nil
	}
	return i.fields.of(i.raw)
}

// span is a part of the raw bytes. The zero span is not there.
type span struct{ from, to int }

func (s span) of(raw []byte) []byte { return raw[s.from:s.to] }
func (s span) found() bool          { return s.to > 0 }

// list is an embedded list, which Jira may have cut.
type list struct {
	value span // the object that holds it, or a null in its place
	array span
	count int
	total int // as Jira says; -1: it does not
}

// of returns the array, nil if there is none.
func (l list) of(raw []byte) []byte {
	if !l.array.found() {
		return nil
	}
	return l.array.of(raw)
}

// known is what a record says of the list.
func (l list) known(whole bool) record.List {
	of := l.total
	if !l.value.found() {
		of = -1
	}
	return record.List{Here: l.count, Of: of, Whole: whole}
}

// complete reports whether the list is whole by what Jira says of it.
func (l list) complete() bool { return l.array.found() && l.count == l.total }

// suspect reports whether the list has the very length at which Jira, or what stands before it, cuts one, whatever total
// it states.
func (l list) suspect() bool { return l.count == 20 || l.count == 50 || l.count == 100 }

// identify is parseIssue for what a search brings, or bytes with the reason why they are no JSON. An issue that cannot
// become a record has an id nonetheless, if need be of our own making, by which it is known when it comes again.
func identify(raw []byte, bad error) (issue, error) {
	i, err := parseIssue(raw)
	if bad != nil {
		err = bad
	}
	if i.id == "" && i.key != "" {
		i.id = "#" + i.key
	}
	if i.id == "" {
		i.id = fmt.Sprintf("#%x", sha256.Sum256(record.Lasting(raw)))[:17]
	}
	return i, err
}

// parseIssue finds its way through the raw JSON of an issue. It keeps raw. With an error comes what was found before it.
func parseIssue(raw []byte) (issue, error) {
	i := issue{raw: raw}
	whole := rest.EachMember(raw, 0, func(name []byte, start, end int) {
		switch string(name) {
		case "id":
			readText(raw[start:end], &i.id)
		case "key":
			readText(raw[start:end], &i.key)
		case "fields":
			i.fields = span{start, end}
			i.parseFields()
		case "changelog":
			i.histories.parse(raw, span{start, end}, "histories")
		}
	})
	switch {
	case !whole && !json.Valid(raw):
		return i, errors.New("issue: not valid JSON")
	case i.id == "" || i.key == "":
		return i, errors.New("issue without id or key")
	}
	return i, nil
}

func readText(value []byte, into *string) {
	if value[0] == '"' {
		*into = rest.TextOf(value)
	}
}

func (i *issue) parseFields() {
	rest.EachMember(i.raw, i.fields.from, func(name []byte, start, end int) {
		switch string(name) {
		case "created":
			readTime(i.raw[start:end], &i.created)
		case "updated":
			readTime(i.raw[start:end], &i.updated)
		case "comment":
			i.comments.parse(i.raw, span{start, end}, "comments")
		case "worklog":
			i.worklogs.parse(i.raw, span{start, end}, "worklogs")
		}
	})
}

func readTime(value []byte, into *int64) {
	if ms, ok := rest.ParseTime(rest.TextOf(value)); ok && value[0] == '"' {
		*into = ms
	}
}

// parse reads {"total": n, "<name>": [...]}.
func (l *list) parse(raw []byte, at span, name string) {
	l.value, l.count, l.total = at, 0, -1
	rest.EachMember(raw, at.from, func(field []byte, start, end int) {
		switch string(field) {
		case name:
			l.array = span{start, end}
			rest.EachElement(raw, start, func(int, int) { l.count++ })
		case "total":
			if n, err := strconv.Atoi(string(raw[start:end])); err == nil {
				l.total = n
			}
		}
	})
}
