package pipeline

import (
	"strconv"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// NewLocalQueue returns the queue of one process.
func NewLocalQueue(claim Claim, atATime int) Queue { return newLocalQueue(claim, atATime) }

// WithSplits returns a run that has read one record of each of n splits.
func WithSplits(n int) *Pipeline {
	p := New(Config{})
	for i := range n {
		s := checkpoint.Split{Split: sdk.Split{ID: strconv.Itoa(i), Stream: "numbers", Estimate: 2}, Status: checkpoint.Open}
		p.progress.add([]sdk.Split{s.Split})
		now := s
		now.Records++
		p.progress.delivered(s, now, newCounts())
	}
	return p
}
