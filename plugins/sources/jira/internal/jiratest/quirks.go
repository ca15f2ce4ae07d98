// Quirks: what servers, and the proxies before them, get wrong in good faith.

package jiratest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Quirks make the server say less than it knows, or other than it knows.
type Quirks struct {
	RepeatLastToken bool // the last page gives a token that yields the last page again
	OmitIsLast      bool // no page says isLast
	OmitToken       bool // a page that says isLast:false gives no token
	// EmptyPages is how many pages that a token asks for come without their
	// issues, though with the token of the page behind.
	EmptyPages int64

	// PlaceTokens makes a nextPageToken name a place in the list, as startAt does,
	// so that a page begins too late where an issue before it went away.
	PlaceTokens bool
	// GoneIssues are keys of issues that are gone and that the index still names:
	// each takes a place on its page and counts in the total, and does not come.
	GoneIssues []string
	InfoDate   time.Duration // how far the clock behind the Date of serverInfo is off
	OtherDate  time.Duration // likewise of all other replies

	StuckToken bool // every page that a token asks for gives that token again

	// SwayingTotal is how far totals are off, to either side in turn, as where
	// issues come and go all the time.
	SwayingTotal int

	OmitTotal bool // no search of Data Center, nor list of projects, says its total
	MaxTotal  int  // that total is at most this; 0 means the true one

	// EmbeddedTotal makes the list of comments inside an issue state its own
	// length as its total, though it is cut.
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
	// Refused holds a status by route, such as "GET /rest/api/2/workflow", that
	// the route answers with instead of serving.
	Refused map[string]int

	// Verbatim holds, by issue key, what is written as the value of the summary,
	// byte for byte, whether it is JSON or not.
	Verbatim map[string]string
}

// total writes the total of a search or of a list of projects, with a comma
// behind it.
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

// swallows tells that the issues of this page get lost.
func (c *call) swallows(token string) bool {
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

// verbatim writes the field in the bytes that the quirk has for it, if it has any.
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

// there leaves out what the index names and what is gone.
func (c *call) there(page []hit) []hit {
	gone := c.server.options.Quirks.GoneIssues
	if len(gone) == 0 {
		return page
	}
	return slices.DeleteFunc(slices.Clone(page), func(h hit) bool { return slices.Contains(gone, h.key()) })
}
