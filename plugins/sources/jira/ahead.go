// Ahead: requests the next pages before they are needed.

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
	// pagesAhead is the number of pages requested in advance. The host's limits apply too.
	pagesAhead = 2
	// mostAhead is how deep in one query pages are requested in advance. A new query from the
	// anchor costs waiting for one reply. A deep page costs the server more the deeper it is, and
	// must stay away from the result window of its search platform.
	mostAhead = 1000
	// mostMisses is the number of pages that do not join, after which nothing is requested in
	// advance.
	mostMisses = 3
)

// ahead has the replies requested in advance. The host keeps their bodies until they are used. One
// goroutine uses it.
type ahead struct {
	ask   func(context.Context, search) (*http.Response, error)
	asked []*askedPage // in the order of their startAt
	// misses counts pages that did not match.
	misses int
}

// askedPage is a requested page.
type askedPage struct {
	query   search
	guessed bool // in advance
	at      time.Time
	cancel  context.CancelFunc
	done    sync.WaitGroup
	resp    *http.Response
	err     error
}

// request requests a page, unless it was requested already.
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
	p.done.Go(func() { p.resp, p.err = a.ask(ctx, q) }) //nolint:bodyclose // closed by drop, or by the caller of wait
	return p
}

// wait returns the reply. Closing its body ends the request.
func (p *askedPage) wait() (*http.Response, error) {
	p.done.Wait()
	if p.err != nil {
		p.cancel()
		return nil, p.err
	}
	p.resp.Body = &closing{p.resp.Body, p.cancel}
	return p.resp, nil
}

// guess requests the pages after q, assuming that each has size issues and begins with the last one
// of the page before. left is the number of issues that no page before q had.
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

// has reports whether the next requested page is the one at startAt.
func (a *ahead) has(startAt int) bool { return len(a.asked) > 0 && a.asked[0].query.startAt == startAt }

// miss drops the requested pages because one did not match.
func (a *ahead) miss() {
	a.misses++
	a.drop()
}

// drop drops the requested pages.
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

// same reports whether two queries request the same page.
func (q search) same(o search) bool {
	return q.jql == o.jql && q.startAt == o.startAt && q.token == o.token
}

// closing is the body of a reply that ends its request when closed.
type closing struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c *closing) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}
