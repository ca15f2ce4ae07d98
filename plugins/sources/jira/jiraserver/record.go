// The record of an issue, without a run.

package jiraserver

import (
	"fmt"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// Record makes the record of the stream issues, with content = "normalised", of an issue as a Jira
// sends it with its changelog. It is for tests of what reads such records.
func Record(site string, flavour Flavour, issue []byte) ([]byte, error) {
	m := rest.Open(issue)
	fields := m.Raw("fields")
	f := rest.Open(fields)
	i := record.Issue{
		Head: record.Head{ID: m.Text("id"), Key: m.Text("key"), Project: f.In("project").Text("key"),
			Site: rest.Site{Browse: site, Flavour: "datacenter"}},
		JSON: issue, Fields: fields, Created: f.Time("created"), Updated: f.Time("updated"),
		Histories:   m.In("changelog").Raw("histories"),
		CommentList: record.List{Whole: true}, HistoryList: record.List{Whole: true},
		WorklogList: record.List{Whole: true},
	}
	if flavour == Cloud {
		i.Site.Flavour = "cloud"
	}
	if i.Key == "" {
		return nil, fmt.Errorf("it is no issue: %.80s", issue)
	}
	for _, c := range rest.Elements(f.In("comment").Raw("comments")) {
		i.Comments = append(i.Comments, record.CommentOf(c))
	}
	maker := record.Maker{}
	return maker.Issue(&i, false), nil
}
