// Marks around text: *strong*, _emphasis_, {{code}} and the like, also in their braced form
// {*}strong{*}.

package markup

import (
	"unicode"
	"unicode/utf8"
)

// markKinds is the number of marks; see markOf.
const markKinds = 8

// wikiMark is one of the marks.
type wikiMark struct {
	index         int
	open, close   string
	bopen, bclose string // the braced forms
	marks         Marks
}

var wikiMarks = [markKinds]wikiMark{
	{0, "*", "*", "{*}", "{*}", Strong},
	{1, "_", "_", "{_}", "{_}", Em},
	{2, "-", "-", "{-}", "{-}", Strike},
	{3, "+", "+", "{+}", "{+}", Underline},
	{4, "^", "^", "{^}", "{^}", Sup},
	{5, "~", "~", "{~}", "{~}", Sub},
	{6, "??", "??", "{??}", "{??}", Em},
	{7, "{{", "}}", "{{{}", "{}}}", Code},
}

// markOf returns the mark that begins with c.
func markOf(c byte) *wikiMark {
	switch c {
	case '*':
		return &wikiMarks[0]
	case '_':
		return &wikiMarks[1]
	case '-':
		return &wikiMarks[2]
	case '+':
		return &wikiMarks[3]
	case '^':
		return &wikiMarks[4]
	case '~':
		return &wikiMarks[5]
	case '?':
		return &wikiMarks[6]
	}
	return nil
}

// mark reads a marked text that begins at i without a brace.
func (f *flow) mark(i int) int {
	m := markOf(f.src[i])
	if m == nil || !f.has(i, m.open) {
		return i + 1
	}
	return f.marked(i, m, false)
}

func (f *flow) has(i int, s string) bool {
	return i+len(s) <= f.end && f.src[i:i+len(s)] == s
}

// marked reads the text that m opens at i. If nothing closes it, the opening mark is text.
func (f *flow) marked(i int, m *wikiMark, braced bool) int {
	open := m.open
	if braced {
		open = m.bopen
	}
	start := i + len(open)
	if start >= f.end || f.src[start] == ' ' || !braced && wordBefore(f.src, i) {
		return start
	}
	closing, variant := f.closing(m, start)
	end := f.closer(start, closing, 2*m.index+variant)
	if end < 0 {
		return start
	}
	return f.emit(i, end+len(closing), f.markedNodes(m, start, end)...)
}

// opens reports whether a mark may open at i: not after a letter or digit, and not before a space.
func (f *flow) opens(i, start int) bool {
	if start >= f.end || f.src[start] == ' ' {
		return false
	}
	return !wordBefore(f.src, i)
}

// closing returns the closing form of a mark: the braced one if the first closing mark is in
// braces.
func (f *flow) closing(m *wikiMark, start int) (string, int) {
	o := &f.marks[m.index]
	if o.at == 0 || !o.holds(start) {
		*o = f.search(m.close, start)
	}
	at := o.at
	if at > 0 && f.src[at-1] == '{' && at+len(m.close) < f.end && f.src[at+len(m.close)] == '}' {
		return m.bclose, 1
	}
	return m.close, 0
}

// closer finds the closing mark in the line from start on, and returns its position or -1. A search
// that fails from one position fails from every earlier start too, so it is made only once.
func (f *flow) closer(start int, closing string, memo int) int {
	if start < f.failed[memo] {
		return -1
	}
	first := closing[0]
	for i := start; i < f.end; i++ {
		c := f.src[i]
		switch {
		case c == '\n':
			f.failed[memo] = i
			return -1
		case c == first && f.has(i, closing):
			if i == start {
				return -1 // empty: only this start fails
			}
			if first != '{' && wordAfter(f.src, i+len(closing), f.end) {
				i += len(closing) - 1
				continue
			}
			if f.src[i-1] == ' ' {
				f.failed[memo] = i
				return -1
			}
			return i
		case c == '\\' && i+1 < f.end && f.src[i+1] != '\n':
			i++ // an escaped character closes nothing
		case c == '{' && f.has(i, "{{"):
			i++
		case c == '{':
			next, ok := f.overMacro(i)
			if !ok {
				f.failed[memo] = i
				return -1
			}
			i = next - 1
		case c == '[':
			i = f.overLink(i) - 1
		}
	}
	f.failed[memo] = f.end
	return -1
}

// overMacro returns the position after a macro that may stand within marked text (a colour, an
// anchor), or after the brace if there is no macro. ok is false at any other macro.
func (f *flow) overMacro(i int) (next int, ok bool) {
	m := f.macroAt(i, f.end)
	switch {
	case m.name == "":
		return i + 1, true
	case m.name == "color" || m.name == "anchor":
		return m.next, true
	}
	return i, false
}

// markedNodes reads the nodes between a mark and its closing mark.
func (f *flow) markedNodes(m *wikiMark, start, end int) []Node {
	if m.marks == Code {
		return []Node{{Kind: Text, Marks: Code, Text: unescape(f.src[f.skipSpaces(start, end):end])}}
	}
	nodes, ok := f.nested(func() []Node { return f.flow2(start, end, noBlocks|noDashes) })
	if !ok {
		nodes = []Node{{Kind: Text, Text: f.src[start:end]}}
	}
	for i := range nodes {
		if nodes[i].Kind == Text && nodes[i].Marks&Code == 0 {
			nodes[i].Marks |= m.marks
		}
	}
	if m.open == "??" {
		nodes = append([]Node{{Kind: Text, Marks: Em, Text: "— "}}, nodes...)
	}
	return nodes
}

// unescape removes the backslashes that escape a character.
func unescape(s string) string {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '\\' {
			return unescapeFrom(s, i)
		}
	}
	return s
}

func unescapeFrom(s string, i int) string {
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] != '\\' && protectable[s[i+1]] && (i == 0 || s[i-1] != '\\') {
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// protectable are the bytes of escapable.
var protectable = func() (t [256]bool) {
	for i := range len(escapable) {
		t[escapable[i]] = true
	}
	return t
}()

// wordBefore reports whether a letter or digit ends at i.
func wordBefore(s string, i int) bool {
	if i <= 0 {
		return false
	}
	if c := s[i-1]; c < utf8.RuneSelf {
		return alnum(c)
	}
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return wordRune(r)
}

// wordAfter reports whether a letter or digit begins at i.
func wordAfter(s string, i, end int) bool {
	if i >= end {
		return false
	}
	if c := s[i]; c < utf8.RuneSelf {
		return alnum(c)
	}
	r, _ := utf8.DecodeRuneInString(s[i:end])
	return wordRune(r)
}

func alnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
