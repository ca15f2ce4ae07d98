package markdown

import (
	"strings"

	"github.com/rivo/uniseg"
	"github.com/yuin/goldmark/ast"
)

// span is text in one style.
type span struct {
	text, ink string
}

// word is spans without a space between them, which a line break must not separate.
type word []span

func (w word) width() int {
	n := 0
	for _, s := range w {
		n += uniseg.StringWidth(s.text)
	}
	return n
}

// words returns the text below a node as words.
func (r *renderer) words(n ast.Node, ink string) []word {
	var out []word
	open := false // the last word may continue
	for _, s := range r.spans(n, ink) {
		for i, part := range strings.Split(s.text, " ") {
			if i > 0 {
				open = false
			}
			if part == "" {
				continue
			}
			if !open {
				out = append(out, nil)
			}
			last := len(out) - 1
			out[last] = append(out[last], span{part, s.ink})
			open = true
		}
	}
	return out
}

// spans returns the text below a node. ink is the surrounding style.
func (r *renderer) spans(n ast.Node, ink string) []span {
	var out []span
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			text := unescape(string(c.Segment.Value(r.source)))
			if c.SoftLineBreak() || c.HardLineBreak() {
				text += " "
			}
			out = append(out, span{text, ink})
		case *ast.CodeSpan:
			out = append(out, r.code(c)...)
		case *ast.Emphasis:
			out = append(out, r.spans(c, bold)...)
		case *ast.Link:
			out = append(out, r.spans(c, ink)...)
			if target := r.target(string(c.Destination)); target != "" && target != plain(r.spans(c, ink)) {
				out = append(out, span{" (" + target + ")", faint})
			}
		case *ast.AutoLink:
			out = append(out, span{string(c.URL(r.source)), ink})
		default:
			out = append(out, r.spans(c, ink)...)
		}
	}
	return out
}

// code returns a code span: in colour, or with its backquotes.
func (r *renderer) code(n *ast.CodeSpan) []span {
	var text strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			text.Write(t.Segment.Value(r.source))
		}
	}
	quote := "`"
	if r.Styled {
		quote = ""
	}
	return []span{{quote + text.String() + quote, cyan}}
}

func plain(spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.text)
	}
	return b.String()
}

// unescape removes Markdown's backslash escapes.
func unescape(text string) string {
	return strings.NewReplacer(`\*`, "*", `\_`, "_", `\|`, "|", "\\`", "`", `\\`, `\`).Replace(text)
}

// lines breaks words into lines of at most width columns. A wider word gets its own line.
func lines(words []word, width int) [][]word {
	var out [][]word
	used := 0
	for _, w := range words {
		if n := w.width(); len(out) > 0 && used+1+n <= width {
			used += 1 + n
		} else {
			out = append(out, nil)
			used = n
		}
		out[len(out)-1] = append(out[len(out)-1], w)
	}
	return out
}

func widthOf(words []word) int {
	n := max(0, len(words)-1)
	for _, w := range words {
		n += w.width()
	}
	return n
}
