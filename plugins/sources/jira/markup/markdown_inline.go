// The Markdown writer: inline nodes.

package markup

import (
	"bytes"
	"strings"
)

// paragraph writes inline nodes, and escapes what would begin another block at the beginnings of its lines.
func (w *writer) paragraph(nodes []Node) {
	start := len(w.out)
	w.inline(nodes)
	if !w.needsEscape(start) {
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
		if blockStart(line) {
			w.out = append(w.out, '\\')
		}
		w.out = append(w.out, line...)
	}
}

// needsEscape looks at the lines from start on, the first of which has its prefix before start.
func (w *writer) needsEscape(start int) bool {
	region := w.out[start:]
	for {
		if blockStart(string(region[:min(len(region), 8)])) {
			return true
		}
		i := bytes.IndexByte(region, '\n')
		if i < 0 {
			return false
		}
		region = region[min(i+1+len(w.prefix), len(region)):]
	}
}

// blockStart reports whether a line would be read as a heading, a quote, or a fence.
func blockStart(s string) bool {
	switch {
	case s == "":
		return false
	case s[0] == '>':
		return true
	case s[0] == '#':
		t := strings.TrimLeft(s[:min(len(s), 8)], "#")
		return t == "" || t[0] == ' ' || t[0] == '\n'
	}
	return strings.HasPrefix(s, "~~~")
}

// inline writes inline nodes.
func (w *writer) inline(nodes []Node) { w.links(nodes) }

// links groups nodes by the address that they link to.
func (w *writer) links(nodes []Node) {
	for len(nodes) > 0 {
		n := run(nodes, func(n *Node) string { return n.Href })
		w.link(nodes[:n], nodes[n:])
		nodes = nodes[n:]
	}
}

// run counts the nodes at the beginning that have the same property.
func run[P comparable](nodes []Node, property func(n *Node) P) int {
	n, first := 1, property(&nodes[0])
	for n < len(nodes) && property(&nodes[n]) == first {
		n++
	}
	return n
}

// link writes nodes that have one address. What follows them decides whether the address may stand bare.
func (w *writer) link(nodes, after []Node) {
	href := nodes[0].Href
	if href == "" {
		w.styled(nodes, 0)
		return
	}
	if len(nodes) == 1 && nodes[0].Kind == Text && nodes[0].Marks == 0 && sameAddress(nodes[0].Text, href) {
		if len(after) == 0 || after[0].Kind != Text || !goesOn(after[0].Text) {
			w.out = append(w.out, href...) // a bare URL is a link by itself
			return
		}
		w.out = append(append(append(w.out, '<'), href...), '>')
		return
	}
	w.out = append(w.out, '[')
	start := len(w.out)
	w.styled(nodes, 0)
	label := strings.ReplaceAll(strings.TrimSpace(string(w.out[start:])), "]", `\]`)
	w.out = append(append(w.out[:start], label...), "]("...)
	w.out = append(append(w.out, address(href)...), ')')
}

// goesOn reports whether a text would be taken for a part of the URL before it.
func goesOn(s string) bool {
	return wordAfter(s, 0, len(s)) || s != "" && strings.IndexByte("/_-#=&%~+", s[0]) >= 0
}

func sameAddress(shown, href string) bool {
	return shown == href && strings.Contains(href, "://") && !strings.ContainsAny(href, " \t\n<>")
}

// address writes a link's address; one with spaces or brackets stands in angle brackets.
func address(href string) string {
	href = strings.Join(strings.FieldsFunc(href, func(r rune) bool { return r == '\n' }), "")
	if strings.ContainsAny(href, " ()") {
		return "<" + strings.NewReplacer("<", "%3C", ">", "%3E").Replace(href) + ">"
	}
	return href
}

// styles are the marks in the order in which they are written, outermost first.
var styles = [...]struct {
	mark        Marks
	open, close string
}{
	{Strong, "**", "**"},
	{Em, "*", "*"},
	{Strike, "~~", "~~"},
	{Sub, "<sub>", "</sub>"},
	{Sup, "<sup>", "</sup>"},
}

// styled groups nodes by the style of this level, and goes down to the next within each group.
func (w *writer) styled(nodes []Node, level int) {
	all := Marks(0)
	for i := range nodes {
		all |= nodes[i].Marks
	}
	for level < len(styles) && all&styles[level].mark == 0 {
		level++
	}
	if level == len(styles) {
		for i := range nodes {
			w.leaf(&nodes[i])
		}
		return
	}
	st := styles[level]
	for len(nodes) > 0 {
		n := run(nodes, func(n *Node) Marks { return n.Marks & st.mark })
		if nodes[0].Marks&st.mark == 0 {
			w.styled(nodes[:n], level+1)
		} else {
			w.wrapped(nodes[:n], level)
		}
		nodes = nodes[n:]
	}
}

// wrapped writes nodes between the signs of a style. Spaces at the edges go outside, or Markdown would not see it.
func (w *writer) wrapped(nodes []Node, level int) {
	start := len(w.out)
	w.styled(nodes, level+1)
	s := string(w.out[start:])
	inner := strings.Trim(s, " \t\n\u00a0")
	if inner == "" {
		return
	}
	lead := strings.Index(s, inner)
	w.out = append(w.out[:start], s[:lead]...)
	w.out = append(append(append(w.out, styles[level].open...), inner...), styles[level].close...)
	w.out = append(w.out, s[lead+len(inner):]...)
}

// leaf writes one inline node.
func (w *writer) leaf(n *Node) {
	switch n.Kind {
	case HardBreak, lineBreak:
		w.newline()
	case Mention:
		w.mention(n)
	case Media:
		w.media(n)
	case Text, Emoji:
		if n.Marks&Code != 0 {
			w.codeSpan(n.Text)
			return
		}
		w.text(n.Text)
	default:
		w.text(PlainText(*n, false))
	}
}

// text writes a text; a newline in it begins a new line of the block.
func (w *writer) text(s string) {
	for {
		line, rest, more := strings.Cut(s, "\n")
		w.out = append(w.out, line...)
		if !more {
			return
		}
		w.newline()
		s = rest
	}
}

func (w *writer) mention(n *Node) {
	if w.o.Mention != nil {
		w.out = append(w.out, w.o.Mention(n.Attr, n.Text)...)
		return
	}
	name := n.Text
	if name == "" {
		name = n.Attr
	}
	w.out = append(append(w.out, '@'), name...)
}

// media writes an image with its name, and any other file as its name in brackets.
func (w *writer) media(n *Node) {
	if n.Level == 0 {
		w.out = append(append(append(w.out, '['), n.Attr...), ']')
		return
	}
	alt := n.Text
	if alt == "" {
		alt = n.Attr
		if i := strings.LastIndexByte(alt, '/'); i >= 0 {
			alt = alt[i+1:]
		}
	}
	w.out = append(append(append(w.out, "!["...), alt...), "]("...)
	w.out = append(append(w.out, address(n.Attr)...), ')')
}

// codeSpan writes code in as many backticks as it needs.
func (w *writer) codeSpan(s string) {
	s = strings.ReplaceAll(s, "\n", " ")
	if strings.TrimSpace(s) == "" {
		w.out = append(w.out, s...)
		return
	}
	ticks := strings.Repeat("`", longestRun(s, '`')+1)
	pad := ""
	if s[0] == '`' || s[len(s)-1] == '`' {
		pad = " "
	}
	w.out = append(append(append(w.out, ticks...), pad...), s...)
	w.out = append(append(w.out, pad...), ticks...)
}
