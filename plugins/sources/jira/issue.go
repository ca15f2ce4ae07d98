// An issue as received: its raw bytes, and where in them the few things are that the source needs.

package jira

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
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
}

// project is the part of the key before the number.
func (i *issue) project() string {
	if dash := strings.LastIndexByte(i.key, '-'); dash > 0 {
		return i.key[:dash]
	}
	return ""
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
	total int // as Jira says
}

func (l list) complete() bool { return l.array.found() && l.count >= l.total }

// parseIssue finds its way through the raw JSON of an issue. It keeps raw.
func parseIssue(raw []byte) (issue, error) {
	i := issue{raw: raw}
	d := newDecoder(bytes.NewBuffer(raw))
	err := object(d, func(name string) error {
		switch name {
		case "id":
			return text(d, &i.id)
		case "key":
			return text(d, &i.key)
		case "fields":
			return located(d, &i.fields, func() error { return i.parseFields(d) })
		case "changelog":
			return i.histories.parse(d, "histories")
		}
		return d.SkipValue()
	})
	switch {
	case err != nil:
		return issue{}, fmt.Errorf("issue: %w", err)
	case i.id == "" || i.key == "":
		return issue{}, errors.New("issue without id or key")
	}
	return i, nil
}

func (i *issue) parseFields(d *jsontext.Decoder) error {
	return object(d, func(name string) error {
		switch name {
		case "created":
			return instant(d, &i.created)
		case "updated":
			return instant(d, &i.updated)
		case "comment":
			return i.comments.parse(d, "comments")
		}
		return d.SkipValue()
	})
}

// parse reads {"total": n, "<name>": [...]}.
func (l *list) parse(d *jsontext.Decoder, name string) error {
	return located(d, &l.value, func() error {
		return object(d, func(field string) error {
			switch field {
			case name:
				return located(d, &l.array, func() error {
					return array(d, func() error {
						l.count++
						return d.SkipValue()
					})
				})
			case "total":
				return number(d, &l.total)
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

func instant(d *jsontext.Decoder, into *int64) error {
	var s string
	if err := text(d, &s); err != nil {
		return err
	}
	if ms, ok := parseTime(s); ok {
		*into = ms
	}
	return nil
}

// parseTime reads Jira's times, "2025-08-16T14:52:11.000+0000", and RFC 3339.
func parseTime(s string) (int64, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05-0700", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}
