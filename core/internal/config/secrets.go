// Secrets: the mark of sensitive values, and the list of the secrets.

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

// sensitiveMark is the mark of a sensitive value. Expressions pass it on.
const sensitiveMark = mark("sensitive")

type mark string

// exposedMark is the mark of a text from a file that users other than its owner can read.
const exposedMark = mark("exposed")

func hasMark(v cty.Value, m mark) bool {
	_, marks := v.UnmarkDeep()
	_, has := marks[m]
	return has
}

// othersRead reports whether the group or everybody can read a file.
func othersRead(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o044 != 0
}

// shortest is the length in bytes of the shortest secret that is hidden in text.
const shortest = 4

// secrecy says what is known about a string. The highest value wins, so that the order of
// evaluation does not matter.
type secrecy int

const (
	marked  secrecy = iota + 1 // it comes from env(), file() or similar
	public                     // nonsensitive() was applied to it
	certain                    // it is used as a credential
)

// secrets collects the sensitive strings of a file.
type secrets map[string]secrecy

// addText adds a string, and the same without surrounding spaces.
func (s secrets) addText(text string, as secrecy) {
	for _, t := range []string{text, strings.TrimSpace(text)} {
		if len(t) >= shortest {
			s[t] = max(s[t], as)
		}
	}
}

// add adds all strings in v, marked or not.
func (s secrets) add(v cty.Value, as secrecy) {
	eachString(v, func(text string) { s.addText(text, as) })
}

// addMarked adds the marked strings in v, and strings in marked containers.
func (s secrets) addMarked(v cty.Value) {
	plain, marks := v.UnmarkDeepWithPaths()
	for _, m := range marks {
		if part, err := m.Path.Apply(plain); err == nil {
			s.add(part, marked)
		}
	}
}

// list returns the secrets, longest first, so that a secret that is part of another is replaced
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

// hide replaces every secret in a text, also in its form under %q.
func (s secrets) hide(text string) string {
	for _, secret := range s.list() {
		text = strings.ReplaceAll(text, secret, "(sensitive)")
		if quoted := strconv.Quote(secret); len(quoted) != len(secret)+2 {
			text = strings.ReplaceAll(text, quoted[1:len(quoted)-1], "(sensitive)")
		}
	}
	return text
}

// mask replaces every secret in a source line with as many asterisks, so that columns stay the
// same.
func (s secrets) mask(line string) string {
	for _, secret := range s.list() {
		line = strings.ReplaceAll(line, secret, strings.Repeat("*", len(secret)))
	}
	return line
}

// eachString calls f for all strings in v, except the keys of maps and objects.
func eachString(v cty.Value, f func(string)) {
	plain, _ := v.UnmarkDeep()
	// Walk fails only if the callback does.
	_ = cty.Walk(plain, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			f(v.AsString())
		}
		return true, nil
	})
}
