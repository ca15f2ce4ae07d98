// Lists that no search brings: links to outside, votes, watchers, properties, one request an issue; and changelogs in bulk.

package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// property is one property of an issue.
type property struct {
	key   string
	value []byte
}

// lists asks for the lists of an issue that are wanted. Votes and watchers are asked for only if there are any.
func (r *walkReader) lists(ctx context.Context, it *item) error {
	it.lists = map[string][][]byte{}
	if !slices.ContainsFunc([]string{remoteLinksStream, votesStream, watchersStream, propertiesStream}, r.wants) {
		return nil
	}
	fields := rest.Open(it.issue.fieldsRaw())
	votes, voting := fields.In("votes").Int("votes")
	watchers, watching := fields.In("watches").Int("watchCount")
	for _, l := range []struct {
		stream, path, name string
		has, known         bool
	}{
		{remoteLinksStream, "remotelink", "", true, true},
		{votesStream, "votes", "voters", votes > 0, voting},
		{watchersStream, "watchers", "watchers", watchers > 0, watching},
	} {
		switch {
		case !r.wants(l.stream) || !l.known:
		case !l.has:
			it.lists[l.stream] = nil
		default:
			if err := r.list(ctx, it, l.stream, l.path, l.name); err != nil {
				return err
			}
		}
	}
	if r.wants(propertiesStream) {
		return r.properties(ctx, it)
	}
	return nil
}

// list asks for one list of an issue: the reply itself, or its member of that name. One that this account may not see is
// not known, and counted.
func (r *walkReader) list(ctx context.Context, it *item, stream, path, name string) error {
	raw, err := r.ask(ctx, it, stream, path)
	if err != nil || raw == nil {
		return err
	}
	if name == "" {
		it.lists[stream] = rest.Elements(raw)
		return nil
	}
	if reply := rest.Open(raw); reply.Has(name) {
		it.lists[stream] = rest.Elements(reply.Raw(name))
	}
	return nil
}

// ask asks for what lies below an issue; nil if this account does not get it.
func (r *walkReader) ask(ctx context.Context, it *item, stream, path string) ([]byte, error) {
	sdk.Count(ctx, "requests/"+stream, 1)
	resp, err := r.client.Get(ctx, r.at.API()+"/issue/"+url.PathEscape(it.issue.id)+"/"+path, nil)
	if refusal(err) {
		it.refused = true
		sdk.Count(ctx, "refused/"+stream, 1)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", it.issue.key, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: reply: %w", rest.Where(resp), err)
	}
	if !json.Valid(raw) {
		return nil, fmt.Errorf("%s: reply: not valid JSON", rest.Where(resp))
	}
	return raw, nil
}

// properties asks for the keys of an issue's properties and for each value. No search lists keys.
func (r *walkReader) properties(ctx context.Context, it *item) error {
	raw, err := r.ask(ctx, it, propertiesStream, "properties")
	if err != nil || raw == nil {
		return err
	}
	for _, e := range rest.Elements(rest.Open(raw).Raw("keys")) {
		key := rest.Open(e).Text("key")
		one, err := r.ask(ctx, it, propertiesStream, "properties/"+url.PathEscape(key))
		if err != nil {
			return err
		}
		if one != nil { // or it went away meanwhile
			it.properties = append(it.properties, property{key, rest.Open(one).Raw("value")})
		}
	}
	it.lists[propertiesStream] = nil // known
	return nil
}

const (
	// bulkIssues is how many issues one bulk request may name.
	bulkIssues = 1000
	// bulkPage is how many histories are asked for at once.
	bulkPage = 1000
)

// bulkChangelogs asks for the histories of all issues of a chunk whose changelog came cut, by issue id. Who it does not
// come for is asked alone: the bulk leaves out silently what it does not know, and some accounts may not use it.
func (r *walkReader) bulkChangelogs(ctx context.Context, c *chunk) (map[string][]element, error) {
	var ids []string
	for _, it := range c.items {
		if it.issue.id != "" && r.cutHistory(it) {
			ids = append(ids, it.issue.id)
		}
	}
	if r.noBulk {
		return nil, nil
	}
	all := map[string][]element{}
	for some := range slices.Chunk(ids, bulkIssues) {
		err := r.bulkPages(ctx, some, all)
		if refusal(err) {
			r.noBulk = true
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (r *walkReader) bulkPages(ctx context.Context, ids []string, all map[string][]element) error {
	body := map[string]any{"issueIdsOrKeys": ids, "maxResults": bulkPage}
	used := map[string]bool{}
	for {
		sdk.Count(ctx, "requests/changelog bulk", 1)
		var reply struct {
			IssueChangeLogs []struct {
				IssueID         string            `json:"issueId"`
				ChangeHistories []json.RawMessage `json:"changeHistories"`
			} `json:"issueChangeLogs"`
			NextPageToken string `json:"nextPageToken"`
		}
		if err := r.client.PostJSON(ctx, r.at.API()+"/changelog/bulkfetch", body, &reply); err != nil {
			return err
		}
		for _, log := range reply.IssueChangeLogs {
			for _, raw := range log.ChangeHistories {
				all[log.IssueID] = append(all[log.IssueID], bulkElement(raw))
			}
		}
		if reply.NextPageToken == "" || used[reply.NextPageToken] {
			return nil
		}
		used[reply.NextPageToken] = true
		body["nextPageToken"] = reply.NextPageToken
	}
}

// bulkElement is a history as the bulk has it: its time may be a number of seconds, and becomes a text as in all other
// places.
func bulkElement(raw []byte) element {
	h := rest.Open(raw)
	e := element{id: h.Text("id"), created: h.Time("created"), raw: raw}
	if when := h.Raw("created"); len(when) > 0 && when[0] != '"' {
		text := fmt.Appendf(nil, `"created":%q`, time.UnixMilli(e.created).UTC().Format("2006-01-02T15:04:05.000-0700"))
		e.raw = bytes.Replace(raw, append([]byte(`"created":`), when...), text, 1)
	}
	return e
}
