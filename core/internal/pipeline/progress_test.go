package pipeline

import (
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// TestEstimates: how many records a stream will have is known only if that is known of each of its
// splits.
func TestEstimates(t *testing.T) {
	t.Parallel()
	split := func(id string, estimate, records int64, status checkpoint.Status) checkpoint.Split {
		return checkpoint.Split{Split: sdk.Split{ID: id, Stream: "posts", Estimate: estimate}, Records: records,
			Status: status}
	}
	for want, splits := range map[int64][]checkpoint.Split{
		150: {split("a", 100, 20, checkpoint.Open), split("b", 0, 50, checkpoint.Done)},
		120: {split("a", 100, 120, checkpoint.Open)},
		0:   {split("a", 100, 20, checkpoint.Open), split("b", 0, 50, checkpoint.Open)},
	} {
		p := newProgress()
		for _, s := range splits {
			p.sums.Add(s)
		}
		if got := p.snapshot().Streams; len(got) != 1 || got[0].Estimate != want {
			t.Errorf("%+v, want an estimate of %d", got, want)
		}
	}
}
