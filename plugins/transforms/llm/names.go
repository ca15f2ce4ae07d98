// Names: finds names in text at word boundaries, longest first.

package llm

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// someone replaces a first name that two participants share.
const someone = "<name>"

// matcher replaces a set of names. Its time depends on the text and on the number of names with the
// same first letter.
type matcher struct {
	byFirst [256][]pattern // by first byte in lower case; longest first
}

type pattern struct {
	name, becomes string
	anyCase       bool // account names and full display names match in any case, first names only as written
}

func newMatcher(list []person, called []string) *matcher {
	m := &matcher{}
	known := map[string]int{}
	add := func(name, becomes string, anyCase bool) {
		first := lower(name[0])
		if at, ok := known[name]; ok {
			old := &m.byFirst[first][at]
			if old.becomes != becomes {
				old.becomes = someone
			}
			old.anyCase = old.anyCase || anyCase
			return
		}
		known[name] = len(m.byFirst[first])
		m.byFirst[first] = append(m.byFirst[first], pattern{name, becomes, anyCase})
	}
	for i, p := range list {
		addPerson(p, called[i], add)
	}
	for i := range m.byFirst {
		slices.SortStableFunc(m.byFirst[i], func(a, b pattern) int { return len(b.name) - len(a.name) })
	}
	return m
}

// addPerson adds the names of a person.
func addPerson(p person, becomes string, add func(name, becomes string, anyCase bool)) {
	for _, s := range [...]string{p.login, p.id} {
		if letters(s) == 0 {
			continue
		}
		add("@"+s, "@"+becomes, true)
		if bare(s) {
			add(s, becomes, true)
		}
	}
	if letters(p.display) < 2 { // a full stop or an initial, which identifies nobody
		return
	}
	add("@"+p.display, "@"+becomes, true)
	first := firstName(p.display)
	switch {
	case han(p.display) || strings.Contains(p.display, " ") || strings.Contains(p.display, ".") && bare(p.display):
		add(p.display, becomes, letters(p.display) > shortName)
	case bare(p.display):
		first = p.display
	}
	if first == "" || !bare(first) {
		return
	}
	if first != p.display {
		add("@"+first, "@"+becomes, true)
	}
	add(first, becomes, false)
	if capitals := strings.ToUpper(first); capitals != first {
		add(capitals, becomes, false)
	}
}

// shortName is the length up to which a display name of several words matches only as written,
// because in lower case it may mean anything.
const shortName = 3

// letters counts the letters and digits of a name.
func letters(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// firstName returns the first word of a display name, unless it is an initial.
func firstName(display string) string {
	for word := range strings.FieldsSeq(display) {
		word = strings.Trim(word, ".,()[]\"'")
		if utf8.RuneCountInString(word) >= 3 {
			if r, _ := utf8.DecodeRuneInString(word); unicode.IsUpper(r) {
				return word
			}
			return ""
		}
	}
	return ""
}

// bare reports whether a single word is replaced without an @ in front. Short and ordinary words
// are not: replacing them would damage more text than it hides names.
func bare(s string) bool {
	return letters(s) >= 3 && !ordinary[strings.ToLower(s)] && strings.IndexFunc(s, unicode.IsLetter) >= 0
}

// ordinary are ordinary words that are also names.
var ordinary = wordSet(`will mark grant may june april august rose art guy rich bill max min jan feb mar apr jun jul aug sep oct nov dec
	mon tue wed thu fri sat sun hope faith joy grace drew rob pat chase chance dean duke earl lance page king major
	miles
	test tests user users admin root guest anonymous nobody unknown system service bot none null true false
	apache spark kafka cassandra hadoop hive flink java scala python data code dev info build release master main trunk
	map key value list set get the and for not new old can all one two log sql api web app git jira github server client node core`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

// replace replaces all names in s.
func (m *matcher) replace(s string) string {
	var out []byte
	done := 0
	for i := 0; i < len(s); {
		p, n := m.at(s, i)
		if n == 0 {
			i++
			continue
		}
		out = append(append(out, s[done:i]...), p...)
		i += n
		done = i
	}
	if done == 0 {
		return s
	}
	return string(append(out, s[done:]...))
}

// at returns the replacement of the name at i and the name's length; 0: none.
func (m *matcher) at(s string, i int) (string, int) {
	candidates := m.byFirst[lower(s[i])]
	if len(candidates) == 0 || !boundary(s, i) {
		return "", 0
	}
	var found *pattern
	for k := range candidates {
		c := &candidates[k]
		end := i + len(c.name)
		if found != nil && len(c.name) < len(found.name) {
			break
		}
		if end > len(s) || !boundary(s, end) && !han(c.name) {
			continue
		}
		if s[i:end] == c.name {
			found = c // among equal lengths, the exact spelling
			break
		}
		if found == nil && c.anyCase && strings.EqualFold(s[i:end], c.name) {
			found = c
		}
	}
	if found == nil {
		return "", 0
	}
	return found.becomes, len(found.name)
}

// boundary reports whether i is at a word boundary. Han script has no spaces, so there every place
// is one.
func boundary(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i:])
	if i == 0 || i == len(s) || unicode.Is(unicode.Han, before) || unicode.Is(unicode.Han, after) {
		return true
	}
	return !wordRune(before) || !wordRune(after)
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func han(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// replaceEmails replaces e-mail addresses by <email>.
func replaceEmails(s string) string {
	var out []byte
	done := 0
	for at := strings.IndexByte(s, '@'); at >= 0; {
		start, end := at, at+1
		for start > done && emailByte(s[start-1]) {
			start--
		}
		for end < len(s) && (emailByte(s[end]) && s[end] != '+' && s[end] != '%') {
			end++
		}
		for end > at+1 && (s[end-1] == '.' || s[end-1] == '-') {
			end--
		}
		if dot := strings.LastIndexByte(s[at:end], '.'); start < at && dot > 1 && end-at-dot > 2 {
			out = append(append(out, s[done:start]...), "<email>"...)
			done = end
		}
		next := strings.IndexByte(s[max(at+1, done):], '@')
		if next < 0 {
			break
		}
		at = max(at+1, done) + next
	}
	if done == 0 {
		return s
	}
	return string(append(out, s[done:]...))
}

func emailByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._%+-", c) >= 0
}
