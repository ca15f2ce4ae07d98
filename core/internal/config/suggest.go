// Suggestions: the known name that is most similar to a wrong one.

package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// closest returns the most similar name of among; "" if none is similar enough.
func closest(given string, among []string) string {
	best, least := "", 1+len(given)/3
	for _, name := range among {
		if strings.EqualFold(given, name) {
			return name
		}
		if d := levenshtein.Distance(strings.ToLower(given), strings.ToLower(name), nil); d < least ||
			(d == least && best == "") {
			best, least = name, d
		}
	}
	return best
}

// didYouMean returns a hint for an unknown name: the most similar one, or all if they are few.
func didYouMean(given string, among []string) string {
	if name := closest(given, among); name != "" {
		return fmt.Sprintf("did you mean %q?", name)
	}
	const few = 20
	if len(among) == 0 || len(among) > few {
		return ""
	}
	sorted := slices.Sorted(slices.Values(among))
	return "known: " + strings.Join(sorted, ", ")
}
