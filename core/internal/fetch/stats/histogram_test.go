package stats

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A quantile lies within the bucket of the true one, whatever was counted, and outlives JSON.
func TestHistogramQuantiles(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var h Histogram
		all := make([]time.Duration, 1+rng.IntN(500))
		for i := range all {
			all[i] = time.Duration(rng.ExpFloat64() * float64(time.Duration(1+rng.IntN(3000))*time.Millisecond))
			h.Add(all[i])
		}
		slices.Sort(all)
		raw, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		var read Histogram
		if err := json.Unmarshal(raw, &read); err != nil {
			t.Fatal(err)
		}
		for _, q := range []float64{.01, .5, .9, .99, 1} {
			truth := all[max(0, int(q*float64(len(all))+0.999999)-1)]
			i, _ := slices.BinarySearch(bounds, truth)
			low, high := time.Duration(0), h.Max
			if i > 0 {
				low = bounds[i-1]
			}
			if i < len(bounds) {
				high = bounds[i]
			}
			if got := h.Quantile(q); got < low || got > high {
				t.Errorf("seed %d: quantile %v is %v, the true one %v lies between %v and %v", seed, q, got, truth, low,
					high)
			}
			if a, b := h.Quantile(q), read.Quantile(q); (a - b).Abs() > time.Millisecond {
				t.Errorf("seed %d: quantile %v is %v, after JSON %v", seed, q, a, b)
			}
		}
		if read.Count != h.Count || (read.Max-h.Max).Abs() > time.Microsecond {
			t.Errorf("seed %d: %d times up to %v, after JSON %d up to %v", seed, h.Count, h.Max, read.Count, read.Max)
		}
	}
	if (Histogram{}).Quantile(.5) != 0 || !(Histogram{}).IsZero() {
		t.Error("an empty histogram holds something")
	}
}
