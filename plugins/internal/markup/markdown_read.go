// Reading GitHub's Markdown: goldmark parses it, and the result becomes the tree of the other
// readers.

package markup

import (
	"html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// ParseMarkdown reads GitHub-flavoured Markdown. It has no errors: anything that is not markup is
// text. HTML is kept as text. A source that nests more than people write is read as plain text,
// because the parser's time would grow with its square.
func ParseMarkdown(src string) Node {
	if tangled(src) {
		return ParsePlain(src)
	}
	m := markdown{src: []byte(src)}
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()
	return Node{Kind: Doc, Content: m.blocks(parser.Parse(text.NewReader(m.src)))}
}

// Limits of what is parsed: list and quote marks at the beginning of a line, and characters in one
// paragraph that may open a span.
const (
	mostNested = 50
	mostSpans  = 5000
)

// tangled reports whether a source exceeds these limits. Fenced code does not count.
func tangled(src string) bool {
	spans, fenced := 0, false
	for line := range strings.Lines(src) {
		rest, nested := strings.TrimSpace(line), 0
		if strings.HasPrefix(rest, "```") || strings.HasPrefix(rest, "~~~") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		if rest == "" {
			spans = 0
		}
		for nested <= mostNested {
			after := strings.TrimLeft(rest, "0123456789")
			if len(after) < 2 || after[0] != '>' &&
				(strings.IndexByte("-+*.)", after[0]) < 0 || after[1] != ' ' && after[1] != '\t') {
				break
			}
			rest = strings.TrimLeft(after[1:], " \t")
			nested++
		}
		for i := range len(line) {
			if strings.IndexByte("[*_<~", line[i]) >= 0 {
				spans++
			}
		}
		if nested > mostNested || spans > mostSpans {
			return true
		}
	}
	return false
}

// markdown is one source that is read.
type markdown struct {
	src   []byte
	depth int // of the blocks or the spans that are being read
}

// deepest bounds the nesting of blocks, and that of spans. Anything deeper is text.
const deepest = 100

func (m *markdown) blocks(parent ast.Node) []Node {
	if m.depth++; m.depth > deepest {
		m.depth--
		return []Node{{Kind: Paragraph, Content: brokenLines(m.flat(parent))}}
	}
	defer func() { m.depth-- }()
	var out []Node
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		out = append(out, m.block(n)...)
	}
	return out
}

func (m *markdown) block(n ast.Node) []Node {
	switch n := n.(type) {
	case *ast.Heading:
		return []Node{{Kind: Heading, Level: int32(n.Level), Content: m.line(n)}}
	case *ast.ThematicBreak:
		return []Node{{Kind: Rule}}
	case *ast.CodeBlock:
		return []Node{{Kind: CodeBlock, Text: m.lines(n)}}
	case *ast.FencedCodeBlock:
		return []Node{{Kind: CodeBlock, Text: m.lines(n), Attr: string(n.Language(m.src))}}
	case *ast.HTMLBlock:
		html := m.lines(n)
		if n.HasClosure() {
			html += string(n.ClosureLine.Value(m.src))
		}
		return []Node{{Kind: Paragraph, Content: brokenLines(strings.TrimSpace(html))}}
	case *ast.Blockquote:
		return []Node{{Kind: Quote, Content: m.blocks(n)}}
	case *ast.List:
		list := Node{Kind: BulletList, Content: m.blocks(n)}
		if n.IsOrdered() {
			list.Kind, list.Level = OrderedList, int32(n.Start)
		}
		return []Node{list}
	case *ast.ListItem:
		return []Node{{Kind: ListItem, Attr: task(n), Content: m.blocks(n)}}
	case *extast.Table:
		return []Node{{Kind: Table, Content: m.blocks(n)}}
	case *extast.TableHeader:
		return []Node{m.row(n, HeaderCell)}
	case *extast.TableRow:
		return []Node{m.row(n, Cell)}
	}
	if content := m.line(n); len(content) > 0 {
		return []Node{{Kind: Paragraph, Content: content}}
	}
	return nil
}

func (m *markdown) row(n ast.Node, kind Kind) Node {
	row := Node{Kind: Row}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		row.Content = append(row.Content, Node{Kind: kind, Content: []Node{{Kind: Paragraph, Content: m.line(c)}}})
	}
	return row
}

