// Queue: which split is read next, and by whom.

package pipeline

import (
	"context"
	"io"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// Queue hands out the splits of a run. The local one stands before the store; a distributed engine can
// stand in its place. Its methods may be called by several goroutines at once.
type Queue interface {
	// Take returns a claimed split. It waits while there is none but one may still come, and returns
	// io.EOF when every split that it knows is done.
	Take(ctx context.Context) (checkpoint.Split, error)
	// Renew says that the holder still works on its splits. It is called after every commit.
	Renew(ctx context.Context) error
	// Done gives a split back: finished, broken, or left open.
	Done(id string)
	// Add hands out further splits, whose ids are new.
	Add(splits []sdk.Split)
}

// Claim takes a split for this process: commits of whoever had it before are refused from then on.
type Claim func(ctx context.Context, id string) (checkpoint.Split, error)

// localQueue is the queue of one process that does all the work.
type localQueue struct {
	claim Claim

	mu     sync.Mutex
	open   []string
	active int
	change chan struct{} // closed and replaced at each change
}

func newLocalQueue(splits []checkpoint.Split, claim Claim) Queue {
	q := &localQueue{claim: claim, change: make(chan struct{})}
	for _, s := range splits {
		if s.Status == checkpoint.Open {
			q.open = append(q.open, s.ID)
		}
	}
	return q
}

func (q *localQueue) Take(ctx context.Context) (checkpoint.Split, error) {
	for {
		id, change, err := q.next()
		if err != nil {
			return checkpoint.Split{}, err
		}
		if id != "" {
			s, err := q.claim(ctx, id)
			if err != nil {
				q.Done(id)
			}
			return s, err
		}
		select {
		case <-change:
		case <-ctx.Done():
			return checkpoint.Split{}, ctx.Err()
		}
	}
}

// next takes the first open split; without one it returns what to wait for, or io.EOF.
func (q *localQueue) next() (string, <-chan struct{}, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) > 0 {
		id := q.open[0]
		q.open = q.open[1:]
		q.active++
		return id, nil, nil
	}
	if q.active == 0 {
		return "", nil, io.EOF
	}
	return "", q.change, nil
}

// Renew has nothing to do here: the run's lock says who works.
func (q *localQueue) Renew(context.Context) error { return nil }

func (q *localQueue) Done(string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active--
	q.changed()
}

func (q *localQueue) Add(splits []sdk.Split) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range splits {
		q.open = append(q.open, s.ID)
	}
	q.changed()
}

func (q *localQueue) changed() {
	close(q.change)
	q.change = make(chan struct{})
}
