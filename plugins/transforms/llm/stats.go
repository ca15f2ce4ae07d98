// Statistics of the corpus as counters of the report, with a bounded number of names.

package llm

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// statistics counts properties of an issue, whether or not it gives records.
func (w *work) statistics() {
	w.count("issues/read", 1)
	w.count("projects/"+label(w.is.project), 1)
	w.count("types/"+label(w.is.kind), 1)
	w.count("statuses/"+label(w.is.status), 1)
	w.count("text length/"+bucket(w.textLength(), lengthBuckets[:]), 1)
	w.count("comments per issue/"+bucket(len(w.thread), commentBuckets[:]), 1)
}

// step is a bucket with an upper bound. The last one has no bound.
type step struct {
	max  int
	name string
}

var (
	lengthBuckets = [...]step{{0, "0"}, {199, "1-199"}, {999, "200-999"}, {3999, "1k-4k"}, {15999, "4k-16k"},
		{63999, "16k-64k"}, {math.MaxInt, "64k and more"}}
	commentBuckets = [...]step{{0, "0"}, {2, "1-2"}, {5, "3-5"}, {10, "6-10"}, {20, "11-20"}, {50, "21-50"},
		{math.MaxInt, "51 and more"}}
)

func bucket(n int, steps []step) string {
	i := slices.IndexFunc(steps, func(s step) bool { return n <= s.max })
	return steps[i].name
}

// label converts a value to a counter's name.
func label(s string) string {
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "/", "_")), " ")
	if s == "" {
		return "none"
	}
	for i := range s {
		if i > 60 {
			return s[:i]
		}
	}
	return s
}

// tally sums up the counts of one batch, so that each name is reported once.
type tally map[string]int64

func (t tally) add(name string, n int64) { t[name] += n }

func (t tally) report(ctx context.Context) {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		sdk.Count(ctx, name, t[name])
	}
}
