// The Markdown writer: text, with as few escapes as give the same text back.

package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	stars pair = 1 << iota
	underscores
	tildes
	backticks
	everyPair = stars | underscores | tildes | backticks
)

// pairsOf returns the characters that occur more than once, counting those that the styles will
// write. A single one is harmless and is not escaped.
func pairsOf(nodes []Node) pair {
	var n [4]int
	for i := range nodes {
		texts := [...]string{nodes[i].Text, nodes[i].Attr}
		used := texts[:1]
		if nodes[i].Kind == Mention || nodes[i].Kind == Media {
			used = texts[:]
		}
		for _, s := range used {
			for c, sign := range [...]string{"*", "_", "~", "`"} {
				n[c] += strings.Count(s, sign)
			}
		}
		if nodes[i].Marks == 0 {
			continue
		}
		for c, m := range [...]Marks{Strong | Em, 0, Strike, Code} {
			if nodes[i].Marks&m != 0 {
				n[c] += 2
			}
		}
	}
	p := pair(0)
	for c := range n {
		if n[c] > 1 {
			p |= 1 << c
		}
	}
	return p
}

// inText are the bytes that text looks at.
var inText = func() (t [256]bool) {
	for _, c := range []byte("\n\r\x00\v\f\\&<*_~`[](|:") {
		t[c] = true
	}
	return t
}()

// text writes a text; a newline in it begins a new line of the block.
func (w *writer) text(s string) {
	if len(w.out) == w.lineStart {
		s = strings.TrimLeft(s, " \t\v\f")
	}
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !inText[c] {
			continue
		}
		switch c {
		case '\n', '\r', '\v', '\f', 0:
			w.out = append(w.out, s[from:i]...)
			i = w.control(s, i)
			from = i + 1
		case ':':
			if end := plainURL(s, i); end > 0 {
				w.out = append(w.out, s[from:i]...)
				if from = i; w.angled(s[i:end]) {
					i, from = end-1, end
				} else {
					w.out = append(w.out, '\\')
				}
			}
		default:
			if w.escapes(s, i, from) {
				w.out = append(append(w.out, s[from:i]...), '\\')
				from = i
			}
		}
	}
	w.out = append(w.out, s[from:]...)
}

// control writes a newline, or a character that Markdown cannot hold, and returns the position of
// its last byte.
func (w *writer) control(s string, i int) int {
	switch s[i] {
	case 0:
		w.out = append(w.out, "\uFFFD"...)
	case '\v', '\f':
		if len(w.out) > w.lineStart {
			w.out = append(w.out, ' ')
		}
	default:
		if w.inLabel { // on one line, so that it is not taken for a bracket that must be escaped
			w.out = append(w.out, ' ')
		} else {
			w.breakLine(false)
		}
		for i+1 < len(s) && strings.IndexByte(" \t\v\f\r\n", s[i+1]) >= 0 {
			i++
		}
	}
	return i
}

// escapes reports whether s[i] would be taken for markup. Text is written up to from.
func (w *writer) escapes(s string, i, from int) bool {
	next := byte('a')
	if i+1 < len(s) {
		next = s[i+1]
	}
	switch s[i] {
	case '\\':
		return punctuation(next) || endsLine(s[i+1:])
	case '&':
		return entity(s[i+1:])
	case '<':
		return alpha(next) || next == '/' || next == '!' || next == '?'
	case '[', ']':
		return w.inLabel
	case '|':
		return w.inCell
	case '(':
		return w.before(s, i, from) == ']'
	case '`':
		return w.pairs&backticks != 0
	case '*':
		return w.pairs&stars != 0 && !w.apart(s, i, from)
	case '~':
		return w.pairs&tildes != 0 && !w.apart(s, i, from)
	}
	return w.pairs&underscores != 0 && !w.apart(s, i, from) && !(wordBefore(s, i) && wordAfter(s, i+1, len(s)))
}

