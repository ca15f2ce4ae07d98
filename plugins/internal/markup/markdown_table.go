// The Markdown writer: tables. A cell is one line, so that the blocks in it become lines between
// <br>.

package markup

import (
	"strconv"
	"strings"
)

// maxFill bounds the empty cells that fill up a row to the widest one.
const maxFill = 200

// table writes a table. Markdown wants a header row: the first row is it, whatever it was, and as
// wide as the widest.
func (w *writer) table(n Node) {
	width := 1
	for _, row := range n.Content {
		width = max(width, len(row.Content))
	}
	for i, row := range n.Content {
		w.line()
		w.out = append(w.out, '|')
		for _, cell := range row.Content {
			w.cell(cell)
		}
		fill := min(width, maxFill)
		if i == 0 {
			fill = width
		}
		for range fill - len(row.Content) {
			w.out = append(w.out, "  |"...)
		}
		if i == 0 {
			w.newline()
			w.out = append(w.out, '|')
			w.out = append(w.out, strings.Repeat(" --- |", width)...)
		}
	}
}

// cell writes a cell on one line.
func (w *writer) cell(cell Node) {
	w.out = append(w.out, ' ')
	sub := writer{o: w.o, out: w.out, inCell: true, begin: len(w.out), lineStart: len(w.out)}
	if cell.Kind == Cell || cell.Kind == HeaderCell {
		sub.cellBlocks(cell.Content, "")
	} else {
		sub.cellBlocks([]Node{cell}, "")
	}
	sub.trimLine()
	w.out = append(sub.out, " |"...)
}

// cellBlocks writes blocks as lines, each of which begins with the indentation of its list.
func (w *writer) cellBlocks(nodes []Node, indent string) {
	first := true
	for i := range nodes {
		if emptyBlock(nodes[i]) {
			continue
		}
		if !first {
			w.lineBreak()
			w.out = append(w.out, indent...)
		}
		w.cellBlock(&nodes[i], indent)
		first = false
	}
}

func (w *writer) cellBlock(n *Node, indent string) {
	begin := w.begin // of the cell: inline sets its own
	defer func() { w.begin = begin }()
	switch n.Kind {
	case Paragraph, Heading:
		w.inline(n.Content)
	case CodeBlock:
		w.cellCode(n)
	case Rule:
		w.out = append(w.out, "---"...)
	case BulletList, OrderedList:
		w.cellList(n, indent)
	default:
		if n.Block() {
			w.cellBlocks(n.Content, indent)
			return
		}
		w.inline([]Node{*n})
	}
}

// cellCode writes each line of code as a span.
func (w *writer) cellCode(n *Node) {
	s := n.Text
	if w.o.Code != nil {
		s = w.o.Code(n.Attr, s)
	}
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			w.out = append(w.out, "<br>"...)
		}
		w.codeSpan(line)
	}
}

func (w *writer) cellList(n *Node, indent string) {
	number := max(n.Level, 1)
	for i := range n.Content {
		item := &n.Content[i]
		if i > 0 {
			w.lineBreak()
			w.out = append(w.out, indent...)
		}
		if n.Kind == OrderedList {
			w.out = append(strconv.AppendInt(w.out, int64(number), 10), ". "...)
			number++
		} else {
			w.out = append(w.out, "- "...)
		}
		w.out = append(w.out, checkbox(item.Attr)...)
		deeper := indent
		if len(indent) < maxPrefix {
			deeper += "  "
		}
		if item.Kind == ListItem {
			w.cellBlocks(item.Content, deeper)
		} else {
			w.cellBlock(item, deeper)
		}
	}
}
