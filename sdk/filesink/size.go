// Sizes as people write them, such as 512MiB.

package filesink

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseSize reads "512MiB", "1.5GB", "100000". The empty string is 0: no limit.
func parseSize(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	number := strings.TrimRight(s, "BKMGTibkmgt ")
	unit, ok := map[string]float64{
		"": 1, "b": 1,
		"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
		"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}[strings.ToLower(strings.TrimSpace(s[len(number):]))]
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(n*unit >= 1) || n*unit > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q is no size: write 512MiB, 1.5GB or a number of bytes", s)
	}
	return int64(n * unit), nil
}
