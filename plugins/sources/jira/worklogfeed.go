// The feed of worklogs: those logged, changed and deleted on the whole site since the last run.

package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// feedKind is the kind of the one split that reads the feeds.
const feedKind = "feed"

// feedCursor is how far the feeds were read.
type feedCursor struct {
	Updated feedPlace `json:"updated"`
	Deleted feedPlace `json:"deleted"`
	Done    bool      `json:"done,omitempty"`
}

// feedPlace is the time of the last event that was read, and the worklogs with that very time. Some
// servers return the events at the requested time, others only those after it, so requests start a
// millisecond earlier.
type feedPlace struct {
	At   rest.Whole   `json:"at"`
	Seen []rest.Whole `json:"seen,omitempty"`
}

func planFeed(_ context.Context, r *run) ([]sdk.Split, error) {
	p := r.base
	if len(r.previous) > 0 {
		p.Feed = r.previous[0].cursor
	}
	return []sdk.Split{newSplit("worklogs/feed", feedStream, p, 0)}, nil
}

func readFeed(ctx context.Context, r *reader) error {
	c, err := feedFrom(r)
	if err != nil || c.Done {
		return err
	}
	f := &feed{reader: r, maker: record.Maker{Raw: r.source.Content != "normalised"}}
	err = f.follow(ctx, "updated", &c.Updated, &c, f.changed)
	if err == nil {
		err = f.follow(ctx, "deleted", &c.Deleted, &c, f.deleted)
	}
	switch {
	case refusal(err):
		sdk.Log(ctx).Warn("the feed of worklogs stays as it is: this account does not get it", "error", err)
		if rest.Forbidden(err) && !r.part.Every {
			sdk.Missing(ctx, feedStream, rest.Why(err))
		}
	// the next run continues from the same place
	case r.client.Alone(ctx, err) && r.source.patience.Over(feedStream, err):
		sdk.Log(ctx).Warn("the feed of worklogs cannot be read: the next run goes on from here", "error", err)
		sdk.Missing(ctx, feedStream, rest.Why(err))
	case err != nil:
		return err
	}
	if err := r.client.Stand(ctx); err != nil {
		return err
	}
	c.Done = true
	return r.cursor(c)
}

// feedFrom returns where to continue: in this split, or else after that of the last run.
func feedFrom(r *reader) (feedCursor, error) {
	var c feedCursor
	from := r.from
	if len(from) == 0 {
		from = r.part.Feed
	}
	if len(from) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(from, &c); err != nil {
		return c, sdk.Permanent(fmt.Errorf("cursor: %w", err))
	}
	c.Done = c.Done && len(r.from) > 0
	return c, nil
}

type feed struct {
	*reader
	maker record.Maker
}

// event is one entry of a feed.
type event struct {
	ID rest.Whole `json:"worklogId" required:"true"`
	At rest.Whole `json:"updatedTime" required:"true"`
}

