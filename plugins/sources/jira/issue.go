// An issue as received: its raw bytes, and where in them the few things are that the source needs.

package jira

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
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

// suspect reports whether the list has the very length at which Jira, or what stands before it,
// cuts one, whatever total it states.
func (l list) suspect() bool { return l.count == 20 || l.count == 50 || l.count == 100 }

// identify is parseIssue for what a search brings, or bytes with the reason why they are no JSON.
// An issue that cannot become a record has an id nonetheless, if need be of our own making, by
// which it is known when it comes again.
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

// parseIssue finds its way through the raw JSON of an issue, looking at each byte once. It keeps
// raw. With an error comes what was found before it.
func parseIssue(raw []byte) (issue, error) {
	i := issue{raw: raw}
	end := rest.ScanObject(raw, 0, func(name []byte, start int) int {
		switch string(name) {
		case "id":
			return readText(raw, start, &i.id)
		case "key":
			return readText(raw, start, &i.key)
		case "fields":
			return i.parseFields(start)
		case "changelog":
			return i.histories.parse(raw, start, "histories")
		}
		return rest.Skip(raw, start)
	})
	switch {
	case end < 0 && !json.Valid(raw):
		return i, errors.New("issue: not valid JSON")
	case i.id == "" || i.key == "":
		return i, errors.New("issue without id or key")
	}
	return i, nil
}

// readText reads a string, or a number as text, or skips what is neither, and returns the end of
// it.
func readText(raw []byte, start int, into *string) (end int) {
	if end = rest.Skip(raw, start); end > 0 {
		*into = cmp.Or(rest.TextOf(raw[start:end]), *into)
	}
	return end
}

// readTime is readText for a time.
func readTime(raw []byte, start int, into *int64) (end int) {
	var text string
	end = readText(raw, start, &text)
	if ms, ok := rest.ParseTime(text); ok {
		*into = ms
	}
	return end
}

// scanned has scan read the object or array that begins with the bracket open at start, or skips
// what is none; it notes where the value lies, if it is whole, and returns its end.
func (s *span) scanned(raw []byte, start int, open byte, scan func() (end int)) (end int) {
	if start < len(raw) && raw[start] == open {
		end = scan()
	} else {
		end = rest.Skip(raw, start)
	}
	if end > 0 {
		*s = span{start, end}
	}
	return end
}

func (i *issue) parseFields(start int) (end int) {
	raw := i.raw
	return i.fields.scanned(raw, start, '{', func() int {
		return rest.ScanObject(raw, start, func(name []byte, start int) int {
			switch string(name) {
			case "created":
				return readTime(raw, start, &i.created)
			case "updated":
				return readTime(raw, start, &i.updated)
			case "comment":
				return i.comments.parse(raw, start, "comments")
			case "worklog":
				return i.worklogs.parse(raw, start, "worklogs")
			}
			return rest.Skip(raw, start)
		})
	})
}

// parse reads {"total": n, "<name>": [...]} and returns the end of it.
func (l *list) parse(raw []byte, start int, name string) (end int) {
	l.count, l.total = 0, -1
	return l.value.scanned(raw, start, '{', func() int {
		return rest.ScanObject(raw, start, func(field []byte, start int) int {
			switch string(field) {
			case name:
				return l.parseArray(raw, start)
			case "total":
				end := rest.Skip(raw, start)
				if end < 0 {
					return end
				}
				if n, ok := rest.WholeOf(string(raw[start:end])); ok {
					l.total = int(n)
				}
				return end
			}
			return rest.Skip(raw, start)
		})
	})
}

func (l *list) parseArray(raw []byte, start int) (end int) {
	return l.array.scanned(raw, start, '[', func() int {
		return rest.ScanArray(raw, start, func(at int) int {
			l.count++
			return rest.Skip(raw, at)
		})
	})
}
