// The Markdown writer: blocks.

package markup

import (
	"strconv"
	"strings"
	"unicode"
)

// Options say how Markdown is written. The zero value is ready.
type Options struct {
	// Mention writes a mention of the user with this name or account id; name is what the document
	// shows, if anything. nil writes @name.
	Mention func(id, name string) string
	// Code may rewrite the text of a code block. nil leaves it.
	Code func(language, text string) string
}

// Markdown writes a document as GitHub-flavoured Markdown, without a newline at its end.
func Markdown(doc Node, o Options) string {
	s := scratches.Get().(*scratch)
	defer s.put()
	return s.markdown(doc, o)
}

// writer builds the text. prefix is what each new line begins with: quote marks and indentation.
type writer struct {
	o      Options
	out    []byte
	prefix []byte
	open   bool // the line that blocks go to has begun: behind a list mark, or at the very beginning
	// Of the paragraph, heading or cell that is being written:
	begin, lineStart int  // where it and its last line begin
	emptied          bool // its last line but one is empty
	inLabel, inCell  bool
	pairs            pair
}

// maxPrefix bounds the indentation, and so the time of deeply nested documents. Anything deeper is
// not indented further.
const maxPrefix = 80

// line begins a new line, unless one is open.
func (w *writer) line() {
	if w.open {
		w.open = false
		return
	}
	w.newline()
}

func (w *writer) newline() {
	w.out = append(append(w.out, '\n'), w.prefix...)
}

// blank writes an empty line, still within the quote that it stands in.
func (w *writer) blank() {
	w.out = append(w.out, '\n')
	w.out = append(w.out, strings.TrimRight(string(w.prefix), " ")...)
}

// blocks writes blocks one after another: with empty lines between them, or without where they are
// tight.
func (w *writer) blocks(nodes []Node, tight bool) {
	wrote := false
	last, other := Doc, false // the block before, and whether its list had the other kind of mark
	for _, n := range nodes {
		if emptyBlock(n) {
			continue
		}
		if wrote && (!tight || !list(n) || !interrupts(n)) {
			w.blank()
		}
		other = list(n) && n.Kind == last && !other // two lists in a row would be one
		w.block(n, other)
		wrote, last = true, n.Kind
	}
	w.open = w.open && !wrote
}

func list(n Node) bool { return n.Kind == BulletList || n.Kind == OrderedList }

// interrupts reports whether a list may follow a line of text without an empty line: it may not if
// it begins with an empty item, or with a number other than 1.
func interrupts(n Node) bool {
	return n.Level <= 1 && len(n.Content) > 0 && !emptyBlock(Node{Kind: Doc, Content: n.Content[0].Content})
}

// emptyBlock reports whether there is nothing to write.
func emptyBlock(n Node) bool {
	switch n.Kind {
	case Rule, Mention:
		return false
	case Media:
		return n.Attr == "" && n.Text == ""
	case ListItem:
		if n.Attr != "" {
			return false
		}
	case CodeBlock:
		return n.Text == ""
	case Text, Emoji:
		return strings.TrimFunc(n.Text, unicode.IsSpace) == ""
	case HardBreak, lineBreak:
		return true
	case Row:
		return len(n.Content) == 0
	}
	for i := range n.Content {
		if !emptyBlock(n.Content[i]) {
			return false
		}
	}
	return true
}

func (w *writer) block(n Node, other bool) {
	switch n.Kind {
	case Heading:
		w.heading(n)
	case BulletList, OrderedList:
		w.list(n, other)
	case CodeBlock:
		w.code(n)
	case Quote, Panel:
		w.indented("> ", func() { w.blocks(n.Content, false) })
	case Rule:
		rule := "---"
		if w.open && len(w.out) > 0 {
			rule = "___" // dashes behind a dash would be one rule
		}
		w.line()
		w.out = append(w.out, rule...)
	case Table:
		w.table(n)
	case Paragraph:
		w.line()
		w.paragraph(n.Content)
	default:
		if n.Block() {
			w.blocks(n.Content, false) // an item or a cell where none belongs
			return
		}
		w.line()
		w.paragraph([]Node{n})
	}
}

// heading writes a heading on one line. Hashes at its end would be taken away.
func (w *writer) heading(n Node) {
	w.line()
	w.out = append(w.out, "######"[:min(max(n.Level, 1), 6)]...)
	w.out = append(w.out, ' ')
	sub := writer{o: w.o}
	sub.inline(n.Content)
	s := strings.TrimSpace(strings.ReplaceAll(string(sub.out), "\n", " "))
	if text := strings.TrimRight(s, "#"); text != s && (text == "" || space(text[len(text)-1])) {
		s = s[:len(s)-1] + `\#`
	}
	w.out = append(w.out, s...)
}

// indented runs f with a longer prefix. The first line gets it too.
func (w *writer) indented(with string, f func()) {
	before := len(w.prefix)
	if before < maxPrefix {
		w.prefix = append(w.prefix, with...)
	}
	if w.open {
		w.out = append(w.out, w.prefix[before:]...)
	}
	f()
	w.prefix = w.prefix[:before]
}

// list writes the items of a list, indented by the width of their mark.
func (w *writer) list(n Node, other bool) {
	number := max(n.Level, 1)
	behind := w.open && len(w.out) > 0
	for _, item := range n.Content {
		if behind && w.open && n.Kind == BulletList && emptyBlock(item) {
			continue // dashes behind a dash would be a rule
		}
		mark := listMarks[n.Kind == OrderedList][other]
		if n.Kind == OrderedList {
			mark = strconv.Itoa(int(number)) + mark
			number++
		}
		w.line()
		w.out = append(w.out, mark...)
		w.out = append(w.out, checkbox(item.Attr)...)
		w.item(item, len(mark))
	}
}

// listMarks are the marks of unordered and ordered lists, and those of a second list that follows a
// first.
var listMarks = map[bool]map[bool]string{
	false: {false: "- ", true: "* "},
	true:  {false: ". ", true: ") "},
}

// checkbox returns what a task begins with.
func checkbox(state string) string {
	switch state {
	case "x":
		return "[x] "
	case "o":
		return "[ ] "
	}
	return ""
}

func (w *writer) item(item Node, width int) {
	before := len(w.prefix)
	if before < maxPrefix {
		w.prefix = append(w.prefix, "                "[:min(width, 16)]...)
	}
	w.open = item.Attr == "" || len(item.Content) > 0 && (item.Content[0].Kind == Paragraph || !item.Content[0].Block())
	if !w.open { // a checkbox is of a paragraph
		w.blank()
	}
	if item.Kind == ListItem {
		w.blocks(item.Content, true)
	} else {
		w.blocks([]Node{item}, true)
	}
	w.open = false
	w.prefix = w.prefix[:before]
}

// code writes a fenced block; the fence is longer than any in the text.
func (w *writer) code(n Node) {
	s := n.Text
	if w.o.Code != nil {
		s = w.o.Code(n.Attr, s)
	}
	if strings.ContainsAny(s, "\r\x00") {
		s = newlines.Replace(s)
	}
	fence := strings.Repeat("`", max(3, longestRun(s, '`')+1))
	w.line()
	w.out = append(append(w.out, fence...), n.Attr...)
	for line := range strings.SplitSeq(s, "\n") {
		if line == "" {
			w.blank()
			continue
		}
		w.newline()
		w.out = append(w.out, line...)
	}
	w.newline()
	w.out = append(w.out, fence...)
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD")

func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// pair is a set of characters that are markup in pairs.
type pair uint8

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }
