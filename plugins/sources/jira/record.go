// Records: what the two streams hold, built around the raw JSON without decoding it.

package jira

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// completeness says which lists of an issue are whole.
type completeness struct{ comments, changelog bool }

// record appends the issues record of an issue. See schema/issues.json.
func (i *issue) record(b []byte, at rest.Site, whole completeness) []byte {
	b = appendText(b, `{"id":`, i.id)
	b = appendText(b, `,"key":`, i.key)
	b = appendText(b, `,"project":`, i.project())
	b = appendTime(b, `,"created":`, i.created)
	b = appendTime(b, `,"updated":`, i.updated)
	b = appendText(b, `,"flavour":`, at.Flavour)
	b = appendText(b, `,"url":`, at.Browse+"/browse/"+i.key)
	b = strconv.AppendInt(append(b, `,"comment_count":`...), int64(i.comments.count), 10)
	b = strconv.AppendBool(append(b, `,"comments_complete":`...), whole.comments)
	b = strconv.AppendBool(append(b, `,"changelog_complete":`...), whole.changelog)
	b = append(append(b, `,"raw":`...), i.raw...)
	return append(b, '}')
}

// comment is what is looked at in a comment.
type comment struct {
	raw              []byte
	id               string
	author           *string // display name; nil where Jira gives none
	created, updated int64
}

func parseComment(raw []byte) (comment, error) {
	c := comment{raw: raw}
	d := rest.NewDecoder(bytes.NewBuffer(raw))
	err := rest.Object(d, func(name string) error {
		switch name {
		case "id":
			return rest.Text(d, &c.id)
		case "created":
			return rest.Instant(d, &c.created)
		case "updated":
			return rest.Instant(d, &c.updated)
		case "author":
			return rest.Object(d, func(name string) error {
				if name != "displayName" || d.PeekKind() != '"' {
					return d.SkipValue()
				}
				c.author = new(string)
				return rest.Text(d, c.author)
			})
		}
		return d.SkipValue()
	})
	return c, err
}

// record appends the comments record of a comment, the nth of its issue. See schema/comments.json.
func (c *comment) record(b []byte, at rest.Site, of *issue, nth int) []byte {
	b = appendText(b, `{"id":`, c.id)
	b = appendText(b, `,"issue_id":`, of.id)
	b = appendText(b, `,"issue_key":`, of.key)
	b = appendText(b, `,"project":`, of.project())
	b = strconv.AppendInt(append(b, `,"position":`...), int64(nth), 10)
	if c.author == nil {
		b = append(b, `,"author":null`...)
	} else {
		b = appendText(b, `,"author":`, *c.author)
	}
	b = appendTime(b, `,"created":`, c.created)
	b = appendTime(b, `,"updated":`, c.updated)
	b = appendText(b, `,"flavour":`, at.Flavour)
	b = appendText(b, `,"url":`, at.Browse+"/browse/"+of.key+"?focusedCommentId="+c.id)
	b = append(append(b, `,"raw":`...), c.raw...)
	return append(b, '}')
}

func appendText(b []byte, name, value string) []byte {
	quoted, err := json.Marshal(value)
	if err != nil {
		panic(err) // a string always marshals
	}
	return append(append(b, name...), quoted...)
}

// appendTime writes a time in UTC, whatever zone Jira wrote it in for this account.
func appendTime(b []byte, name string, ms int64) []byte {
	b = append(b, name...)
	if ms == 0 {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = time.UnixMilli(ms).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	return append(b, '"')
}