// task returns the Attr of a list item: whether it is a task, and done.
func task(item ast.Node) string {
	if item.FirstChild() == nil {
		return ""
	}
	box, ok := item.FirstChild().FirstChild().(*extast.TaskCheckBox)
	switch {
	case !ok:
		return ""
	case box.IsChecked:
		return "x"
	}
	return "o"
}

// lines returns the source lines of a block, without the last newline.
func (m *markdown) lines(n ast.Node) string {
	return strings.TrimSuffix(string(n.Lines().Value(m.src)), "\n")
}

// style is the formatting that a text inherits from the spans around it.
type style struct {
	marks Marks
	href  string
}

// line reads the inline nodes of a block.
func (m *markdown) line(n ast.Node) []Node { return m.spans(nil, n, style{}) }

func (m *markdown) spans(out []Node, parent ast.Node, s style) []Node {
	if m.depth++; m.depth > 2*deepest {
		m.depth--
		return s.text(out, m.flat(parent))
	}
	defer func() { m.depth-- }()
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		out = m.span(out, n, s)
	}
	return out
}

func (m *markdown) span(out []Node, n ast.Node, s style) []Node {
	switch n := n.(type) {
	case *ast.Text:
		value := string(n.Segment.Value(m.src))
		if !n.IsRaw() && s.marks&Code == 0 {
			value = unescaped(value)
		}
		if out = s.text(out, value); n.SoftLineBreak() || n.HardLineBreak() {
			out = append(out, Node{Kind: HardBreak})
		}
		return out
	case *ast.String:
		return s.text(out, string(n.Value))
	case *ast.RawHTML:
		return s.text(out, string(n.Segments.Value(m.src)))
	case *ast.AutoLink:
		s.href = string(n.URL(m.src))
		return s.text(out, string(n.Label(m.src)))
	case *ast.Image:
		var alt strings.Builder
		for _, c := range m.spans(nil, n, style{}) {
			alt.WriteString(c.Text)
		}
		return append(out, Node{Kind: Media, Level: 1, Attr: unescaped(string(n.Destination)), Text: alt.String(),
			Href: s.href})
	case *ast.CodeSpan:
		s.marks |= Code
	case *ast.Emphasis:
		if n.Level == 2 {
			s.marks |= Strong
		} else {
			s.marks |= Em
		}
	case *extast.Strikethrough:
		s.marks |= Strike
	case *ast.Link:
		s.href = unescaped(string(n.Destination))
	}
	return m.spans(out, n, s)
}

func (s style) text(out []Node, value string) []Node {
	if value == "" {
		return out
	}
	return append(out, Node{Kind: Text, Text: value, Marks: s.marks, Href: s.href})
}

// flat returns the text below a node, however deep it is.
func (m *markdown) flat(n ast.Node) string {
	var b strings.Builder
	for below := []ast.Node{n}; len(below) > 0; {
		n := below[len(below)-1]
		below = below[:len(below)-1]
		if t, ok := n.(*ast.Text); ok {
			b.Write(t.Segment.Value(m.src))
		}
		for c := n.LastChild(); c != nil; c = c.PreviousSibling() {
			below = append(below, c)
		}
	}
	return b.String()
}

// unescaped does what goldmark leaves to its renderer: it removes backslashes before punctuation,
// and replaces entities by characters.
func unescaped(s string) string {
	if !strings.ContainsAny(s, `\&`) {
		return s
	}
	var b strings.Builder
	from := 0
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '\\' && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", s[i+1]) >= 0 {
			b.WriteString(html.UnescapeString(s[from:i]))
			b.WriteByte(s[i+1])
			i++
			from = i + 1
		}
	}
	b.WriteString(html.UnescapeString(s[from:]))
	return b.String()
}

// ParsePlain makes a document of a text in which nothing is markup: an empty line ends a paragraph.
func ParsePlain(src string) Node {
	doc := Node{Kind: Doc}
	for part := range strings.SplitSeq(newlinesOnly(src), "\n\n") {
		if part = strings.Trim(part, "\n"); part != "" {
			doc.Content = append(doc.Content, Node{Kind: Paragraph, Content: brokenLines(part)})
		}
	}
	return doc
}

// brokenLines are lines of text with breaks between them.
func brokenLines(s string) []Node {
	var out []Node
	for line := range strings.SplitSeq(s, "\n") {
		if len(out) > 0 {
			out = append(out, Node{Kind: HardBreak})
		}
		out = append(out, Node{Kind: Text, Text: line})
	}
	return out
}
