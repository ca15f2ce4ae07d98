// An issue as received: its raw bytes, and where in them the few things are that the source needs.

package jira

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

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
	d := rest.NewDecoder(bytes.NewBuffer(raw))
	err := rest.Object(d, func(name string) error {
		switch name {
		case "id":
			return rest.Text(d, &i.id)
		case "key":
			return rest.Text(d, &i.key)
		case "fields":
			return located(d, &i.fields, func() error { return i.parseFields(d) })
		case "changelog":
			return i.histories.parse(d, "histories")
		}
		return d.SkipValue()
	})
	switch {
	case err != nil:
		return i, fmt.Errorf("issue: %w", err)
	case i.id == "" || i.key == "":
		return i, errors.New("issue without id or key")
	}
	return i, nil
}

func (i *issue) parseFields(d *jsontext.Decoder) error {
	return rest.Object(d, func(name string) error {
		switch name {
		case "created":
			return rest.Instant(d, &i.created)
		case "updated":
			return rest.Instant(d, &i.updated)
		case "comment":
			return i.comments.parse(d, "comments")
		case "worklog":
			return i.worklogs.parse(d, "worklogs")
		}
		return d.SkipValue()
	})
}

// parse reads {"total": n, "<name>": [...]}.
func (l *list) parse(d *jsontext.Decoder, name string) error {
	l.count, l.total = 0, -1
	return located(d, &l.value, func() error {
		return rest.Object(d, func(field string) error {
			switch field {
			case name:
				return located(d, &l.array, func() error {
					return rest.Array(d, func() error {
						l.count++
						return d.SkipValue()
					})
				})
			case "total":
				return rest.Number(d, &l.total)
			}
			return d.SkipValue()
		})
	})
}

// located notes where the value lies that read consumes.
func located(d *jsontext.Decoder, s *span, read func() error) error {
	d.PeekKind() // fills the buffer
	rest := d.UnreadBuffer()
	from := int(d.InputOffset()) + len(rest) - len(bytes.TrimLeft(rest, " \t\r\n:,"))
	if err := read(); err != nil {
		return err
	}
	*s = span{from, int(d.InputOffset())}
	return nil
}
