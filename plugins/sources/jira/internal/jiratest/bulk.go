// Bulk reads of Cloud: many issues, or the changelogs of many issues, at once.

package jiratest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The bounds of the two bulk routes.
const (
	bulkIssues     = 100
	bulkChangelogs = 1000
	bulkFieldIDs   = 10
	bulkHistories  = 10_000
	bulkEmbedded   = 40 // histories inside an issue
)

type bulkRequest struct {
	IDs           []string `json:"issueIdsOrKeys"`
	Fields        []string `json:"fields"`
	Expand        []string `json:"expand"`
	Properties    []string `json:"properties"`
	FieldIDs      []string `json:"fieldIds"`
	MaxResults    int      `json:"maxResults"`
	NextPageToken string   `json:"nextPageToken"`
}

func (c *call) bulkRequest(most int) (bulkRequest, error) {
	var b bulkRequest
	if err := decodeBody(c.body, &b); err != nil {
		return b, err
	}
	if len(b.IDs) == 0 || len(b.IDs) > most {
		return b, messages(http.StatusBadRequest,
			fmt.Sprintf("Between 1 and %d issue ids or keys are allowed, not %d.", most, len(b.IDs)))
	}
	if len(b.Properties) > maxProperties {
		return b, tooManyProperties()
	}
	if len(b.FieldIDs) > bulkFieldIDs {
		return b, messages(http.StatusBadRequest, fmt.Sprintf("At most %d field ids are allowed.", bulkFieldIDs))
	}
	return b, nil
}

// wanted returns the issues that the caller sees, once each, by ascending id. Issues that do not
// exist or are not visible are left out silently.
func (c *call) wanted(idsOrKeys []string) []*record {
	var list []*record
	for _, name := range idsOrKeys {
		if r := c.server.store.find(name); r != nil && c.sees(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *record) int { return cmp.Compare(a.id, b.id) })
	return slices.Compact(list)
}

func (c *call) bulkFetch() error {
	b, err := c.bulkRequest(bulkIssues)
	if err != nil {
		return err
	}
	sel := selectFields(b.Fields, "*navigable")
	sel.properties = b.Properties
	c.embedded = bulkEmbedded
	var good []hit
	var failed []*record
	for _, r := range c.wanted(b.IDs) {
		if slices.Contains(c.server.options.Quirks.BulkErrors, r.key()) {
			failed = append(failed, r)
			continue
		}
		good = append(good, hit{record: r})
	}
	c.out.WriteString(`{"issues":[`)
	c.page(good, &sel, set(b.Expand))
	c.out.WriteString(`],"issueErrors":[`)
	for i, r := range failed {
		if i > 0 {
			c.out.WriteByte(',')
		}
		fmt.Fprintf(c.out, `{"id":"%d","errorMessage":"The issue could not be fetched. Please try again."}`, r.id)
	}
	c.out.WriteString("]}")
	return nil
}

// entryOf is a history with its issue, in the order of the bulk route.
type entryOf struct {
	issue *record
	*history
}

func (e entryOf) at() changelogToken {
	return changelogToken{At: e.created.UnixMilli(), Issue: e.issue.id, History: e.id}
}

// changelogToken is the last history of a page.
type changelogToken struct {
	At      int64  `json:"a"`
	Issue   int64  `json:"i"`
	History int64  `json:"h"`
	Query   uint64 `json:"q"`
	Expires int64  `json:"e"`
}

func (t changelogToken) compare(o changelogToken) int {
	return cmp.Or(cmp.Compare(t.At, o.At), cmp.Compare(t.Issue, o.Issue), cmp.Compare(t.History, o.History))
}

func (c *call) bulkChangelogs() error {
	b, err := c.bulkRequest(bulkChangelogs)
	if err != nil {
		return err
	}
	after, err := c.changelogToken(b)
	if err != nil {
		return err
	}
	var list []entryOf
	for _, r := range c.wanted(b.IDs) {
		for i := range r.histories {
			if e := (entryOf{r, &r.histories[i]}); e.touches(b.FieldIDs) && e.at().compare(after) > 0 {
				list = append(list, e)
			}
		}
	}
	slices.SortFunc(list, func(a, b entryOf) int { return a.at().compare(b.at()) })
	limit := min(cmp.Or(max(b.MaxResults, 0), 1000), bulkHistories)
	page := list[:min(len(list), limit)]
	c.changeLogs(page)
	if len(page) < len(list) {
		token := page[len(page)-1].at()
		token.Query, token.Expires = b.hash(), c.server.options.Now().Add(c.server.options.TokenLife).UnixMilli()
		fmt.Fprintf(c.out, `,"nextPageToken":"%s"`, token)
	}
	c.out.WriteByte('}')
	return nil
}

// touches reports whether a history changes one of the fields; no fields mean all.
func (e entryOf) touches(fieldIDs []string) bool {
	return len(fieldIDs) == 0 || slices.ContainsFunc(e.fieldIDs(),
		func(id string) bool { return slices.Contains(fieldIDs, id) })
}

// changeLogs writes the page, grouped by issue.
func (c *call) changeLogs(page []entryOf) {
	var order []*record
	groups := map[*record][]*history{}
	for _, e := range page {
		if groups[e.issue] == nil {
			order = append(order, e.issue)
		}
		groups[e.issue] = append(groups[e.issue], e.history)
	}
	c.out.WriteString(`{"issueChangeLogs":[`)
	for i, r := range order {
		if i > 0 {
			c.out.WriteByte(',')
		}
		fmt.Fprintf(c.out, `{"issueId":"%d","changeHistories":[`, r.id)
		for j, h := range groups[r] {
			if j > 0 {
				c.out.WriteByte(',')
			}
			start := c.out.Len()
			c.history(h)
			if c.server.options.Quirks.EpochChangelogs {
				raw := strings.Replace(string(c.out.Bytes()[start:]), `"created":"`+c.stamp(h.created)+`"`,
					`"created":`+decimal(h.created.UnixMilli()), 1)
				c.out.Truncate(start)
				c.out.WriteString(raw)
			}
		}
		c.out.WriteString("]}")
	}
	c.out.WriteByte(']')
}

// hash identifies the request, whichever page of it is requested.
func (b bulkRequest) hash() uint64 { return hashText(fmt.Sprint(b.IDs, b.FieldIDs)) }

func (t changelogToken) String() string {
	raw, err := json.Marshal(t)
	if err != nil {
		panic(err) // numbers only: cannot happen
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// changelogToken reads the token of the request. Without one, it returns the token before all
// others.
func (c *call) changelogToken(b bulkRequest) (changelogToken, error) {
	t := changelogToken{At: time.Time{}.UnixMilli()}
	if b.NextPageToken == "" {
		return t, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(b.NextPageToken)
	if err == nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil || t.Query != b.hash() || c.server.options.Now().UnixMilli() >= t.Expires {
		return t, messages(http.StatusBadRequest, "The provided next page token is invalid or expired.")
	}
	return t, nil
}

// fieldIDs returns the fields that a history changed.
func (h *history) fieldIDs() []string {
	items := h.items
	if h.original != nil {
		var loaded struct {
			Items []struct{ Field, FieldID string }
		}
		if json.Unmarshal(h.original, &loaded) == nil {
			for _, i := range loaded.Items {
				items = append(items, change{field: i.Field, id: cmp.Or(i.FieldID, i.Field)})
			}
		}
	}
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.id
	}
	return ids
}
