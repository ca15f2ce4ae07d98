// Histogram: durations of replies, in buckets that grow by a factor of about two.

package stats

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// bounds are the upper bounds of the buckets; one more bucket has the rest.
var bounds = func() []time.Duration {
	var out []time.Duration
	for decade := time.Millisecond; decade <= 100*time.Second; decade *= 10 {
		out = append(out, decade, 2*decade, 5*decade)
	}
	return out
}()

// Histogram counts durations. The zero value is empty.
type Histogram struct {
	Count   int64
	Sum     time.Duration
	Max     time.Duration
	buckets []int64 // as bounds, plus one
}

// Add counts a time.
func (h *Histogram) Add(d time.Duration) {
	if h.buckets == nil {
		h.buckets = make([]int64, len(bounds)+1)
	}
	i, _ := slices.BinarySearch(bounds, d)
	h.buckets[i]++
	h.Count++
	h.Sum += d
	h.Max = max(h.Max, d)
}

// Clone returns a copy.
func (h Histogram) Clone() Histogram {
	h.buckets = slices.Clone(h.buckets)
	return h
}

// IsZero reports whether nothing was counted.
func (h Histogram) IsZero() bool { return h.Count == 0 }

// Quantile returns approximately the duration that a fraction q does not exceed, by linear
// interpolation within a bucket.
func (h Histogram) Quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(h.Count)))
	var before int64
	for i, n := range h.buckets {
		if before+n < rank || n == 0 {
			before += n
			continue
		}
		low, high := time.Duration(0), h.Max
		if i > 0 {
			low = bounds[i-1]
		}
		if i < len(bounds) {
			high = min(high, bounds[i])
		}
		share := float64(rank-before) / float64(n)
		return low + time.Duration(share*float64(high-low))
	}
	return h.Max
}

// MarshalJSON writes milliseconds, and the counts of non-empty buckets by upper bound.
func (h Histogram) MarshalJSON() ([]byte, error) {
	type bucket struct {
		Below *float64 `json:"le_ms"` // null: no upper bound
		Count int64    `json:"count"`
	}
	var buckets []bucket
	for i, n := range h.buckets {
		if n == 0 {
			continue
		}
		b := bucket{Count: n}
		if i < len(bounds) {
			end := ms(bounds[i])
			b.Below = &end
		}
		buckets = append(buckets, b)
	}
	return json.Marshal(struct {
		Count   int64    `json:"count"`
		Mean    float64  `json:"mean_ms"`
		P50     float64  `json:"p50_ms"`
		P90     float64  `json:"p90_ms"`
		P99     float64  `json:"p99_ms"`
		Max     float64  `json:"max_ms"`
		Buckets []bucket `json:"buckets"`
	}{h.Count, ms(h.Sum) / float64(max(h.Count, 1)), ms(h.Quantile(.5)), ms(h.Quantile(.9)), ms(h.Quantile(.99)),
		ms(h.Max), buckets})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (h *Histogram) UnmarshalJSON(raw []byte) error {
	var in struct {
		Count   int64   `json:"count"`
		Mean    float64 `json:"mean_ms"`
		Max     float64 `json:"max_ms"`
		Buckets []struct {
			Below *float64 `json:"le_ms"`
			Count int64    `json:"count"`
		} `json:"buckets"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	*h = Histogram{Count: in.Count, Sum: fromMS(in.Mean * float64(in.Count)), Max: fromMS(in.Max),
		buckets: make([]int64, len(bounds)+1)}
	for _, b := range in.Buckets {
		i := len(bounds)
		if b.Below != nil {
			i, _ = slices.BinarySearch(bounds, fromMS(*b.Below))
		}
		h.buckets[i] += b.Count
	}
	return nil
}

// ms returns a duration in milliseconds, with microsecond precision.
func ms(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

func fromMS(ms float64) time.Duration { return time.Duration(math.Round(ms*1e3)) * time.Microsecond }
