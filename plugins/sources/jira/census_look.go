// Fetching issues by id: those that a search does not show, and those that are back.

package jira

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// bulk is the number of issues in a request, the maximum of Cloud.
const bulk = 100

// lookup is a request of issues by id.
type lookup struct {
	ids    []uint64 // at most bulk
	fields []string
	expand string
}

// byID fetches issues and calls each for those that this account can see. doubtful are those that
// exist but could not be returned now. raw is valid until each returns.
func (c *client) byID(ctx context.Context, at rest.Site, ask lookup,
	each func(i *issue, raw []byte, bad error) error) (doubtful idSet, err error) {
	if at.Flavour == rest.Cloud {
		_, doubtful, err = c.bulkFetch(ctx, at, ask, each)
		return doubtful, err
	}
	for len(ask.ids) > 0 {
		found, _, err := c.bulkFetch(ctx, at, ask, each)
		if err != nil || len(found) == 0 {
			return nil, err
		}
		ask.ids = idsOf(slices.Clone(ask.ids)).without(found) // a server may return fewer than requested
	}
	return nil, nil
}

func (c *client) bulkFetch(ctx context.Context, at rest.Site, ask lookup,
	each func(i *issue, raw []byte, bad error) error) (found, doubtful idSet, err error) {
	sdk.Count(ctx, "requests/by id", 1)
	path, body := at.API()+"/search", ask.unvalidated()
	if at.Flavour == rest.Cloud {
		path, body = at.API()+"/issue/bulkfetch", ask.bulk()
	}
	resp, err := c.Post(ctx, path, body)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	fetched := at.Clock(resp.Header).Truncate(time.Second)
	err = rest.ReadList(resp, "issues", func(raw []byte, bad error) error {
		i, bad := identify(raw, bad)
		i.fetched = fetched
		if id, ok := parseID(i.id); ok {
			found = append(found, id)
		}
		return each(&i, raw, bad)
	}, func(d *jsontext.Decoder, name string) error {
		if name != "issueErrors" {
			return d.SkipValue()
		}
		return rest.Array(d, func() error {
			var id string
			err := rest.Object(d, func(name string) error {
				if name == "id" {
					return rest.Text(d, &id)
				}
				return d.SkipValue()
			})
			if n, ok := parseID(id); ok {
				doubtful = append(doubtful, n)
			}
			return err
		})
	})
	if err != nil {
		return nil, nil, err
	}
	return idsOf(found), idsOf(doubtful), nil
}

// unvalidated is the search of Data Center that accepts ids which do not exist.
func (l lookup) unvalidated() map[string]any {
	body := map[string]any{"jql": "id in (" + strings.Join(l.texts(), ", ") + ")", "validateQuery": false,
		"maxResults": bulk, "fields": l.fields}
	if l.expand != "" {
		body["expand"] = []string{l.expand}
	}
	return body
}

func (l lookup) bulk() map[string]any {
	body := map[string]any{"issueIdsOrKeys": l.texts(), "fields": l.fields}
	if l.expand != "" {
		body["expand"] = []string{l.expand}
	}
	return body
}

func (l lookup) texts() []string {
	texts := make([]string, len(l.ids))
	for n, id := range l.ids {
		texts[n] = strconv.FormatUint(id, 10)
	}
	return texts
}

// lastCreated returns the latest "created" of the issues of a page without times, or 0 if none of
// them exists any more.
func (c *client) lastCreated(ctx context.Context, at rest.Site, ids []uint64) (int64, error) {
	var last int64
	_, err := c.byID(ctx, at, lookup{ids: ids, fields: []string{"created"}}, func(i *issue, _ []byte, _ error) error {
		last = max(last, i.created)
		return nil
	})
	return last, err
}

// state requests from Data Center one issue that no search finds, and returns whether other
// accounts can see it.
func (c *client) state(ctx context.Context, at rest.Site, id uint64) (string, error) {
	sdk.Count(ctx, "requests/by id", 1)
	_, err := c.GetJSON(ctx, at.API()+"/issue/"+strconv.FormatUint(id, 10), url.Values{"fields": {"created"}}, &struct {
		ID string `json:"id" required:"true"`
	}{})
	switch rest.Status(err) {
	case 0:
		return stateElsewhere, err
	case http.StatusNotFound:
		return stateDeleted, nil
	case http.StatusForbidden, http.StatusUnauthorized:
		return stateAccessLost, nil
	}
	return "", err
}

// whole fetches complete issues and delivers them.
func (r *walkReader) whole(ctx context.Context, ids []uint64) error {
	c, _, err := r.fetch(ctx, ids)
	if err != nil {
		return err
	}
	if err := r.completeChunk(ctx, c); err != nil {
		return err
	}
	return r.deliverChunk(c)
}

// deliverChunk delivers issues that were fetched by id.
func (r *walkReader) deliverChunk(c *chunk) error {
	if err := r.clear(c); err != nil {
		return err
	}
	return r.emitChunk(c)
}

// fetch fetches complete issues, except what no search returns. doubtful is as in byID.
func (r *walkReader) fetch(ctx context.Context, ids []uint64) (c *chunk, doubtful idSet, err error) {
	c = &chunk{}
	ask := lookup{ids: ids, fields: r.needs.fields}
	if r.needs.history {
		ask.expand = "changelog"
	}
	doubtful, err = r.client.byID(ctx, r.at, ask, func(i *issue, raw []byte, bad error) error {
		it := &item{}
		if bad != nil {
			it.reject(issuesStream, shortened(raw), bad)
		} else {
			it.issue = *i
			it.issue.raw = bytes.Clone(i.raw)
		}
		c.items = append(c.items, it)
		return nil
	})
	return c, doubtful, err
}
