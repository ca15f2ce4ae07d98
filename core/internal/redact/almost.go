// Secrets that are there but for a little: with something in them that cannot be seen, or cut
// short.

package redact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// almost adds to hits where secrets are in plain that are not there as they are; at is as for
// [unescape].
func almost(plain string, at []int, k *known, hits []span) []span {
	hits = halves(plain, at, k, hits)
	if strings.ContainsFunc(plain, unseen) {
		plain, at = seen(plain, at)
		hits = halves(plain, at, k, whole(plain, at, k.sorted, hits))
	}
	return hits
}

// unseen are the characters that a reader does not see, and the mark that stands for one where a
// text was made harmless. Line breaks and tabs are seen.
func unseen(r rune) bool {
	switch r {
	case '\n', '\r', '\t':
		return false
	case printable.Mark:
		return true
	}
	return !unicode.IsPrint(r)
}

// colour is what follows the escape character in a command to the terminal.
var colour = regexp.MustCompile(`^\[[0-9;?]*[ -/]*[@-~]`)

// seen returns text without what is unseen, and at as [unescape] does.
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
	ellipsis = "…" // behind every text that was cut, by the host or by a plugin
	splinter = 12  // bytes of an escape or a character that a cut may leave
)

// halves adds the beginnings of secrets behind which a text was cut.
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
			rest, _, cut := strings.Cut(plain[end:min(len(plain), end+splinter+len(ellipsis))], ellipsis)
			if cut && splintered(rest) {
				hits = append(hits, span{place(at, i), place(at, end+len(rest))})
				break
			}
		}
	}
	return hits
}

// splintered reports whether what stands before an ellipsis is nothing, or half an escape or
// character.
func splintered(rest string) bool {
	rest = strings.Trim(rest, " \"\ufffd")
	return rest == "" || strings.ContainsAny(rest[:1], "%\\[\x1b")
}
