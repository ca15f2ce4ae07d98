// User information in URLs: hides passwords in URLs, even in invalid ones.

package config

import (
	"net/url"
	"strings"
)

// hideUserinfo removes the passwords from the URLs in a text, and users without a password, which
// may be tokens. cover returns the replacement of a removed part.
func hideUserinfo(text string, cover func(string) string) string {
	const scheme = "://"
	var out strings.Builder
	for {
		i := strings.Index(text, scheme)
		if i < 0 {
			return out.String() + text
		}
		begin := strings.LastIndexFunc(text[:i], func(r rune) bool { return !strings.ContainsRune(schemeLetters, r) }) +
			1
		i += len(scheme)
		end := i + endOfURL(text[i:])
		from, to := userinfo(text[begin:end], i-begin)
		out.WriteString(text[:begin+from])
		if from < to {
			out.WriteString(cover(text[begin+from : begin+to]))
		}
		text = text[begin+to:]
	}
}

const schemeLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-."

// endOfURL returns where a possibly invalid URL ends: at the closing quote, or at the end of the
// line.
func endOfURL(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"', '\n':
			return i
		}
	}
	return len(text)
}

// userinfo returns the part to hide of a URL whose host may begin at start. If the URL cannot be
// parsed, it is the part between the first colon and the last @. If there is none, both results are
// start.
func userinfo(text string, start int) (from, to int) {
	at := strings.LastIndexByte(text[start:], '@')
	if at < 0 {
		return start, start
	}
	from, to = start, start+at
	if u, err := url.Parse(text); err == nil {
		if u.User == nil {
			return start, start
		}
		authority, _, _ := strings.Cut(text[start:], "/")
		to = start + strings.LastIndexByte(authority, '@')
	}
	if colon := strings.IndexByte(text[from:to], ':'); colon >= 0 {
		from += colon + 1
	}
	return from, to
}
