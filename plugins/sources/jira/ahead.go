// Ahead: the pages behind the one that is read, asked for before their turn has come.

package jira

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

const (
	// pagesAhead is how many are asked for at once behind the one that is read. The host's own
	// limits hold as well.
	pagesAhead = 2
	// mostAhead is how deep into one query pages are asked for so. A new query from the anchor
	// costs the wait for one reply; a deep one costs the server more the deeper it is, and none may
	// come near the window of its search platform.
	mostAhead = 1000
	// mostMisses is how many pages may come that do not join, before nothing is asked for ahead any
	// more.
	mostMisses = 3
)

// ahead holds the replies that were asked for ahead. Their bodies stay with the host until their
// turn comes. It belongs to one goroutine.
type ahead struct {
	ask   func(context.Context, search) (*http.Response, error)
	asked []*askedPage // in the order of their startAt
	// misses counts the pages that did not fit.
	misses int
}

// askedPage is a page that was asked for.
type askedPage struct {
	query   search
	guessed bool // ahead of the page before it
	at      time.Time
	cancel  context.CancelFunc
	done    sync.WaitGroup
	resp    *http.Response
	err     error
}

// request asks for a page, unless it was asked for already.
func (a *ahead) request(ctx context.Context, q search) *askedPage {
	if len(a.asked) > 0 && a.asked[0].query.same(q) {
		first := a.asked[0]
		a.asked, first.guessed = a.asked[1:], true
		return first
	}
	a.drop()
	return a.start(ctx, q)
}

func (a *ahead) start(ctx context.Context, q search) *askedPage {
	sdk.Count(ctx, "requests/search", 1)
	p := &askedPage{query: q, at: time.Now()}
	ctx, p.cancel = context.WithCancel(ctx)
	p.done.Go(func() { p.resp, p.err = a.ask(ctx, q) }) //nolint:bodyclose // by drop, or by whom wait gives it
	return p
}

// wait returns the reply. To close its body ends the request.
func (p *askedPage) wait() (*http.Response, error) {
	p.done.Wait()
	if p.err != nil {
		p.cancel()
		return nil, p.err
	}
	p.resp.Body = &closing{p.resp.Body, p.cancel}
	return p.resp, nil
}

// guess asks for the pages that follow q, if each holds size issues and begins with the last one of
// the page before. left is how many issues no page before q had.
func (a *ahead) guess(ctx context.Context, q search, size, left int) {
	if a.misses >= mostMisses || size < 2 {
		return
	}
	for n := range pagesAhead {
		q.startAt += size - 1
		left -= size - 1
		if left <= 0 || q.startAt > mostAhead {
			return
		}
		if n >= len(a.asked) {
			a.asked = append(a.asked, a.start(ctx, q))
		}
	}
}

// has reports whether the next page that was asked for is the one at startAt.
func (a *ahead) has(startAt int) bool { return len(a.asked) > 0 && a.asked[0].query.startAt == startAt }

// miss gives up what was asked for, because it did not fit.
func (a *ahead) miss() {
	a.misses++
	a.drop()
}

// drop gives up what was asked for.
func (a *ahead) drop() {
	for _, p := range a.asked {
		p.cancel()
		p.done.Wait()
		if p.err == nil {
			p.resp.Body.Close()
		}
	}
	a.asked = nil
}

// same reports whether two queries ask for the same page.
func (q search) same(o search) bool {
	return q.jql == o.jql && q.startAt == o.startAt && q.token == o.token
}

// closing is the body of a reply that ends what it was asked with.
type closing struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c *closing) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}
