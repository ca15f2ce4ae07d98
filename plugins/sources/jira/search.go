// Searches: one page of issues, or a count, in both flavours.

package jira

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// maxQuery is the longest JQL that goes into a URL; longer ones are posted.
const maxQuery = 1500

// search is a request for one page.
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
	count int    // issues in it
	total int    // Data Center: all matches; may be missing or wrong
	says  bool   // the reply has a total
	most  int    // Data Center: largest page; 0: not stated
	token string // Cloud: token of the next page
	last  bool   // Cloud: this page is the last
}

// search requests one page and calls each with the raw JSON of every issue as it arrives, or with
// bytes and the reason why they are not JSON, and with the server's time of the reply. raw is valid
// until each returns. Only one issue is held in memory.
func (c *client) search(ctx context.Context, at rest.Site, q search,
	each func(raw []byte, bad error, replied time.Time) error) (page, error) {
	sdk.Count(ctx, "requests/search", 1)
	resp, err := c.ask(ctx, at, q)
	if err != nil {
		return page{}, err
	}
	return c.read(at, resp, each)
}

// read reads the reply to a search and closes it.
func (c *client) read(at rest.Site, resp *http.Response,
	each func(raw []byte, bad error, replied time.Time) error) (page, error) {
	defer resp.Body.Close()
	replied := at.Clock(resp.Header)
	p, err := readPage(resp, func(raw []byte, bad error) error { return each(raw, bad, replied) })
	if err != nil {
		return page{}, err
	}
	return p, nil
}

func (c *client) ask(ctx context.Context, at rest.Site, q search) (*http.Response, error) {
	path := at.API() + "/search"
	if at.Flavour == rest.Cloud {
		path += "/jql"
	}
	if len(q.jql) <= maxQuery {
		return c.Get(ctx, path, q.values(at))
	}
	body := map[string]any{"jql": q.jql, "maxResults": q.max, "fields": q.fields}
	if at.Flavour == rest.DataCenter {
		body["startAt"] = q.startAt
		if q.expand != "" {
			body["expand"] = []string{q.expand}
		}
		return c.Post(ctx, path, body)
	}
	if q.token != "" {
		body["nextPageToken"] = q.token
	}
	if q.expand != "" {
		body["expand"] = q.expand
	}
	return c.Post(ctx, path, body)
}

func (q search) values(at rest.Site) url.Values {
	v := url.Values{
		"jql":        {q.jql},
		"maxResults": {strconv.Itoa(q.max)},
		"fields":     {strings.Join(q.fields, ",")},
	}
	if q.expand != "" {
		v.Set("expand", q.expand)
	}
	switch {
	case at.Flavour == rest.DataCenter:
		v.Set("startAt", strconv.Itoa(q.startAt))
	case q.token != "":
		v.Set("nextPageToken", q.token)
	}
	return v
}

// readPage decodes a search reply of either flavour.
func readPage(resp *http.Response, each func(raw []byte, bad error) error) (page, error) {
	var p page
	count := func(raw []byte, bad error) error {
		p.count++
		return each(raw, bad)
	}
	err := rest.ReadList(resp, "issues", count, func(d *jsontext.Decoder, name string) error {
		switch name {
		case "total":
			p.says = d.PeekKind() == '0'
			return rest.Number(d, &p.total)
		case "maxResults":
			return rest.Number(d, &p.most)
		case "nextPageToken":
			return rest.Text(d, &p.token)
		case "isLast":
			p.last = d.PeekKind() == 't'
		}
		return d.SkipValue()
	})
	return p, err
}

// count returns the number of matches: exact on Data Center, approximate on Cloud.
func (c *client) count(ctx context.Context, at rest.Site, jql string) (int, error) {
	if at.Flavour == rest.DataCenter {
		p, err := c.search(ctx, at, search{jql: jql, fields: []string{"created"}},
			func([]byte, error, time.Time) error { return nil })
		if err == nil && !p.says {
			err = errors.New("search: the reply does not say how many issues match: it has no \"total\"")
		}
		return p.total, err
	}
	sdk.Count(ctx, "requests/count", 1)
	var reply struct {
		Count rest.Whole `json:"count" required:"true"`
	}
	err := c.PostJSON(ctx, at.API()+"/search/approximate-count", map[string]string{"jql": jql}, &reply)
	return int(reply.Count), err
}

// first returns the first issue of a query, with the times that it has, and the number of matches
// if the flavour tells. ok is false if there is none.
func (c *client) first(ctx context.Context, at rest.Site, jql string) (found issue, total int, ok bool, err error) {
	p, err := c.search(ctx, at, search{jql: jql, max: 1, fields: []string{"created"}},
		func(raw []byte, bad error, _ time.Time) error {
			if !ok {
				found, _ = identify(raw, bad) // the read reports what is wrong with it
			}
			ok = true
			return nil
		})
	found.raw = nil // the decoder reuses it
	return found, p.total, ok, err
}
