// Reading ahead: the first pages of the next parents' lists are requested while the list of this
// one is read.

package lists

import (
	"context"
	"sync"
)

// width is the number of parallel requests. The host's own limits apply too.
const width = 8

// ahead requests first pages in advance, and returns them in order.
type ahead struct {
	fetch func(ctx context.Context, n int) (page, error)
	total int

	ctx    context.Context //nolint:containedctx // of the goroutines, which end with stop
	cancel context.CancelFunc
	asked  sync.WaitGroup
	next   int
	pages  map[int]chan fetched
}

type fetched struct {
	page page
	err  error
}

func newAhead(ctx context.Context, total int, fetch func(ctx context.Context, n int) (page, error)) *ahead {
	a := &ahead{fetch: fetch, total: total, pages: map[int]chan fetched{}}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// take returns the nth first page. n only grows.
func (a *ahead) take(n int) (page, error) {
	a.next = max(a.next, n)
	for ; a.next < min(n+width, a.total); a.next++ {
		at, reply := a.next, make(chan fetched, 1)
		a.pages[at] = reply
		a.asked.Go(func() {
			p, err := a.fetch(a.ctx, at)
			reply <- fetched{p, err}
		})
	}
	got := <-a.pages[n]
	delete(a.pages, n)
	return got.page, got.err
}

// stop cancels the requests that are not needed.
func (a *ahead) stop() {
	a.cancel()
	a.asked.Wait()
}
