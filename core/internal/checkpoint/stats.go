// Stats: the counts of a run, which each commit increases.

package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// addStats adds the numbers of delta to those of sum. Both are JSON objects of numbers and objects.
// Sums saturate.
func addStats(sum, delta []byte) ([]byte, error) {
	if delta == nil {
		return sum, nil
	}
	all, err := decodeStats(sum)
	if err != nil {
		return nil, fmt.Errorf("counts so far: %w", err)
	}
	more, err := decodeStats(delta)
	if err != nil {
		return nil, fmt.Errorf("counts of a commit: %w", err)
	}
	if err := addTree(all, more); err != nil {
		return nil, fmt.Errorf("counts of a commit: %w", err)
	}
	return json.Marshal(all)
}

func decodeStats(raw []byte) (map[string]any, error) {
	out := map[string]any{}
	if raw == nil {
		return out, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return out, d.Decode(&out)
}

// addTree adds more to sum.
func addTree(sum, more map[string]any) error {
	for name, v := range more {
		switch v := v.(type) {
		case map[string]any:
			below, ok := sum[name].(map[string]any)
			if !ok {
				below = map[string]any{}
				sum[name] = below
			}
			if err := addTree(below, v); err != nil {
				return err
			}
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				return err
			}
			so, err := numberOf(sum[name])
			if err != nil {
				return err
			}
			sum[name] = saturated(so, n)
		default:
			return fmt.Errorf("%q is %T, and no number", name, v)
		}
	}
	return nil
}

func numberOf(v any) (int64, error) {
	if n, ok := v.(json.Number); ok {
		return n.Int64()
	}
	return 0, nil
}

func saturated(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}
