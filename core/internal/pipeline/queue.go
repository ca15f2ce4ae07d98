// queue: which split is read next.

package pipeline

import (
	"context"
	"io"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
)

// claim is that of [checkpoint.Held].
type claim = func(ctx context.Context, n int) ([]checkpoint.Split, error)

// queue hands out the splits that a seat claims, of which it knows only some at a time: it claims a
// page when the last one is handed out. Its methods may be called by several goroutines at once.
type queue struct {
	claim   claim
	atATime int

	mu     sync.Mutex
	page   []checkpoint.Split // claimed, and not handed out yet
	more   bool               // there may be some to claim
	asking bool               // the store is being asked
	active int
	change chan struct{} // closed and replaced at each change
}

func newQueue(claim claim, atATime int) *queue {
	return &queue{claim: claim, atATime: atATime, more: true, change: make(chan struct{})}
}

// take returns a claimed split. It waits while there is none but one may still come, and returns
// io.EOF when there is none left and every split that it gave is done.
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

// step is what is to be done by who wants a split.
type step int

const (
	handOut step = iota
	ask
	await
	ended
)

// next takes the first claimed split; without one it says what to do, and returns what to wait for.
func (q *queue) next() (s checkpoint.Split, do step, change <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.page) > 0:
		s, q.page = q.page[0], q.page[1:]
		q.active++
		return s, handOut, nil
	case q.more && !q.asking:
		q.more, q.asking = false, true // added may say otherwise meanwhile
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

// done says that a split which was handed out is finished, broken, or left open.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active--
	q.changed()
}

// added says that there may be further splits to claim.
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
