// Whole numbers, however they are written: some Jiras write 3.0 for 3.

package rest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// WholeOf reads a JSON number that is whole: 3, 3.0 and 3e0 are.
func WholeOf(text string) (int64, bool) {
	if before, after, found := strings.Cut(text, "."); found && strings.Trim(after, "0") == "" {
		text = before
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	const exact = 1 << 53
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact || strings.ContainsAny(text, "xXpP_iInN") {
		return 0, false
	}
	return int64(f), true
}

// Whole is a whole number in a value to decode into.
type Whole int64

// UnmarshalJSON implements [json.Unmarshaler].
func (w *Whole) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	n, ok := WholeOf(string(raw))
	if !ok {
		return fmt.Errorf("%.40s is not a whole number", raw)
	}
	*w = Whole(n)
	return nil
}
