// Units: parses sizes in bytes, and names types for messages.

package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// parseSize reads "64MiB", "500 kB", "1000000".
func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "BKMGTbkmgti ")
	unit := strings.ToLower(strings.TrimSpace(text[len(digits):]))
	factors := map[string]float64{
		"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}
	factor, ok := factors[unit]
	n, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || math.IsNaN(n) || n*factor < 1 || n*factor > 1<<50 {
		return 0, fmt.Errorf("%q is not a size in bytes", text)
	}
	return int64(n * factor), nil
}

// parseAge reads "30d" or any duration.
func parseAge(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is no time", text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		const most = 100 * 365
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > most {
			return 0, wrong
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, wrong
	}
	return d, nil
}

// article names an expected type, with its article.
func article(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a text"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t.IsListType() || t.IsSetType():
		return "a list of texts"
	}
	return t.FriendlyName()
}

// kindOf names the type of a given value.
func kindOf(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a text"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "a truth value"
	case t.IsListType() || t.IsSetType() || t.IsTupleType():
		return "a list"
	case t.IsMapType() || t.IsObjectType():
		return "an object"
	}
	return "a value of no type"
}
