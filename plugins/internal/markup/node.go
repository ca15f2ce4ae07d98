// The tree that both readers make and the writer takes.

package markup

import "strings"

// Kind says what a node is.
type Kind uint8

// The kinds. Blocks come first, inline nodes after.
const (
	Doc Kind = iota
	Paragraph
	Heading     // Level 1 to 6
	BulletList  // of ListItems
	OrderedList // of ListItems; Level is the first number, 0 means 1
	ListItem    // Attr: "x" for a done task, "o" for an open one, else empty
	CodeBlock   // Text; Attr is the language, if one was named
	Quote
	Panel
	Rule
	Table // of Rows
	Row   // of HeaderCells and Cells
	HeaderCell
	Cell

	Text      // Text, Marks, Href
	HardBreak // a line break within a paragraph
	Mention   // Attr is the user's name or account id, Text the name that is shown, if known
	Emoji     // Text is the character, or a :name:
	Media     // an image or a file: Attr is its name, id or URL, Text the alternative text; Level 1: an image

	lineBreak // within the wiki reader only: the end of a source line
)

// Marks are the styles of a text, as a set.
type Marks uint8

// The marks.
const (
	Strong Marks = 1 << iota
	Em
	Strike
	Code
	Sub
	Sup
	Underline
)

// A Node is a part of a document. Which fields count is said at its [Kind].
type Node struct {
	Kind    Kind
	Marks   Marks
	Level   int32
	Text    string
	Attr    string
	Href    string // the address that a Text or Media links to
	Content []Node
}

// Block reports whether the node stands for itself rather than in a line of text.
func (n Node) Block() bool { return n.Kind < Text }

// PlainText returns the text of a node and all below it, without marks; blocks and breaks are
// separated by newlines. Code blocks are left out when prose is set.
func PlainText(n Node, prose bool) string {
	var b strings.Builder
	plain(&b, n, prose)
	return strings.TrimSpace(b.String())
}

func plain(b *strings.Builder, n Node, prose bool) {
	switch {
	case n.Kind == CodeBlock && prose:
		return
	case n.Kind == HardBreak:
		b.WriteByte('\n')
		return
	case n.Kind == Mention && n.Text == "":
		b.WriteString(n.Attr)
		return
	case n.Kind == Media:
		return
	}
	b.WriteString(n.Text)
	for _, c := range n.Content {
		plain(b, c, prose)
	}
	if n.Block() {
		b.WriteByte('\n')
	}
}
