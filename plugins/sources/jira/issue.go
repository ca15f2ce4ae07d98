// An issue as received: its raw bytes, and the positions of the few values that the source needs.

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
	created   int64 // epoch milliseconds; 0: unknown
	updated   int64
	fields    span // the object "fields"
	comments  list
	histories list
	worklogs  list
	fetched   time.Time // the server's time of its reply, in whole seconds
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

// span is a range of the raw bytes. The zero span means that the value is missing.
type span struct{ from, to int }

func (s span) of(raw []byte) []byte { return raw[s.from:s.to] }
func (s span) found() bool          { return s.to > 0 }

// list is an embedded list, which Jira may have truncated.
type list struct {
	value span // the object that contains it, or a null in its place
	array span
	count int
	total int // as stated by Jira; -1: not stated
}

// of returns the array, nil if there is none.
func (l list) of(raw []byte) []byte {
	if !l.array.found() {
		return nil
	}
	return l.array.of(raw)
}

// known returns what a record says about the list.
func (l list) known(whole bool) record.List {
	of := l.total
	if !l.value.found() {
		of = -1
	}
	return record.List{Here: l.count, Of: of, Whole: whole}
}

// complete reports whether Jira's own numbers say that the list is whole.
func (l list) complete() bool { return l.array.found() && l.count == l.total }

// suspect reports whether the list has exactly the length at which Jira, or a proxy before it,
// truncates, whatever total it states.
func (l list) suspect() bool { return l.count == 20 || l.count == 50 || l.count == 100 }

// identify is parseIssue for what a search returns: an issue, or bytes with the reason why they are
// not JSON. An issue that cannot become a record still gets an id, if necessary one made by this
// source, by which it is recognised when it comes again.
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

// parseIssue finds the values in the raw JSON of an issue, reading each byte once. It keeps raw.
// With an error it returns what was found before the error.
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

// readText reads a string, or a number as text, or skips anything else, and returns the end of the
// value.
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

// scanned calls scan to read the object or array that begins with the bracket open at start, or
// skips any other value. It stores the span of the value, if it is whole, and returns its end.
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

// parse reads {"total": n, "<name>": [...]} and returns its end.
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
