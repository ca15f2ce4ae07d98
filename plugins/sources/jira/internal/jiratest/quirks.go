// Quirks: errors of servers, and of the proxies before them, that are not failures.

package jiratest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Quirks make the server state less than it knows, or something wrong.
type Quirks struct {
	RepeatLastToken bool // the last page gives a token that yields the last page again
	OmitIsLast      bool // no page says isLast
	OmitToken       bool // a page that says isLast:false gives no token
	// EmptyPages is the number of pages, requested by a token, that come without their issues,
	// though with the token of the next page.
	EmptyPages int64

	// PlaceTokens makes a nextPageToken name a place in the list, as startAt does, so that a page
	// begins too late if an issue before it goes away.
	PlaceTokens bool
	// GoneIssues are keys of issues that are deleted and that the index still names: each takes a
	// place on its page and counts in the total, but does not appear.
	GoneIssues []string
	InfoDate   time.Duration // error of the clock behind the Date of serverInfo
	OtherDate  time.Duration // likewise of all other replies

	StuckToken bool // every page requested by a token returns that token again

	// SwayingTotal is the error of totals, alternately up and down, as if issues came and went all
	// the time.
	SwayingTotal int

	OmitTotal bool // no search of Data Center, nor list of projects, states its total
	MaxTotal  int  // that total is at most this; 0 means the true one

	// EmbeddedTotal makes the list of comments inside an issue state its own length as its total,
	// although it is truncated.
	EmbeddedTotal     bool
	CommentsWithoutID bool     // GET /issue/{key}/comment leaves out the ids
	IssuesWithoutID   []string // keys of issues that come without id
	WithoutUpdated    []string // keys of issues that come without their field updated
	Unsearchable      []string // keys of projects that are listed but unknown to a search

	FirstUsers   int      // Data Center's search of users finds at most so many, whatever the page
	SprintHashes bool     // Data Center's sprints inside issues have another object hash on every fetch
	SecretVoters bool     // the names of voters and watchers are withheld, their numbers are not
	BulkErrors   []string // keys of issues that a bulk fetch reports as errors
	StrictSince  bool     // the worklog feeds begin after their since, not at it

	EpochChangelogs bool // the bulk fetch of changelogs writes created as epoch milliseconds
	// Refused holds a status by route, such as "GET /rest/api/2/workflow", that the route answers
	// with.
	Refused map[string]int

	// Verbatim holds, by issue key, the bytes to write as the value of the summary, even if they
	// are not JSON.
	Verbatim map[string]string
}

// total writes the total of a search or of a list of projects, followed by a comma.
func (c *call) total(n int) {
	q := c.server.options.Quirks
	if q.OmitTotal {
		return
	}
	if q.SwayingTotal > 0 {
		sway := q.SwayingTotal
		if c.server.sways.Add(1)%2 == 0 {
			sway = -sway
		}
		n = max(0, n+sway)
	}
	if q.MaxTotal > 0 {
		n = min(n, q.MaxTotal)
	}
	fmt.Fprintf(c.out, `"total":%d,`, n)
}

// losesPage reports whether this page loses its issues.
func (c *call) losesPage(token string) bool {
	return token != "" && c.server.emptied.Add(1) <= c.server.options.Quirks.EmptyPages
}

// head writes the beginning of an issue, up to its key.
func (c *call) head(r *record) {
	c.out.WriteString(`{"expand":"operations,versionedRepresentations,editmeta,changelog,renderedFields"`)
	if !slices.Contains(c.server.options.Quirks.IssuesWithoutID, r.key()) {
		fmt.Fprintf(c.out, `,"id":"%d","self":"%s/issue/%d"`, r.id, apiRoot, r.id)
	}
	fmt.Fprintf(c.out, `,"key":"%s"`, r.key())
}

// verbatim writes the bytes that the quirk has for the field, if any.
func (c *call) verbatim(r *record, name string) bool {
	value, ok := c.server.options.Quirks.Verbatim[r.key()]
	if !ok || name != "summary" {
		return false
	}
	c.out.WriteString(value)
	return true
}

// date is the Date of a reply.
func (s *Server) date(r *http.Request) string {
	off := s.options.Quirks.OtherDate
	if strings.HasSuffix(r.URL.Path, "/serverInfo") {
		off = s.options.Quirks.InfoDate
	}
	return s.options.Now().Add(off).UTC().Format(http.TimeFormat)
}

// there leaves out issues that the index names and that are deleted.
func (c *call) there(page []hit) []hit {
	gone := c.server.options.Quirks.GoneIssues
	if len(gone) == 0 {
		return page
	}
	return slices.DeleteFunc(slices.Clone(page), func(h hit) bool { return slices.Contains(gone, h.key()) })
}
