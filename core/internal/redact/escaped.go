// Escaped secrets: each client escapes characters in URLs and JSON differently.

package redact

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// layers is the depth of unescaping: an error may quote JSON that quotes a URL.
const layers = 3

// kinds are sets of escape characters to undo: those of URLs and of JSON or Go together, and each
// alone, because a secret may itself look like an escape of the other kind.
var kinds = []string{`%\`, `%`, `\`}

// escaped removes secrets that contain escapes of any characters. It searches the unescaped text.
func escaped(text string, k *known) string {
	for _, plus := range []bool{false, true} { // + means a space in the query of a URL, but not elsewhere
		if plus && !strings.Contains(text, "+") {
			break
		}
		for _, kind := range kindsIn(text) {
			text = maskPlain(text, k, kind, plus)
		}
	}
	return text
}

// kindsIn omits the kinds that give the same result for this text as another.
func kindsIn(text string) []string {
	if strings.Contains(text, `%`) && strings.Contains(text, `\`) {
		return kinds
	}
	return kinds[:1]
}

func maskPlain(text string, k *known, kind string, plus bool) string {
	if !strings.ContainsAny(text, kind) && !plus {
		return text
	}
	plain, at := unescape(text, nil, kind, plus)
	hits := find(plain, at, k, nil)
	for range layers - 1 {
		if !strings.ContainsAny(plain, kind) {
			break
		}
		plain, at = unescape(plain, at, kind, false)
		hits = find(plain, at, k, hits)
	}
	return cover(text, hits)
}

// unescape undoes the escapes of a kind. Byte n of plain comes from place at[n] of the original
// text; at ends with the length of that text. from has the same for the bytes of text; nil: text is
// the original.
func unescape(text string, from []int, kind string, plus bool) (plain string, at []int) {
	var b strings.Builder
	for i := 0; i < len(text); {
		unit, n := text[i:i+1], 1
		switch c := text[i]; {
		case strings.IndexByte(kind, c) >= 0:
			unit, n = escape(text[i:])
		case c == '+' && plus:
			unit = " "
		}
		for range len(unit) {
			at = append(at, place(from, i))
		}
		b.WriteString(unit)
		i += n
	}
	return b.String(), append(at, place(from, len(text)))
}

// place returns the place of byte i in the original text; a nil from means that it is the original.
func place(from []int, i int) int {
	if from == nil {
		return i
	}
	return from[i]
}

// escape parses an escape at the start of s and returns its meaning and length.
func escape(s string) (unit string, n int) {
	if s[0] == '%' {
		return percent(s)
	}
	return backslash(s)
}

// percent parses an escape of a URL at the start of s.
func percent(s string) (unit string, n int) {
	if len(s) >= 3 {
		if c, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
			return string([]byte{byte(c)}), 3
		}
	}
	return s[:1], 1
}

// letters are the escapes of JSON and Go with a letter of their own.
var letters = map[byte]string{
	'n': "\n", 'r': "\r", 't': "\t", 'b': "\b", 'f': "\f", 'a': "\a", 'v': "\v", '"': `"`, '/': "/", '\\': `\`,
}

// backslash parses an escape of JSON or Go. In JSON, a character beyond 16 bits takes two escapes.
func backslash(s string) (unit string, n int) {
	if r, ok := codeUnit(s); ok {
		n = 6
		if low, ok := codeUnit(s[6:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			r, n = utf16.DecodeRune(r, low), 12
		}
		return string(r), n
	}
	if r, ok := hexEscape(s, `\U`, 8); ok {
		return string(r), 10
	}
	if r, ok := hexEscape(s, `\x`, 2); ok {
		return string([]byte{byte(r)}), 4
	}
	if len(s) >= 2 {
		if c, ok := letters[s[1]]; ok {
			return c, 2
		}
	}
	return s[:1], 1
}

func codeUnit(s string) (rune, bool) { return hexEscape(s, `\u`, 4) }

// hexEscape parses a mark and a number of hexadecimal digits after it.
func hexEscape(s, mark string, digits int) (rune, bool) {
	if len(s) < len(mark)+digits || !strings.HasPrefix(s, mark) {
		return 0, false
	}
	c, err := strconv.ParseUint(s[len(mark):len(mark)+digits], 16, 31)
	return rune(c), err == nil
}

// span is a part of the original text.
type span struct{ from, to int }

// find adds to hits the places, in the original text, of secrets in plain.
func find(plain string, at []int, k *known, hits []span) []span {
	return almost(plain, at, k, whole(plain, at, k.sorted, hits))
}

func whole(plain string, at []int, secrets []string, hits []span) []span {
	for _, s := range secrets {
		for i := 0; ; {
			n := strings.Index(plain[i:], s)
			if n < 0 {
				break
			}
			i += n
			hits = append(hits, span{place(at, i), place(at, i+len(s))})
			i += len(s)
		}
	}
	return hits
}

// cover replaces parts of text, which may overlap, with the mask.
func cover(text string, hits []span) string {
	if len(hits) == 0 {
		return text
	}
	slices.SortFunc(hits, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	end := 0
	for _, h := range hits {
		if h.from >= end {
			b.WriteString(text[end:h.from])
			b.WriteString(mask)
		}
		end = max(end, h.to)
	}
	b.WriteString(text[end:])
	return b.String()
}
