// Secrets: the mark of sensitive values, and the list of them.

package config

import (
	"cmp"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// sensitiveMark is what a sensitive value carries through every expression.
const sensitiveMark = mark("sensitive")

type mark string

// exposedMark is carried by the text of a file that others than its owner can read.
const exposedMark = mark("exposed")

func hasMark(v cty.Value, m mark) bool {
	_, marks := v.UnmarkDeep()
	_, has := marks[m]
	return has
}

// othersRead reports whether the group of a file or everybody can read it.
func othersRead(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o044 != 0
}

// shortest is the length in bytes below which a secret is not looked for in text.
const shortest = 4

// standing says what is known of a string. Where a file says several things, the highest holds, so
// that the order in which it is evaluated does not matter.
type standing int

const (
	marked  standing = iota + 1 // it came from env(), file() or the like
	public                      // nonsensitive() was called on it
	certain                     // it is a credential, however it is written
)

// secrets collects the sensitive strings of a file.
type secrets map[string]standing

// addText takes a string, and also what is left of it without the spaces around it.
func (s secrets) addText(text string, as standing) {
	for _, t := range []string{text, strings.TrimSpace(text)} {
		if len(t) >= shortest {
			s[t] = max(s[t], as)
		}
	}
}

// add takes all strings in v, whether they are marked or not.
func (s secrets) add(v cty.Value, as standing) {
	eachString(v, func(text string) { s.addText(text, as) })
}

// addMarked takes the strings in v that are marked, by themselves or by what holds them.
func (s secrets) addMarked(v cty.Value) {
	plain, marks := v.UnmarkDeepWithPaths()
	for _, m := range marks {
		if part, err := m.Path.Apply(plain); err == nil {
			s.add(part, marked)
		}
	}
}

// list returns the secrets, the longest first, so that one that is part of another is replaced
// after it.
func (s secrets) list() []string {
	var out []string
	for text, as := range s {
		if as != public {
			out = append(out, text)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return out
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
