// Package markdown renders a page of the manual for a terminal, or as plain text.
package markdown

import (
	"fmt"
	"io"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// Screen describes the output.
type Screen struct {
	Width  int                                  // columns
	Styled bool                                 // Paint adds styles
	Paint  func(parameters, text string) string // parameters of a style's escape sequence
	Link   func(target string) string           // what to show for a link's target; "": nothing
}

// The styles.
const (
	bold  = "1"
	faint = "2"
	cyan  = "36"
)

// body is the indentation of everything except headings.
const body = 2

// Write writes a page.
func Write(w io.Writer, page string, screen Screen) error {
	source := []byte(page)
	r := &renderer{Screen: screen, source: source}
	parser := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser()
	r.blocks(parser.Parse(text.NewReader(source)), body)
	_, err := io.WriteString(w, r.out.String())
	return err
}

type renderer struct {
	Screen
	source []byte
	out    strings.Builder
}

func (r *renderer) target(destination string) string { return r.Link(destination) }

// blocks writes the blocks below a node, separated by blank lines.
func (r *renderer) blocks(parent ast.Node, indent int) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if n.PreviousSibling() != nil {
			r.out.WriteByte('\n')
		}
		r.block(n, indent)
	}
}

func (r *renderer) block(n ast.Node, indent int) {
	switch n := n.(type) {
	case *ast.Heading:
		r.paragraph(r.words(n, bold), 0, 0)
	case *ast.FencedCodeBlock, *ast.CodeBlock:
		for i := range n.Lines().Len() {
			line := n.Lines().At(i)
			r.line(indent+2, r.Paint(cyan, strings.TrimRight(string(line.Value(r.source)), "\n")))
		}
	case *ast.List:
		r.list(n, indent)
	case *extast.Table:
		r.table(n, indent)
	case *ast.Paragraph, *ast.TextBlock:
		r.paragraph(r.words(n, ""), indent, indent)
	default:
		r.blocks(n, indent)
	}
}

// list writes the items of a list.
func (r *renderer) list(n *ast.List, indent int) {
	number := n.Start
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		mark := "•"
		if n.IsOrdered() {
			mark = fmt.Sprintf("%d.", number)
			number++
		}
		hang := indent + len([]rune(mark)) + 1
		for c := item.FirstChild(); c != nil; c = c.NextSibling() {
			if c == item.FirstChild() {
				r.paragraph(append([]word{{{mark, ""}}}, r.words(c, "")...), indent, hang)
				continue
			}
			r.block(c, hang)
		}
	}
}

// paragraph writes words in lines. The first is indented by first columns, the others by rest.
func (r *renderer) paragraph(words []word, first, rest int) {
	indent := first
	for len(words) > 0 {
		line := lines(words, max(1, r.Width-indent))[0]
		r.line(indent, r.paint(line))
		words, indent = words[len(line):], rest
	}
}

func (r *renderer) line(indent int, text string) {
	if text != "" {
		r.out.WriteString(strings.Repeat(" ", indent) + text)
	}
	r.out.WriteByte('\n')
}

// paint formats a line. Adjacent words of one style are painted together with their space.
func (r *renderer) paint(line []word) string {
	var all []span
	for i, w := range line {
		if i > 0 {
			ink := ""
			if last := all[len(all)-1].ink; len(w) > 0 && last == w[0].ink {
				ink = last
			}
			all = join(all, span{" ", ink})
		}
		for _, s := range w {
			all = join(all, s)
		}
	}
	var b strings.Builder
	for _, s := range all {
		if s.ink == "" {
			b.WriteString(s.text)
		} else {
			b.WriteString(r.Paint(s.ink, s.text))
		}
	}
	return b.String()
}

func join(all []span, s span) []span {
	if last := len(all) - 1; last >= 0 && all[last].ink == s.ink {
		all[last].text += s.text
		return all
	}
	return append(all, s)
}
