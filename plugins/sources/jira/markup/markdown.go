// The Markdown writer: blocks.

package markup

import (
	"strconv"
	"strings"
)

// Options say how Markdown is written. The zero value is ready.
type Options struct {
	// Mention writes a mention of the user with this name or account id; name is what the document shows, if
	// anything. nil writes @name.
	Mention func(id, name string) string
	// Code may rewrite the text of a code block. nil leaves it.
	Code func(language, text string) string
}

// Markdown writes a document as GitHub-flavoured Markdown, without a newline at its end.
func Markdown(doc Node, o Options) string {
	w := writer{o: o, open: true, out: make([]byte, 0, size(doc, 8))}
	w.blocks(doc.Content, false)
	return string(w.out)
}

// size guesses how long the Markdown of a node is, by as many levels of it.
func size(n Node, levels int) int {
	total := len(n.Text) + len(n.Href) + 4
	if levels == 0 {
		return total
	}
	for i := range n.Content {
		total += size(n.Content[i], levels-1)
	}
	return total
}

// writer builds the text. prefix is what each new line begins with: quote marks and indentation.
type writer struct {
	o      Options
	out    []byte
	prefix []byte
	open   bool // the line that blocks go to has begun: behind a list mark, or at the very beginning
}

// maxPrefix bounds the indentation, and so the time of deeply nested documents; what is deeper is not indented further.
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

// blocks writes blocks one after another: with empty lines between them, or without where they are tight.
func (w *writer) blocks(nodes []Node, tight bool) {
	wrote := false
	for _, n := range nodes {
		if emptyBlock(n) {
			continue
		}
		if wrote && (!tight || !list(n)) {
			w.blank()
		}
		w.block(n)
		wrote = true
	}
	w.open = w.open && !wrote
}

func list(n Node) bool { return n.Kind == BulletList || n.Kind == OrderedList }

// emptyBlock reports whether there is nothing to write.
func emptyBlock(n Node) bool {
	switch n.Kind {
	case Rule, ListItem, Mention, Media, Table:
		return false
	case CodeBlock, Text, Emoji:
		return n.Text == ""
	}
	for _, c := range n.Content {
		if !emptyBlock(c) {
			return false
		}
	}
	return true
}

func (w *writer) block(n Node) {
	switch n.Kind {
	case Heading:
		w.line()
		w.out = append(w.out, "######"[:min(max(n.Level, 1), 6)]...)
		w.out = append(w.out, ' ')
		w.out = append(w.out, strings.ReplaceAll(w.part(n.Content), "\n", " ")...)
	case BulletList, OrderedList:
		w.list(n)
	case CodeBlock:
		w.code(n)
	case Quote, Panel:
		w.indented("> ", func() { w.blocks(n.Content, false) })
	case Rule:
		w.line()
		w.out = append(w.out, "---"...)
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
func (w *writer) list(n Node) {
	number := max(n.Level, 1)
	for _, item := range n.Content {
		mark := "- "
		if n.Kind == OrderedList {
			mark = strconv.Itoa(int(number)) + ". "
			number++
		}
		w.line()
		w.out = append(w.out, mark...)
		switch item.Attr {
		case "x":
			w.out = append(w.out, "[x] "...)
		case "o":
			w.out = append(w.out, "[ ] "...)
		}
		w.item(item, len(mark))
	}
}

func (w *writer) item(item Node, width int) {
	before := len(w.prefix)
	if before < maxPrefix {
		w.prefix = append(w.prefix, "                "[:min(width, 16)]...)
	}
	w.open = true
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

// part writes nodes to a text of their own.
func (w *writer) part(nodes []Node) string {
	sub := writer{o: w.o, open: true}
	sub.inline(nodes)
	return strings.TrimSpace(string(sub.out))
}

// table writes a table. Markdown wants a header row: the first row is it, whatever it was.
func (w *writer) table(n Node) {
	width := 0
	for _, row := range n.Content {
		width = max(width, len(row.Content))
	}
	// Rows are filled up to the widest one, but a single very wide row must not fill up many others.
	width = min(width, 200)
	for i, row := range n.Content {
		w.line()
		w.out = append(w.out, '|')
		for _, cell := range row.Content {
			w.cell(cell)
		}
		for range width - len(row.Content) {
			w.out = append(w.out, "  |"...)
		}
		if i == 0 {
			w.newline()
			w.out = append(w.out, '|')
			w.out = append(w.out, strings.Repeat(" --- |", max(len(row.Content), width))...)
		}
	}
}

// cell writes a cell on one line: line breaks become <br>, bars are escaped.
func (w *writer) cell(cell Node) {
	sub := writer{o: w.o, open: true}
	if cell.Kind == Cell || cell.Kind == HeaderCell {
		sub.blocks(cell.Content, true)
	} else {
		sub.blocks([]Node{cell}, true)
	}
	s := strings.Trim(string(sub.out), "\n ")
	s = strings.ReplaceAll(s, "|", `\|`)
	s = strings.ReplaceAll(s, "\n\n", "<br>")
	s = strings.ReplaceAll(s, "\n", "<br>")
	w.out = append(w.out, ' ')
	w.out = append(append(w.out, s...), " |"...)
}
