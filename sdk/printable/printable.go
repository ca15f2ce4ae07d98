// Package printable keeps out of texts what a terminal acts on or hides. What plugins, servers and
// files say is shown to people, who decide by it: it must not move the cursor, set the clipboard,
// turn the direction of reading, or look like a line of the host's. The package is for scrapekit
// itself, and no part of the API for plugins.
package printable

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mark stands where a character was that may not be shown.
const Mark = '·'

// harmful reports whether a terminal acts on a character, or a reader cannot see it and is misled
// by it: control characters (C0, C1, DEL), those that format (marks of direction, tags, invisible
// operators), separators of lines. The two joiners of emoji and of several scripts are none: they
// only change the shape of their neighbours.
func harmful(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	switch {
	case r < 0x7f:
		return r < ' '
	case r == nonJoiner || r == joiner:
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point)
}

// first returns where the first character stands that is harmful and for which keep does not speak;
// -1: there is none. Bytes that are no UTF-8 are harmful.
func first(text string, keep func(rune) bool) int {
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") || harmful(r) && !keep(r) {
			return i
		}
	}
	return -1
}

func none(rune) bool { return false }

func layout(r rune) bool { return r == '\n' || r == '\t' }

// Text returns text as it may be shown, with its lines and tabs.
func Text(text string) string { return clean(text, layout) }

func clean(text string, keep func(rune) bool) string {
	if first(text, keep) < 0 {
		return text
	}
	var out strings.Builder
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if r == utf8.RuneError && size == 1 || harmful(r) && !keep(r) {
			r = Mark
		}
		out.WriteRune(r)
		rest = rest[size:]
	}
	return out.String()
}

// Line is Text as one line, so that nothing in it looks like a line of somebody else's: a line
// break becomes a space, after a semicolon where no other sign stands.
func Line(text string) string {
	text = strings.TrimRight(text, "\r\n")
	if strings.ContainsAny(text, "\r\n") {
		var lines []string
		for line := range strings.Lines(strings.ReplaceAll(text, "\r", "\n")) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		for i, line := range lines[:max(0, len(lines)-1)] {
			if !strings.ContainsAny(line[len(line)-1:], ":;,.!?") {
				lines[i] += ";"
			}
		}
		text = strings.Join(lines, " ")
	}
	return clean(strings.ReplaceAll(text, "\t", " "), none)
}

var escapeSequence = regexp.MustCompile("\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?)")

// Printed is text without the characters that cannot be printed and without whole sequences that
// command a terminal. Tabs become spaces.
func Printed(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, escapeSequence.ReplaceAllString(text, ""))
}

// Check returns why a name cannot be shown as it is: it names the first character that is in the
// way. Joiners are in the way too, for two names that look alike must be the same.
func Check(text string) error {
	i := first(text, none)
	if j := strings.IndexAny(text, "\u200c\u200d"); j >= 0 && (i < 0 || j < i) {
		i = j
	}
	if i < 0 {
		return nil
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	switch {
	case r == utf8.RuneError && size == 1:
		return fmt.Errorf("it is not valid UTF-8 at byte %d", i)
	case unicode.IsControl(r):
		return fmt.Errorf("it holds the control character %U", r)
	}
	return fmt.Errorf("it holds %U, which cannot be seen", r)
}

// JSON returns JSON that means the same and shows nothing harmful: such a character can stand in
// strings only, and is escaped there. In what is no JSON it is escaped too.
func JSON(raw []byte) []byte {
	inTheWay := func(r rune) bool { return harmful(r) && !layout(r) && r != '\r' }
	i := bytes.IndexFunc(raw, func(r rune) bool { return inTheWay(r) || r == utf8.RuneError })
	if i < 0 {
		return raw
	}
	out := bytes.NewBuffer(append(make([]byte, 0, len(raw)+32), raw[:i]...))
	for rest := raw[i:]; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			out.WriteString(`\ufffd`)
		case !inTheWay(r):
			out.Write(rest[:size])
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(out, `\u%04x`, r)
		}
		rest = rest[size:]
	}
	return out.Bytes()
}
