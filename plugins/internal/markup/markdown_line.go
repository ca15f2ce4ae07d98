// The Markdown writer: the lines of a paragraph, and what may not stand at their beginnings.

package markup

import (
	"bytes"
	"strings"
)

// lineBreak writes a break: a new line, or an empty one where a line has just begun. More than
// that, and breaks before the first text, say nothing.
func (w *writer) lineBreak() { w.breakLine(true) }

func (w *writer) breakLine(empty bool) {
	w.trimLine()
	switch {
	case w.inCell && len(w.out) > w.begin:
		w.out = append(w.out, "<br>"...)
		w.lineStart = len(w.out)
	case len(w.out) > w.lineStart:
		w.newline()
		w.lineStart, w.emptied = len(w.out), !empty
	case empty && len(w.out) > w.begin && !w.emptied && !w.inLabel:
		w.newline()
		w.lineStart, w.emptied = len(w.out), true
	}
}

// trimLine takes the spaces from the end of the line that is being written.
func (w *writer) trimLine() {
	n := len(w.out)
	for n > w.lineStart && (w.out[n-1] == ' ' || w.out[n-1] == '\t') {
		n--
	}
	w.out = w.out[:n]
}

// protectLines escapes what would begin a block at the beginnings of the lines from start on. The
// first line has its prefix before start.
func (w *writer) protectLines(start int) {
	if !w.anyBlockStart(start) {
		return
	}
	region := string(w.out[start:])
	w.out = w.out[:start]
	for i, line := range strings.SplitAfter(region, "\n") {
		if i > 0 {
			n := min(len(w.prefix), len(line))
			w.out = append(w.out, line[:n]...)
			line = line[n:]
		}
		at := blockStart([]byte(line))
		if at < 0 {
			w.out = append(w.out, line...)
			continue
		}
		w.out = append(append(append(w.out, line[:at]...), '\\'), line[at:]...)
	}
}

func (w *writer) anyBlockStart(start int) bool {
	region := w.out[start:]
	for len(region) > 0 {
		if blockStart(region) >= 0 {
			return true
		}
		i := bytes.IndexByte(region, '\n')
		if i < 0 {
			return false
		}
		region = region[min(i+1+len(w.prefix), len(region)):]
	}
	return false
}

// blockStart returns where a line needs a backslash in order not to be read as a heading, a quote,
// a list, a rule, a fence, a table or a definition: -1 for nowhere.
func blockStart(s []byte) int {
	if len(s) == 0 {
		return -1
	}
	switch c := s[0]; c {
	case '>':
		return 0
	case '#':
		hashes := 1
		for hashes < len(s) && s[hashes] == '#' {
			hashes++
		}
		return when(endsMark(s, hashes), 0)
	case '-', '+', '*':
		return when(endsMark(s, 1) || only(s, "-|: \t") || ruleOf(s, c), 0)
	case '_':
		return when(ruleOf(s, c), 0)
	case '=':
		return when(only(s, "= \t"), 0)
	case '|', ':':
		return when(only(s, "-|: \t"), 0)
	case '[':
		// or a checkbox
		return when(definition(s) || len(s) > 3 && s[2] == ']' && space(s[3]) && strings.IndexByte(" xX", s[1]) >= 0, 0)
	case '~':
		return when(bytes.HasPrefix(s, []byte("~~~")), 0)
	}
	n := 0
	for n < len(s) && n < 10 && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return when(n > 0 && n < len(s) && (s[n] == '.' || s[n] == ')') && endsMark(s, n+1), n)
}

func when(ok bool, at int) int {
	if ok {
		return at
	}
	return -1
}

// endsMark reports whether a mark of n bytes ends there: before a space or the end of the line.
func endsMark(s []byte, n int) bool { return n >= len(s) || space(s[n]) }

// only reports whether there is nothing but these bytes in the line.
func only(s []byte, bytes string) bool {
	for _, c := range s {
		if c == '\n' {
			return true
		}
		if strings.IndexByte(bytes, c) < 0 {
			return false
		}
	}
	return true
}

// ruleOf reports whether a line is a rule made of c.
func ruleOf(s []byte, c byte) bool { return only(s, string(rune(c))+" \t") }

// definition reports whether a line begins as the definition of a link: [label]: and so on.
func definition(s []byte) bool {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '\n':
			return true
		case ']':
			return i+1 < len(s) && s[i+1] == ':'
		}
	}
	return true // the label may go on
}
