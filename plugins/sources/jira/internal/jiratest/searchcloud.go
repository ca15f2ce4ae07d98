// Search on Cloud: nextPageToken, no total, bounded queries only.

package jiratest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"time"
)

// pageToken is the position of a walk: after which place in which order. It names a value, not an
// offset, so a walk neither skips nor repeats issues whose place does not change.
type pageToken struct {
	After   place  `json:"a"`
	Seed    uint64 `json:"s"` // of the order among ties, steady within the walk
	Query   uint64 `json:"q"` // hash of the JQL it belongs to
	Expires int64  `json:"e"` // epoch milliseconds
	Last    bool   `json:"l,omitempty"`
	Skip    int    `json:"n,omitempty"` // number of issues before its place, if the quirk counts places
}

func (t pageToken) String() string {
	raw, err := json.Marshal(t)
	if err != nil {
		panic(err) // numbers and strings only: cannot happen
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func readToken(text string, jql uint64, now time.Time, sorts int) (pageToken, error) {
	var t pageToken
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil || t.Query != jql || now.UnixMilli() >= t.Expires || len(t.After.Numbers) != sorts ||
		len(t.After.Texts) != sorts {
		return t, messages(http.StatusBadRequest, "The provided next page token is invalid or expired.")
	}
	return t, nil
}

func hashText(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}

func (c *call) searchRemoved() error {
	return messages(http.StatusGone, "The requested API has been removed. Please migrate to the "+
		"/rest/api/3/search/jql API. "+
		"A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046")
}

// boundedQuery parses JQL and requires a restriction.
func boundedQuery(jql string) (query, error) {
	q, err := parseJQL(jql)
	if err == nil && !q.bounded() {
		err = badJQL("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
	}
	if err == nil && len(q.order) > 7 {
		err = badJQL("The query sorts by more than 7 fields.")
	}
	return q, err
}

func (c *call) searchTokens() error {
	s, err := c.searchRequest()
	if err != nil {
		return err
	}
	q, err := boundedQuery(s.JQL)
	if err != nil {
		return err
	}
	token, err := c.walk(s, q)
	if err != nil {
		return err
	}
	hits, order, err := c.find(q, token.Seed)
	if err != nil {
		return err
	}
	hits, skip := displayed(hits), 0
	if s.NextPageToken != "" {
		skip = c.resume(hits, order, token)
		hits = hits[skip:]
	}
	sel := selectFields(s.Fields, "id")
	sel.properties = s.Properties
	page := hits[:min(len(hits), c.tokenLimit(s, &sel))]
	c.out.WriteString(`{"issues":[`)
	if !c.losesPage(s.NextPageToken) {
		c.page(c.there(page), &sel, s.Expand)
	}
	c.out.WriteByte(']')
	c.describe(&sel, s.Expand)
	token.Skip = skip + len(page)
	c.endOfPage(s, token, order, page, len(page) == len(hits))
	return nil
}

// walk reads the token of the request, or begins a new walk.
func (c *call) walk(s searchRequest, q query) (pageToken, error) {
	hash, now := hashText(s.JQL), c.server.options.Now()
	if s.NextPageToken == "" {
		return pageToken{Seed: c.tieSeed(), Query: hash}, nil
	}
	return readToken(s.NextPageToken, hash, now, max(1, len(q.order)))
}

// resume returns the index of the first issue of the page that a token names: the one after its
// place, or at its place if the quirk repeats the last page.
func (c *call) resume(hits []hit, order ordering, token pageToken) int {
	if c.server.options.Quirks.PlaceTokens && !token.Last {
		return min(token.Skip, len(hits))
	}
	at, found := slices.BinarySearchFunc(hits, token.After,
		func(h hit, p place) int { return order.comparePlaces(order.of(h.record), p) })
	if found && !token.Last {
		at++
	}
	return at
}

// endOfPage writes the token and isLast, and closes the reply.
func (c *call) endOfPage(s searchRequest, token pageToken, order ordering, page []hit, last bool) {
	o := c.server.options
	token.Expires = o.Now().Add(o.TokenLife).UnixMilli()
	next := ""
	switch {
	case last && o.Quirks.RepeatLastToken && len(page) > 0:
		token.After, token.Last = order.of(page[0].record), true
		if next = token.String(); s.NextPageToken != "" && c.repeats(s.NextPageToken) {
			next = s.NextPageToken
		}
	case !last && len(page) > 0:
		token.After, token.Last = order.of(page[len(page)-1].record), false
		next = token.String()
	}
	if o.Quirks.StuckToken && s.NextPageToken != "" {
		next, last = s.NextPageToken, false
	}
	if next != "" && !o.Quirks.OmitToken {
		fmt.Fprintf(c.out, `,"nextPageToken":"%s"`, next)
	}
	if !o.Quirks.OmitIsLast {
		fmt.Fprintf(c.out, `,"isLast":%t`, last && next == "")
	}
	c.out.WriteByte('}')
}

// repeats reports whether a token is one that returns the last page again.
func (c *call) repeats(text string) bool {
	var t pageToken
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(raw, &t) == nil && t.Last
}

// manyFields is the number of fields from which on Cloud shortens its pages.
const manyFields = 10

// tokenLimit is the length of a page: 5000 bare ids, else 100, and fewer if many fields are
// requested.
func (c *call) tokenLimit(s searchRequest, sel *selection) int {
	limit, longest := 50, cloudPage
	if s.MaxResults != nil {
		limit = *s.MaxResults
	}
	switch {
	case sel.bare():
		longest = 5000
	case sel.all || sel.navigable || len(sel.names) > manyFields:
		longest = 60
	}
	if o := c.server.options.MaxResults; o > 0 {
		longest = min(longest, o)
	}
	return max(1, min(limit, longest))
}

func (c *call) approximateCount() error {
	s, err := c.searchRequest()
	if err != nil {
		return err
	}
	q, err := boundedQuery(s.JQL)
	if err != nil {
		return err
	}
	hits, _, err := c.find(q, 0)
	if err != nil {
		return err
	}
	return c.json(map[string]int{"count": len(hits)})
}
