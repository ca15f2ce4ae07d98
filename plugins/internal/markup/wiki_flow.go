// The flow: one pass over a part of the source that finds text, marks and blocks in their order.

package markup

import "strings"

// flow is the state of one pass. Text is not copied: it is the slice of the source from text on.
type flow struct {
	*wiki
	end  int
	mode mode
	text int // start of the text that is in no node yet
	base int // start of its nodes on the stack
	// noTable is the position before which rows have no cells: a search through them is not made
	// again for each.
	noTable int
	joins   bool // the text that no node holds yet goes on with that of the last node
}

// special are the bytes at which something other than text may begin. A URL is seen at its colon.
var special = [256]bool{
	'\n': true, '\\': true, '[': true, '{': true, '!': true, '-': true, '+': true, '*': true,
	'^': true, '~': true, '_': true, '?': true, ':': true, ';': true, '(': true, '&': true,
}

// flow reads src[start:end] into a flat list of inline nodes and blocks; see paragraphs.
func (p *wiki) flow(start, end int, m mode) []Node {
	f := &flow{wiki: p, end: end, mode: m, text: start, base: len(p.stack)}
	i := f.line(start)
	for i < end {
		if !special[p.src[i]] {
			i++
			continue
		}
		i = f.token(i)
	}
	f.flush(end)
	return p.pop(f.base)
}

// flush makes a node of the text before i.
func (f *flow) flush(i int) {
	switch {
	case i <= f.text:
	case f.joins:
		f.stack[len(f.stack)-1].Text += f.src[f.text:i]
	default:
		f.push(Node{Kind: Text, Text: f.src[f.text:i]})
	}
	f.text, f.joins = i, false
}

// emit adds nodes that came of src[i:next], and returns next.
func (f *flow) emit(i, next int, nodes ...Node) int {
	f.flush(i)
	f.push(nodes...)
	f.text = next
	return next
}

// token reads the markup that begins at i, if any, and returns the position to continue at.
func (f *flow) token(i int) int {
	switch c := f.src[i]; c {
	case '\n':
		return f.newline(i)
	case '\\':
		return f.backslash(i)
	case '[':
		return f.link(i)
	case '{':
		return f.brace(i)
	case '!':
		return f.image(i)
	case ':':
		if next := f.url(i); next > i {
			return next
		}
		return f.emoticon(i)
	case ';', '(':
		return f.emoticon(i)
	case '-':
		return f.dash(i)
	case '&':
		return f.entity(i)
	default:
		return f.mark(i)
	}
}

// newline records the end of a line, and reads what begins the next one. More than two in a row
// have the effect of two. Between two lines of plain text the newline is part of the text, so that
// a long text is one node.
func (f *flow) newline(i int) int {
	start, joined := f.text, f.joins
	f.flush(i)
	if n := len(f.stack); n < f.base+2 || f.stack[n-1].Kind != lineBreak || f.stack[n-2].Kind != lineBreak {
		f.push(Node{Kind: lineBreak})
	}
	f.text = i + 1
	n := len(f.stack)
	next := f.line(i + 1)
	plain := next == i+1 && len(f.stack) == n && next < f.end && !special[f.src[next]] &&
		!strings.HasPrefix(f.src[next:], "\u00a0")
	if plain && !joined && !emptyText(f.src[start:i]) { // spaces at the edges of a paragraph are trimmed by node
		f.stack = f.stack[:n-2] // the text and its break
		f.text = start
	}
	return next
}

// line reads what begins a line: its indentation, and a block.
func (f *flow) line(i int) int {
	j := f.skipSpaces(i, f.end)
	if f.mode&keepLead == 0 {
		f.text = j
	}
	if f.mode&noBlocks != 0 {
		return j
	}
	for {
		next, ok := f.block(j)
		if !ok {
			return j
		}
		f.text = next
		if next >= f.end || f.src[next-1] != '\n' {
			return next // the rest of the line, or its newline, is read as usual
		}
		if j = f.skipSpaces(next, f.end); f.mode&keepLead == 0 {
			f.text = j
		}
	}
}

