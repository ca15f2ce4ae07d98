// The true records in the form that a keyed sink holds: for every stream its keys, and the content
// that each record must have.

package jira_test

import (
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
)

var flavourNames = map[jiratest.Flavour]string{jiratest.DataCenter: "datacenter", jiratest.Cloud: "cloud"}

// trueRecords returns the keys of a stream with their contents; "" if the key is the whole content.
// It panics if this flavour has the stream and the server has no true records of it.
func trueRecords(truth jiratest.Truth, flavour jiratest.Flavour, stream string) map[string]string {
	if !jira.InFlavour(stream, flavourNames[flavour]) {
		return map[string]string{}
	}
	return truth.Keyed(stream)
}

func decode(raw []byte, into any) {
	if err := json.Unmarshal(raw, into); err != nil {
		panic(fmt.Sprintf("%v in %.300s", err, raw)) // truth and records are JSON, as other tests show
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
