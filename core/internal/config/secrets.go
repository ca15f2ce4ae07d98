// Secrets: the mark of sensitive values, and the list of them.

package config

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// sensitiveMark is what a sensitive value carries through every expression.
const sensitiveMark = mark("sensitive")

type mark string

// shortest is the length in bytes below which a secret is not looked for in text.
const shortest = 4

// secrets collects the sensitive strings of a file.
type secrets map[string]bool

// addText takes a string, and also what is left of it without the spaces around it.
func (s secrets) addText(text string) {
	for _, t := range []string{text, strings.TrimSpace(text)} {
		if len(t) >= shortest {
			s[t] = true
		}
	}
}

// add takes all strings in v, whether they are marked or not.
func (s secrets) add(v cty.Value) { eachString(v, s.addText) }

// addMarked takes the strings in v that are marked, by themselves or by what holds them.
func (s secrets) addMarked(v cty.Value) {
	plain, marked := v.UnmarkDeepWithPaths()
	for _, m := range marked {
		if part, err := m.Path.Apply(plain); err == nil {
			s.add(part)
		}
	}
}

// drop forgets the strings in v: the file says that they are no secrets.
func (s secrets) drop(v cty.Value) {
	eachString(v, func(text string) {
		delete(s, text)
		delete(s, strings.TrimSpace(text))
	})
}

// list returns the secrets, the longest first, so that one that is part of another is replaced after it.
func (s secrets) list() []string {
	return slices.SortedFunc(maps.Keys(s), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
}

// hide replaces every secret in a text, also in the form that %q gives it.
func (s secrets) hide(text string) string {
	for _, secret := range s.list() {
		text = strings.ReplaceAll(text, secret, "(sensitive)")
		if quoted := strconv.Quote(secret); len(quoted) != len(secret)+2 {
			text = strings.ReplaceAll(text, quoted[1:len(quoted)-1], "(sensitive)")
		}
	}
	return text
}

// mask replaces every secret in a source line by as many asterisks, so that columns stay.
func (s secrets) mask(line string) string {
	for _, secret := range s.list() {
		line = strings.ReplaceAll(line, secret, strings.Repeat("*", len(secret)))
	}
	return line
}

// eachString calls f for all strings in v, but not for the keys of maps and objects.
func eachString(v cty.Value, f func(string)) {
	plain, _ := v.UnmarkDeep()
	// The walk itself never fails: the callback returns no error.
	_ = cty.Walk(plain, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			f(v.AsString())
		}
		return true, nil
	})
}
