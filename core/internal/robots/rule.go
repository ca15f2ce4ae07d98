// Rules: path patterns, in which * matches any text and $ at the end matches the end.

package robots

import (
	"fmt"
	"strings"
)

type rule struct {
	allow  bool
	text   string   // as in the file
	parts  []string // the parts between *, normalised
	ends   bool     // ends with $
	length int      // of the pattern; the longest rule applies
}

func newRule(allow bool, text string) rule {
	r := rule{allow: allow, text: text}
	pattern, ends := strings.CutSuffix(text, "$")
	pattern = normal(pattern, false)
	r.ends, r.length = ends, len(pattern)
	r.parts = strings.Split(pattern, "*")
	return r
}

// matches reports whether the pattern matches a normalised path. Taking the first match of each
// part leaves the most for later parts, so no backtracking is needed.
func (r rule) matches(path string) bool {
	rest, ok := strings.CutPrefix(path, r.parts[0])
	if !ok {
		return false
	}
	last := len(r.parts) - 1
	for i, part := range r.parts[1:] {
		if r.ends && i+1 == last {
			return strings.HasSuffix(rest, part)
		}
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return !r.ends || rest == ""
}

// normal normalises the escapes of a path: characters that need no escape have none, all others
// have one. In a requested path, * and $ are ordinary characters.
func normal(path string, asked bool) string {
	var b strings.Builder
	query := false
	for i := 0; i < len(path); i++ {
		c := path[i]
		escaped := false
		if c == '%' && i+2 < len(path) {
			if n, ok := unhex(path[i+1], path[i+2]); ok {
				c, escaped = n, true
				i += 2
			}
		}
		switch {
		case escaped && !unreserved(c), c <= ' ', c >= 0x7f,
			!escaped && asked && (c == '*' || c == '$'),
			!escaped && query && (c == ':' || c == '/'):
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			query = query || c == '?'
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unhex(a, b byte) (byte, bool) {
	const digits = "0123456789abcdef"
	high := strings.IndexByte(digits, a|0x20)
	low := strings.IndexByte(digits, b|0x20)
	if high < 0 || low < 0 || a < '0' || b < '0' {
		return 0, false
	}
	return byte(high<<4 | low), true
}

// unreserved reports whether c means the same with and without an escape.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
