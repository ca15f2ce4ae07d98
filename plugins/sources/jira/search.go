// Searches: one page of issues, or a count, in both flavours.

package jira

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/sdk"
)

// maxQuery is the longest JQL that goes into a URL; longer ones are posted.
const maxQuery = 1500

// search is one page to ask for.
type search struct {
	jql     string
	startAt int    // Data Center
	token   string // Cloud
	max     int
	fields  []string
	expand  string
}

// page is what a reply says about itself.
type page struct {
	count int    // issues that came
	total int    // Data Center: matches in all
	token string // Cloud: of the next page
}

// more reports whether the query that q asked has issues behind this page.
func (p page) more(at site, q search) bool {
	if p.count == 0 {
		return false
	}
	if at.flavour == cloud {
		return p.token != ""
	}
	return q.startAt+p.count < p.total
}

// search asks for one page and calls each with the raw JSON of every issue as it arrives, and the server's time of the
// reply; the bytes are good until each returns. Only one issue is held in memory.
func (c *client) search(ctx context.Context, at site, q search, each func(raw []byte, replied time.Time) error) (page, error) {
	sdk.Count(ctx, "requests/search", 1)
	resp, err := c.ask(ctx, at, q)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	replied := at.clock(resp.Header)
	p, err := readPage(resp.Body, func(raw []byte) error { return each(raw, replied) })
	if err != nil {
		return page{}, fmt.Errorf("%s: %w", where(resp), err)
	}
	return p, nil
}

func (c *client) ask(ctx context.Context, at site, q search) (*http.Response, error) {
	path := at.api() + "/search"
	if at.flavour == cloud {
		path += "/jql"
	}
	if len(q.jql) <= maxQuery {
		return c.get(ctx, path, q.values(at))
	}
	body := map[string]any{"jql": q.jql, "maxResults": q.max, "fields": q.fields}
	if at.flavour == dataCenter {
		body["startAt"] = q.startAt
		if q.expand != "" {
			body["expand"] = []string{q.expand}
		}
		return c.post(ctx, path, body)
	}
	if q.token != "" {
		body["nextPageToken"] = q.token
	}
	if q.expand != "" {
		body["expand"] = q.expand
	}
	return c.post(ctx, path, body)
}

func (q search) values(at site) url.Values {
	v := url.Values{
		"jql":        {q.jql},
		"maxResults": {strconv.Itoa(q.max)},
		"fields":     {strings.Join(q.fields, ",")},
	}
	if q.expand != "" {
		v.Set("expand", q.expand)
	}
	switch {
	case at.flavour == dataCenter:
		v.Set("startAt", strconv.Itoa(q.startAt))
	case q.token != "":
		v.Set("nextPageToken", q.token)
	}
	return v
}

// readPage decodes a search reply of either flavour.
func readPage(body io.Reader, each func(raw []byte) error) (page, error) {
	var p page
	d := newDecoder(body)
	err := object(d, func(name string) error {
		switch name {
		case "issues":
			return array(d, func() error {
				raw, err := d.ReadValue()
				if err != nil {
					return err
				}
				p.count++
				return each(raw)
			})
		case "total":
			return number(d, &p.total)
		case "nextPageToken":
			return text(d, &p.token)
		}
		return d.SkipValue()
	})
	return p, err
}

// count says how many issues match: exactly on Data Center, about on Cloud.
func (c *client) count(ctx context.Context, at site, jql string) (int, error) {
	if at.flavour == dataCenter {
		p, err := c.search(ctx, at, search{jql: jql, fields: []string{"created"}}, func([]byte, time.Time) error { return nil })
		return p.total, err
	}
	sdk.Count(ctx, "requests/count", 1)
	resp, err := c.post(ctx, at.api()+"/search/approximate-count", map[string]string{"jql": jql})
	if err != nil {
		return 0, err
	}
	var reply struct {
		Count int `json:"count"`
	}
	err = decodeReply(resp, &reply)
	return reply.Count, err
}

// first returns the first issue of a query, and how many match where the flavour tells. ok is false if there is none.
func (c *client) first(ctx context.Context, at site, jql string) (found issue, total int, ok bool, err error) {
	p, err := c.search(ctx, at, search{jql: jql, max: 1, fields: []string{"created"}}, func(raw []byte, _ time.Time) error {
		if ok {
			return nil
		}
		var err error
		found, err = parseIssue(raw)
		ok = err == nil
		return err
	})
	found.raw = nil // the decoder's
	return found, p.total, ok, err
}

// newDecoder reads JSON as Jira sends it: duplicate names and bad UTF-8 are for the consumers of the records to judge.
func newDecoder(r io.Reader) *jsontext.Decoder {
	return jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
