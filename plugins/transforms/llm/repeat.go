// Repeats: detects a text that contains the title to be predicted.

package llm

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
	"golang.org/x/text/unicode/norm"
)

// wanted is a title in the squeezed forms in which a text may contain it.
type wanted struct {
	plain   string // original
	written string // with pseudonyms, as in records
}

// in reports whether a text contains the title. It searches the Markdown, and the text without
// markup, in which nothing that the renderer adds (an address, a <br>) separates the words.
func (t wanted) in(node markup.Node, text string) bool {
	return t.within(text) || t.within(markup.PlainText(node, false))
}

func (t wanted) within(text string) bool {
	s := squeezed(text)
	return strings.Contains(s, t.plain) || strings.Contains(s, t.written)
}

// squeezed keeps only letters and digits, in lower case and without accents. It removes spaces too:
// many scripts have none, marks and invisible characters occur within words, and branch names and
// URLs join words with punctuation.
func squeezed(s string) string {
	// Decomposed, because a letter has several encodings; accents become separate characters.
	s = norm.NFKD.String(unescaped(s))
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			if c := lower(byte(r)); c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
				out = append(out, c)
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			// Through upper case, because two lower-case letters may share it.
			out = utf8.AppendRune(out, unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return string(out)
}

// unescaped decodes %20 and %C3%A9 of URLs anywhere.
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

// nibble returns the value of a hexadecimal digit; 16: none.
func nibble(c byte) byte {
	if i := strings.IndexByte("0123456789abcdef", lower(c)); i >= 0 {
		return byte(i)
	}
	return 16
}
