// Queue: which split is read next, and by whom.

package pipeline

import (
	"context"
	"io"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
)

// Queue hands out the splits of a run, of which it knows only some at a time. The local one stands before the store; a
// distributed engine can stand in its place. Its methods may be called by several goroutines at once.
type Queue interface {
	// Take returns a claimed split. It waits while there is none but one may still come, and returns
	// io.EOF when there is none left and every split that it gave is done.
	Take(ctx context.Context) (checkpoint.Split, error)
	// Renew says that the holder still works on its splits. It is called after every commit.
	Renew(ctx context.Context) error
	// Done gives a split back: finished, broken, or left open.
	Done(id string)
	// Added says that the run has further splits.
	Added()
}

// Claim takes the next open splits behind a place for this process, at most n: commits of whoever had them before are refused
// from then on.
type Claim func(ctx context.Context, after int64, n int) ([]checkpoint.Split, error)

// claimAtOnce is how many splits are claimed at once. Each claim is a transaction.
const claimAtOnce = 64

// localQueue is the queue of one process that does all the work. It claims a page when the last one is handed out.
type localQueue struct {
	claim   Claim
	atATime int

	mu     sync.Mutex
	page   []checkpoint.Split // claimed, and not handed out yet
	place  int64              // of the last one that was claimed
	more   bool               // there may be some behind that
	asking bool               // the store is being asked
	active int
	change chan struct{} // closed and replaced at each change
}

func newLocalQueue(claim Claim, atATime int) *localQueue {
	return &localQueue{claim: claim, atATime: atATime, more: true, change: make(chan struct{})}
}

func (q *localQueue) Take(ctx context.Context) (checkpoint.Split, error) {
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
func (q *localQueue) next() (s checkpoint.Split, do step, change <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.page) > 0:
		s, q.page = q.page[0], q.page[1:]
		q.active++
		return s, handOut, nil
	case q.more && !q.asking:
		q.more, q.asking = false, true // Added may say otherwise meanwhile
		return s, ask, nil
	case q.active == 0 && !q.asking:
		return s, ended, nil
	}
	return s, await, q.change
}

// ask claims the next page.
func (q *localQueue) ask(ctx context.Context) error {
	page, err := q.claim(ctx, q.behind(), q.atATime)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asking = false
	if len(page) > 0 {
		q.page, q.place, q.more = page, page[len(page)-1].Place, true
	}
	q.changed()
	return err
}

func (q *localQueue) behind() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.place
}

// Renew has nothing to do here: the run's lock says who works.
func (q *localQueue) Renew(context.Context) error { return nil }

func (q *localQueue) Done(string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active--
	q.changed()
}

func (q *localQueue) Added() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.more = true
	q.changed()
}

func (q *localQueue) changed() {
	close(q.change)
	q.change = make(chan struct{})
}
