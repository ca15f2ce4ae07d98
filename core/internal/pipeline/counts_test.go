// What plugins count and reject is bounded, and cannot make the report wrong.

package pipeline_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

// Reasons, counters and streams keep their bounds over all groups of a run, and their names are
// short.
func TestCountsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 30, records: 200, every: 10})
		long := strings.Repeat("ä", 10_000)
		w.source.before = func(ctx context.Context, split string, n int) error {
			sdk.Count(ctx, fmt.Sprintf("%s/%s/%d", long, split, n), 1)
			sdk.Count(ctx, fmt.Sprintf("of/%s/%d", split, n), 1)
			return nil
		}
		w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("transform torn",
			transformFunc(func(b sdk.Batch) ([]sdk.Batch, error) {
				var rejects sdk.Rejects
				out := sdk.Batch{Stream: long + string(b.Payload), Op: b.Op}
				for r := range b.Records() {
					if len(rejects)%2 == 0 {
						rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: r, Reason: string(r) + long})
						continue
					}
					out.Payload, out.Count = append(append(out.Payload, r...), '\n'), out.Count+1
				}
				return []sdk.Batch{out}, rejects.Err()
			}))}
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Complete {
			t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
		}
		torn := res.Counts.Stages["transform torn"]
		for what, c := range map[string]struct {
			sums map[string]int64
			most int
			sum  int64
		}{
			"reasons":  {torn.Reasons, 101, torn.Rejected},
			"streams":  {torn.Streams, 1001, torn.Out},
			"counters": {res.Counts.Counters, 5001, 3 * 30 * 200},
		} {
			var sum int64
			for name, n := range c.sums {
				sum += n
				if len(name) > 250 {
					t.Errorf("%s: a name of %d bytes", what, len(name))
				}
			}
			if len(c.sums) > c.most || sum != c.sum {
				t.Errorf("%d %s with a sum of %d, want at most %d and %d", len(c.sums), what, sum, c.most, c.sum)
			}
		}
	})
}

// A counter stops at the largest number.
func TestCountersDoNotRunOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 2, records: 4, every: 1})
		w.source.before = func(ctx context.Context, _ string, _ int) error {
			sdk.Count(ctx, "up", 1<<62)
			sdk.Count(ctx, "down", -1<<62)
			return nil
		}
		res := w.run(t.Context(), t)
		if up, down := res.Counts.Counters["up"], res.Counts.Counters["down"]; up != math.MaxInt64 ||
			down != math.MinInt64 {
			t.Errorf("up %d, down %d", up, down)
		}
	})
}

// A stage that rejects what it was not given is at fault, and the report stays right.
func TestRejectsOfNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rejects func(b sdk.Batch, record []byte) sdk.Rejects
		fault   string
	}{
		"more than came": {func(b sdk.Batch, r []byte) sdk.Rejects {
			return make(sdk.Rejects, b.Count+1)
		}, "rejected 6 records of a batch of 5"},
		"another stream": {func(b sdk.Batch, r []byte) sdk.Rejects {
			return sdk.Rejects{{Stream: "others", Record: r, Reason: "no"}}
		}, `a record of "others"`},
		"another record": {func(b sdk.Batch, r []byte) sdk.Rejects {
			return sdk.Rejects{{Stream: b.Stream, Record: []byte(`{"n":99}`), Reason: "no"}}
		}, "that it was not given"},
		"one record twice": {func(b sdk.Batch, r []byte) sdk.Rejects {
			return sdk.Rejects{{Stream: b.Stream, Record: r, Reason: "no"}, {Stream: b.Stream, Record: r, Reason: "no"}}
		}, "that it was not given"},
		"nothing of a record": {func(b sdk.Batch, r []byte) sdk.Rejects {
			return sdk.Rejects{{Stream: b.Stream, Reason: "no"}}
		}, "that it was not given"},
		"a part of a record": {func(b sdk.Batch, r []byte) sdk.Rejects {
			return sdk.Rejects{{Stream: b.Stream, Record: r[:8], Reason: "no"}}
		}, ""},
		"the last and the first": {func(b sdk.Batch, r []byte) sdk.Rejects {
			var all [][]byte
			for r := range b.Records() {
				all = append(all, r)
			}
			return sdk.Rejects{{Stream: b.Stream, Record: all[len(all)-1], Reason: "no"},
				{Stream: b.Stream, Record: all[0], Reason: "no"}}
		}, ""},
	} {
		for _, stage := range []string{"transform", "sink"} {
			t.Run(stage+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, &numbers{splits: 1, records: 5, every: 5})
					reject := func(b sdk.Batch) error {
						for r := range b.Records() {
							return c.rejects(b, r)
						}
						return nil
					}
					if stage == "sink" {
						w.shelf.write = reject
					} else {
						w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("transform odd",
							transformFunc(func(b sdk.Batch) ([]sdk.Batch, error) { return nil, reject(b) }))}
					}
					res := w.run(t.Context(), t)
					if c.fault == "" {
						if res.Outcome != checkpoint.Complete {
							t.Errorf("outcome %s: %v", res.Outcome, res.Err)
						}
						return
					}
					if res.Outcome != checkpoint.Failed || !strings.Contains(fmt.Sprint(res.Err), c.fault) ||
						!strings.Contains(fmt.Sprint(res.Err), stage+" ") {
						t.Errorf("outcome %s: %v", res.Outcome, res.Err)
					}
					for name, s := range res.Counts.Stages {
						if s.Out < 0 || s.Rejected > s.In {
							t.Errorf("%s: in %d, out %d, rejected %d", name, s.In, s.Out, s.Rejected)
						}
					}
				})
			})
		}
	}
}