// follow reads a feed from a place on, page by page, and saves a cursor after each. The last minute
// is left to the next run: a worklog of this moment may not be in it yet.
func (f *feed) follow(ctx context.Context, name string, at *feedPlace, all *feedCursor,
	take func(context.Context, []event) error) error {
	for {
		events, more, err := f.page(ctx, name, int64(at.At)-1)
		if err != nil {
			return err
		}
		events = slices.DeleteFunc(events, func(e event) bool {
			return e.At < at.At || e.At == at.At && slices.Contains(at.Seen, e.ID)
		})
		if len(events) == 0 && !more {
			return nil
		}
		if len(events) == 0 { // a page of one millisecond: its other events are in no page
			sdk.Log(ctx).Warn("the feed of worklogs has more events in one millisecond than in a page: some are "+
				"left out", "at", time.UnixMilli(int64(at.At)).UTC())
			at.At, at.Seen = at.At+1, nil
			continue
		}
		if err := take(ctx, events); err != nil {
			return err
		}
		for _, e := range events {
			if e.At > at.At {
				at.At, at.Seen = e.At, nil
			}
			if e.At == at.At {
				at.Seen = append(at.Seen, e.ID)
			}
		}
		if err := f.cursor(*all); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
}

// page requests the events after a time, oldest first, without those of the last minute.
func (f *feed) page(ctx context.Context, name string, since int64) (events []event, more bool, err error) {
	sdk.Count(ctx, "requests/worklog feed", 1)
	query := url.Values{"since": {strconv.FormatInt(max(since, 0), 10)}}
	var page struct {
		Values   []event `json:"values" required:"true"`
		LastPage *bool   `json:"lastPage"`
	}
	header, err := f.client.GetJSON(ctx, f.at.API()+"/worklog/"+name, query, &page)
	if err != nil {
		return nil, false, err
	}
	last := page.LastPage != nil && *page.LastPage
	switch none := len(page.Values) == 0; {
	case none && page.LastPage != nil && !last:
		return nil, false, fmt.Errorf("the feed of worklogs says that there are events behind %d, and shows none: "+
			"try again later", since)
	case none:
		return nil, false, nil
	}
	young := rest.Whole(f.at.Clock(header).Add(-time.Minute).UnixMilli())
	settled := slices.DeleteFunc(slices.Clone(page.Values), func(e event) bool { return e.At > young })
	slices.SortStableFunc(settled, func(a, b event) int { return int(min(max(a.At-b.At, -1), 1)) })
	return settled, !last && len(settled) == len(page.Values), nil
}

// mostHidden is the number of worklogs in one request that may be missing although their feed names
// them: they were deleted meanwhile, or this account may not see them. If more are requested and
// none comes, and they were not deleted, the list is not usable.
const mostHidden = 10

// changed requests the worklogs of the events and emits them. One that was deleted meanwhile does
// not come.
func (f *feed) changed(ctx context.Context, events []event) error {
	ids := make([]rest.Whole, len(events))
	for n, e := range events {
		ids[n] = e.ID
	}
	for some := range slices.Chunk(ids, 1000) {
		sdk.Count(ctx, "requests/worklog list", 1)
		var worklogs []json.RawMessage
		if err := f.client.PostJSON(ctx, f.at.API()+"/worklog/list", map[string]any{"ids": some},
			&worklogs); err != nil {
			return err
		}
		if err := f.hidden(ctx, some, events[0].At, len(worklogs)); err != nil {
			return err
		}
		for _, worklog := range worklogs {
			if err := f.put(feedStream, f.maker.FeedWorklog(f.at, worklog)); err != nil {
				return err
			}
		}
	}
	return nil
}

// hidden reports worklogs that the feed names from a time on and that do not come.
func (f *feed) hidden(ctx context.Context, named []rest.Whole, from rest.Whole, came int) error {
	if came >= len(named) {
		return nil
	}
	if came == 0 && len(named) > mostHidden {
		gone, err := f.gone(ctx, from)
		if err != nil {
			return err
		}
		there := slices.DeleteFunc(slices.Clone(named), func(id rest.Whole) bool { return gone[id] })
		if len(there) > mostHidden {
			return rest.Short("POST " + f.at.API() + "/worklog/list")
		}
	}
	sdk.Count(ctx, feedStream+"/named and not shown", int64(len(named)-came))
	sdk.Log(ctx).Warn("worklogs that the feed names do not come: they were deleted, or this account may not see them",
		"named", len(named), "came", came)
	return nil
}

// gone returns the worklogs that were deleted from a time on.
func (f *feed) gone(ctx context.Context, from rest.Whole) (map[rest.Whole]bool, error) {
	gone := map[rest.Whole]bool{}
	for since := int64(from) - 1; ; {
		events, more, err := f.page(ctx, "deleted", since)
		if err != nil {
			return nil, err
		}
		before := since
		for _, e := range events {
			gone[e.ID] = true
			since = max(since, int64(e.At))
		}
		if !more || since == before {
			return gone, nil
		}
	}
}

func (f *feed) deleted(_ context.Context, events []event) error {
	for _, e := range events {
		if err := f.remove(feedStream, map[string]string{"id": strconv.FormatInt(int64(e.ID), 10)}); err != nil {
			return err
		}
	}
	return nil
}
