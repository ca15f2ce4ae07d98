// Repeats: whether a text gives away the title that is to be found from it.

package llm

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
	"golang.org/x/text/unicode/norm"
)

// wanted is a title in the forms that a text may hold it in, squeezed.
type wanted struct {
	plain   string // as it is
	written string // as records have it, with pseudonyms
}

// in reports whether a text holds the title. It is looked for in the Markdown, and in the text
// below its marks: there nothing that the writer adds, such as an address or a <br>, stands between
// the words.
func (t wanted) in(node markup.Node, text string) bool {
	return t.within(text) || t.within(markup.PlainText(node, false))
}

func (t wanted) within(text string) bool {
	s := squeezed(text)
	return strings.Contains(s, t.plain) || strings.Contains(s, t.written)
}

// squeezed leaves only letters and digits, in small letters and without accents. Spaces go too:
// many scripts have none, marks and invisible characters stand within words, and branch names and
// URLs join the words by signs.
func squeezed(s string) string {
	// Decomposed: one letter has many spellings, and its accents become characters that are no
	// letters.
	s = norm.NFKD.String(unescaped(s))
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			if c := lower(byte(r)); c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
				out = append(out, c)
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			// by way of upper: two small letters may share it
			out = utf8.AppendRune(out, unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return string(out)
}

// unescaped decodes the %20 and %C3%A9 of URLs, wherever they stand.
func unescaped(s string) string {
	at := strings.IndexByte(s, '%')
	if at < 0 {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:at]...)
	for ; at < len(s); at++ {
		if s[at] == '%' && at+2 < len(s) {
			if high, low := nibble(s[at+1]), nibble(s[at+2]); high < 16 && low < 16 {
				out = append(out, high<<4|low)
				at += 2
				continue
			}
		}
		out = append(out, s[at])
	}
	return string(out)
}

// nibble returns the value of a hexadecimal digit, or 16.
func nibble(c byte) byte {
	if i := strings.IndexByte("0123456789abcdef", lower(c)); i >= 0 {
		return byte(i)
	}
	return 16
}
