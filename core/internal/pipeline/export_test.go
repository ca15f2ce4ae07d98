package pipeline

import (
	"context"
	"strconv"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// Queue is the queue of a seat, for its tests.
type Queue struct{ *queue }

// NewQueue returns a queue.
func NewQueue(c claim, atATime int) Queue { return Queue{newQueue(c, atATime)} }

// Take takes a split.
func (q Queue) Take(ctx context.Context) (checkpoint.Split, error) { return q.take(ctx) }

// Done gives it back.
func (q Queue) Done() { q.done() }

// Added says that there are more.
func (q Queue) Added() { q.added() }

// WithSplits returns a run that has read one record of each of n splits.
func WithSplits(n int) *Pipeline {
	p := New(Config{})
	for i := range n {
		s := checkpoint.Split{Split: sdk.Split{ID: strconv.Itoa(i), Stream: "numbers", Estimate: 2},
			Status: checkpoint.Open}
		p.progress.add([]sdk.Split{s.Split})
		now := s
		now.Records++
		p.progress.delivered(s, now, newCounts())
	}
	return p
}