// before returns the byte before s[i], in s or in the output; a space at the beginning of a line.
func (w *writer) before(s string, i, from int) byte {
	switch {
	case i > from:
		return s[i-1]
	case len(w.out) > w.lineStart:
		return w.out[len(w.out)-1]
	}
	return ' '
}

// apart reports whether there are spaces around s[i]. In a cell the end of a line is no space,
// because <br> is written for it.
func (w *writer) apart(s string, i, from int) bool {
	return i+1 < len(s) && space(s[i+1]) && space(w.before(s, i, from)) && !(w.inCell && endsLine(s[i+1:]))
}

// endsLine reports whether there are only spaces before the end of a line.
func endsLine(s string) bool {
	s = strings.TrimLeft(s, " \t\v\f")
	return s == "" || s[0] == '\n' || s[0] == '\r'
}

func alpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func punctuation(c byte) bool { return c > ' ' && c < 0x7f && !alnum(c) }

// entity reports whether s, after an ampersand, may be an entity. It may if s is too short to tell.
func entity(s string) bool {
	for i := range len(s) {
		switch {
		case alnum(s[i]) || s[i] == '#' && i == 0:
		default:
			return s[i] == ';' && i > 0
		}
		if i > 40 {
			return false
		}
	}
	return true
}

// maxPlainURL bounds the search for the end of an address.
const maxPlainURL = 500

// plainURL returns the end of an address without a link whose colon is at i, if it holds characters
// that would be escaped, else 0: a reader that makes a link of the address would take the
// backslashes for a part of it.
func plainURL(s string, i int) int {
	if !strings.HasPrefix(s[i:], "://") {
		return 0
	}
	if before := s[:i]; !strings.HasSuffix(before, "http") && !strings.HasSuffix(before, "https") &&
		!strings.HasSuffix(before, "ftp") {
		return 0
	}
	end := i + 3
	odd := false
	for end < min(len(s), i+maxPlainURL) && s[end] > ' ' && s[end] < utf8.RuneSelf &&
		strings.IndexByte("<>`()[]", s[end]) < 0 {
		odd = odd || inText[s[end]] && s[end] != ':'
		end++
	}
	if !odd {
		return 0
	}
	return end
}

// angled puts an address whose scheme is written already into angle brackets. It writes nothing
// where no link may be: the colon must be escaped then.
func (w *writer) angled(rest string) bool {
	at := len(w.out)
	for at > w.lineStart && len(w.out)-at < len("https") && alpha(w.out[at-1]) {
		at--
	}
	scheme := string(w.out[at:])
	if w.inLabel || at > w.lineStart && (w.out[at-1] == '\\' || alnum(w.out[at-1])) || !w.autolink(scheme+rest) {
		return false
	}
	w.out = append(append(w.out[:at], '<'), scheme...)
	w.out = append(append(w.out, rest...), '>')
	return true
}

// codeSpan writes code in as many backticks as it needs. Within a cell, a backslash before a bar
// would look like an escape, so such code is written as a tag.
func (w *writer) codeSpan(s string) {
	s = oneLine.Replace(s)
	if strings.TrimFunc(s, unicode.IsSpace) == "" {
		w.text(s)
		return
	}
	if w.inCell && strings.Contains(s, `\|`) {
		w.out = append(w.out, "<code>"...)
		w.text(s)
		w.out = append(w.out, "</code>"...)
		return
	}
	ticks := strings.Repeat("`", longestRun(s, '`')+1)
	pad := ""
	if last := s[len(s)-1]; s[0] == '`' || last == '`' || s[0] == ' ' && last == ' ' {
		pad = " "
	}
	if n := len(w.out); n > w.begin && w.out[n-1] == '`' {
		w.out = append(w.out, "<!-- -->"...) // two spans that touch would be one
	}
	w.out = append(append(append(w.out, ticks...), pad...), w.bars(s)...)
	w.out = append(append(w.out, pad...), ticks...)
}

var oneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\x00", "\uFFFD", "\v", " ", "\f", " ")
