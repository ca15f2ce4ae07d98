// Lists that no search returns: remote links, votes, watchers and properties, with one request for
// each issue; and changelogs in bulk.

package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// lists requests the selected lists of an issue. Votes and watchers are requested only if there are
// any.
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

// list requests one list of an issue: the reply itself, or its member of that name. A list that
// this account may not see is marked as unknown, and counted.
func (r *walkReader) list(ctx context.Context, it *item, stream, path, name string) error {
	all, err := r.ask(ctx, it, stream, path, func(raw []byte) ([]byte, bool) {
		if name != "" {
			raw = rest.Open(raw).Raw(name)
		}
		return raw, rest.IsArray(raw)
	})
	if err == nil && all != nil {
		it.lists[stream] = rest.Elements(all)
	}
	return err
}

// ask requests a resource below an issue and passes the reply to part, which finds the wanted value
// in it. It returns nil if this account may not see the value, or it cannot be read.
func (r *walkReader) ask(ctx context.Context, it *item, stream, path string,
	part func(raw []byte) (of []byte, ok bool)) ([]byte, error) {
	found, err := r.below(ctx, it, stream, path, part)
	if refusal(err) {
		it.refused = true
		sdk.Count(ctx, "refused/"+stream, 1)
		r.refusedFor(ctx, stream, err)
		return nil, nil
	}
	return found, r.lack(ctx, it, stream, err)
}

func (r *walkReader) below(ctx context.Context, it *item, stream, path string,
	part func(raw []byte) (of []byte, ok bool)) ([]byte, error) {
	sdk.Count(ctx, "requests/"+stream, 1)
	resp, err := r.client.Get(ctx, r.at.API()+"/issue/"+url.PathEscape(it.issue.id)+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var raw json.RawMessage
	if err := rest.Decode(resp, &raw); err != nil {
		return nil, err
	}
	of, ok := part(raw)
	if !ok {
		return nil, rest.Other(resp, errors.New("the reply is not what was asked for"), raw)
	}
	return of, nil
}

// refusedFor logs and counts a list of an issue that this account may not see. If the list or its
// issue does not exist, nothing is lost.
func (r *walkReader) refusedFor(ctx context.Context, stream string, err error) {
	if rest.Forbidden(err) && !r.part.Every {
		sdk.Missing(ctx, stream+" of issues", rest.Why(err))
	}
}

// lack records that a part of an issue cannot be read, if only this part is affected. The issue is
// delivered without it, and requested again in the next run. The first time, its chunk fails. Any
// other error is returned.
func (r *walkReader) lack(ctx context.Context, it *item, stream string, err error) error {
	if err == nil {
		return nil
	}
	if !r.client.Alone(ctx, err) {
		return fmt.Errorf("%s: %w", it.issue.key, err)
	}
	it.lacks++
	if !r.source.patience.Over(stream+" of "+it.issue.id, err) {
		it.failed = fmt.Errorf("%s: %w", it.issue.key, err)
		return nil
	}
	sdk.Log(ctx).Warn("an issue is delivered without something that it has: the next run asks for it again", "issue",
		it.issue.key, "stream", stream, "error", rest.Brief(err))
	sdk.Missing(ctx, stream+" of issues", rest.Why(err))
	return nil
}

// properties requests the keys of an issue's properties, and each value. No search lists keys.
func (r *walkReader) properties(ctx context.Context, it *item) error {
	keys, err := r.ask(ctx, it, propertiesStream, "properties", func(raw []byte) ([]byte, bool) {
		keys := rest.Open(raw).Raw("keys")
		return keys, rest.IsArray(keys)
	})
	if err != nil || keys == nil {
		return err
	}
	lacked := it.lacks
	for _, e := range rest.Elements(keys) {
		key := rest.Open(e).Text("key")
		one, err := r.ask(ctx, it, propertiesStream, "properties/"+url.PathEscape(key),
			func(raw []byte) ([]byte, bool) {
				return raw, rest.Open(raw).Has("value")
			})
		if err != nil {
			return err
		}
		if one != nil { // else it was deleted meanwhile
			it.properties = append(it.properties, property{key, rest.Open(one).Raw("value")})
		}
	}
	if it.lacks == lacked {
		it.lists[propertiesStream] = nil // known to be empty
	}
	return nil
}

const (
	// bulkIssues is the largest number of issues in one bulk request.
	bulkIssues = 1000
	// bulkPage is the number of histories in a page.
	bulkPage = 1000
)

// bulkChangelogs requests the changelogs of all issues of a chunk that came truncated, by issue id.
// An issue that the reply leaves out is requested alone: the bulk silently leaves out issues that
// it does not know, and some accounts may not use it.
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
		if refusal(err) || r.client.Alone(ctx, err) { // then each is requested alone
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
				IssueID         string            `json:"issueId" required:"true"`
				ChangeHistories []json.RawMessage `json:"changeHistories" required:"true"`
			} `json:"issueChangeLogs" required:"true"`
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

// bulkElement is a history in a bulk reply. If its time is a number of seconds, it is converted to
// text, as in all other replies.
func bulkElement(raw []byte) element {
	h := rest.Open(raw)
	e := element{id: h.Text("id"), created: h.Time("created"), raw: raw}
	if when := h.Raw("created"); len(when) > 0 && when[0] != '"' {
		text := fmt.Appendf(nil, `"created":%q`, time.UnixMilli(e.created).UTC().Format("2006-01-02T15:04:05.000-0700"))
		e.raw = bytes.Replace(raw, append([]byte(`"created":`), when...), text, 1)
	}
	return e
}