// block reads the block that begins at i, where a line begins, and returns what comes after it.
func (f *flow) block(i int) (next int, ok bool) {
	rest := f.src[i:f.end]
	if len(rest) < 2 {
		return i, false
	}
	switch rest[0] {
	case 'h':
		if len(rest) > 2 && rest[1] >= '1' && rest[1] <= '6' && rest[2] == '.' {
			return f.heading(i), true
		}
	case 'b':
		if strings.HasPrefix(rest, "bq.") {
			return f.blockquote(i)
		}
	case '-':
		if n := ruleLength(rest); n > 0 && f.mode&noRules == 0 {
			f.push(Node{Kind: Rule})
			return i + n, true
		}
		fallthrough
	case '*', '#':
		if n := listMark(rest, false); n > 0 && f.mode&noLists == 0 {
			return f.list(i)
		}
	case '|':
		if f.mode&noTables == 0 && i >= f.noTable {
			return f.table(i)
		}
	}
	return i, false
}

// heading reads "h1. Title" to the end of its line.
func (f *flow) heading(i int) int {
	end := f.lineEnd(i, f.end)
	content := f.flow2(f.skipSpaces(i+3, end), end, noBlocks|noDashes)
	f.push(Node{Kind: Heading, Level: int32(f.src[i+1] - '0'), Content: content})
	return end
}

// blockquote reads "bq. text" to the end of its line.
func (f *flow) blockquote(i int) (int, bool) {
	end := f.lineEnd(i, f.end)
	content, ok := f.nested(func() []Node { return f.paragraphs(f.wiki.flow(i+3, end, 0)) })
	if !ok {
		return i, false
	}
	f.push(Node{Kind: Quote, Content: content})
	return end, true
}

// flow2 reads a part within a line. Marks that the outer flow excludes stay excluded.
func (f *flow) flow2(start, end int, m mode) []Node {
	return f.wiki.flow(start, end, f.mode&^keepLead|m)
}

// ruleLength returns the length of a rule of four or five dashes with the space behind it, or 0.
func ruleLength(s string) int {
	n := 0
	for n < len(s) && s[n] == '-' {
		n++
	}
	switch {
	case n != 4 && n != 5:
		return 0
	case n == len(s):
		return n
	case s[n] == ' ' || s[n] == '\t' || s[n] == '\n':
		return n
	}
	return 0
}

// backslash reads an escape, or the two backslashes that break a line.
func (f *flow) backslash(i int) int {
	after := byte(0)
	if i+1 < f.end {
		after = f.src[i+1]
	}
	if after == '\\' {
		if f.breaksLine(i) {
			return f.emit(i, i+2, Node{Kind: HardBreak})
		}
		return i + 2
	}
	if strings.IndexByte(escapable, after) < 0 || after == 0 {
		return i + 1
	}
	f.flush(i)
	f.text = i + 1 // without the backslash; the escaped character is text
	return i + 2
}

const escapable = "-#*_+?^~|%{}[]()!@"

// breaksLine reports whether the two backslashes at i are a line break: not part of a path such as
// \\host\share.
func (f *flow) breaksLine(i int) bool {
	if i > 0 && f.src[i-1] == '\\' {
		return false
	}
	for j := i + 2; j < f.end && j < i+200; j++ {
		switch f.src[j] {
		case ' ', '\t', '\n':
			return true
		case '\\':
			return false
		}
	}
	return true
}

// dash reads the dashes "--" and "---" between spaces, and the mark of deleted text.
func (f *flow) dash(i int) int {
	n := 1
	for i+n < f.end && f.src[i+n] == '-' {
		n++
	}
	if n == 1 {
		return f.mark(i)
	}
	if n > 3 || f.mode&noDashes != 0 || !spaceAt(f.src, i-1, 0) || !spaceAt(f.src, i+n, f.end) {
		return i + n
	}
	return f.emit(i, i+n, Node{Kind: Text, Text: [...]string{2: "–", 3: "—"}[n]})
}

// spaceAt reports whether there is a space at i, or nothing (the edge of the source part).
func spaceAt(s string, i, end int) bool {
	if i < 0 || i >= len(s) || (end > 0 && i >= end) {
		return true
	}
	return s[i] == ' ' || s[i] == '\t' || s[i] == '\n'
}
