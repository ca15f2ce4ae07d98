// Secrets in a changed form: with invisible characters inside, or cut short.

package redact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// almost adds to hits the places in plain of secrets in a changed form; at is as in [unescape].
func almost(plain string, at []int, k *known, hits []span) []span {
	hits = halves(plain, at, k, hits)
	if strings.ContainsFunc(plain, unseen) {
		plain, at = seen(plain, at)
		hits = halves(plain, at, k, whole(plain, at, k.sorted, hits))
	}
	return hits
}

// unseen reports whether a reader does not see r, or r replaces such a character in a cleaned text.
// Line breaks and tabs are visible.
func unseen(r rune) bool {
	switch r {
	case '\n', '\r', '\t':
		return false
	case printable.Mark:
		return true
	}
	return !unicode.IsPrint(r)
}

// colour matches an escape sequence after its escape character.
var colour = regexp.MustCompile(`^\[[0-9;?]*[ -/]*[@-~]`)

// seen returns text without invisible characters, and at as in [unescape].
func seen(text string, from []int) (plain string, at []int) {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\x1b' || r == printable.Mark:
			size += len(colour.FindString(text[i+size:]))
		case !unseen(r):
			for j := range size {
				at = append(at, place(from, i+j))
			}
			b.WriteString(text[i : i+size])
		}
		i += size
	}
	return b.String(), append(at, place(from, len(text)))
}

const (
	ellipsis    = "…" // the end of every text that the host or a plugin has cut
	maxFragment = 12  // longest rest of an escape or character before a cut, in bytes
)

// halves adds the beginnings of secrets that a cut follows.
func halves(plain string, at []int, k *known, hits []span) []span {
	if !strings.Contains(plain, ellipsis) {
		return hits
	}
	for i := 0; i+shortest <= len(plain); i++ {
		for _, s := range k.starts[plain[i:i+shortest]] {
			end := i + shortest
			for end < len(plain) && end-i < len(s) && plain[end] == s[end-i] {
				end++
			}
			rest, _, cut := strings.Cut(plain[end:min(len(plain), end+maxFragment+len(ellipsis))], ellipsis)
			if cut && isFragment(rest) {
				hits = append(hits, span{place(at, i), place(at, end+len(rest))})
				break
			}
		}
	}
	return hits
}

// isFragment reports whether rest, which is before an ellipsis, is empty or a part of an escape or
// character.
func isFragment(rest string) bool {
	rest = strings.Trim(rest, " \"\ufffd")
	return rest == "" || strings.ContainsAny(rest[:1], "%\\[\x1b")
}
