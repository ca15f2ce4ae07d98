// queue: the order in which splits are read.

package pipeline

import (
	"context"
	"io"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
)

// claim is the method Claim of [checkpoint.Held].
type claim = func(ctx context.Context, n int) ([]checkpoint.Split, error)

// queue hands out the splits that a seat claims. It claims a page at a time, when the previous one
// is used up. Its methods may be called by several goroutines at the same time.
type queue struct {
	claim   claim
	atATime int

	mu     sync.Mutex
	page   []checkpoint.Split // claimed, not handed out yet
	more   bool               // the store may have more
	asking bool               // a claim is in progress
	active int
	change chan struct{} // closed and replaced at each change
}

func newQueue(claim claim, atATime int) *queue {
	return &queue{claim: claim, atATime: atATime, more: true, change: make(chan struct{})}
}

// take returns a claimed split. It waits while none is there but one may still come. It returns
// io.EOF when no split is left and every split that it returned is done.
func (q *queue) take(ctx context.Context) (checkpoint.Split, error) {
	for {
		s, do, change := q.next()
		switch do {
		case handOut:
			return s, nil
		case ended:
			return s, io.EOF
		case ask:
			if err := q.ask(ctx); err != nil {
				return s, err
			}
			continue
		}
		select {
		case <-change:
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// step is what a caller of take must do next.
type step int

const (
	handOut step = iota
	ask
	await
	ended
)

// next returns the first claimed split. Without one, it returns what to do and the channel to wait
// for.
func (q *queue) next() (s checkpoint.Split, do step, change <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.page) > 0:
		s, q.page = q.page[0], q.page[1:]
		q.active++
		return s, handOut, nil
	case q.more && !q.asking:
		q.more, q.asking = false, true // added may set more meanwhile
		return s, ask, nil
	case q.active == 0 && !q.asking:
		return s, ended, nil
	}
	return s, await, q.change
}

// ask claims the next page.
func (q *queue) ask(ctx context.Context) error {
	page, err := q.claim(ctx, q.atATime)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asking = false
	if len(page) > 0 {
		q.page, q.more = page, true
	}
	q.changed()
	return err
}

// done says that a split from take is finished, broken, or left open.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active--
	q.changed()
}

// added says that there may be more splits to claim.
func (q *queue) added() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.more = true
	q.changed()
}

func (q *queue) changed() {
	close(q.change)
	q.change = make(chan struct{})
}
