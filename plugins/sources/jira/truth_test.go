// The server's own books as a keyed sink would hold them: for every stream its keys, and of each
// record what must be in it.

package jira_test

import (
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
)

var flavourNames = map[jiratest.Flavour]string{jiratest.DataCenter: "datacenter", jiratest.Cloud: "cloud"}

// booked returns the keys of a stream with their contents; "" where the key says all. It panics
// where a stream that this flavour has is in no book.
func booked(books jiratest.Books, flavour jiratest.Flavour, stream string) map[string]string {
	if !jira.InFlavour(stream, flavourNames[flavour]) {
		return map[string]string{}
	}
	return books.Keyed(stream)
}

func decode(raw []byte, into any) {
	if err := json.Unmarshal(raw, into); err != nil {
		panic(fmt.Sprintf("%v in %.300s", err, raw)) // books and records are JSON, as other tests show
	}
}

// recorded returns the key of a record and what it holds.
func recorded(stream string, line []byte) (key, content string) {
	return jiratest.KeyedRecord(stream, primaryKeys()[stream], line)
}

// issueVersion is what of an issue an update brings at the latest.
func issueVersion(content string) string {
	var i struct {
		Key    string
		Fields struct{ Updated, Summary string }
	}
	decode([]byte(content), &i)
	return i.Key + " " + i.Fields.Updated + " " + i.Fields.Summary
}
