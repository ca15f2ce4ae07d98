// The Markdown writer: lines of inline nodes, links and media.

package markup

import (
	"strings"
)

// paragraph writes inline nodes, and escapes what would begin another block at the beginnings of
// its lines.
func (w *writer) paragraph(nodes []Node) {
	start := len(w.out)
	w.inline(nodes)
	w.trimLine()
	w.protectLines(start)
}

// inline writes inline nodes. It looks first which characters are there often enough to make a
// pair.
func (w *writer) inline(nodes []Node) {
	w.begin, w.lineStart = len(w.out), len(w.out)
	w.pairs = everyPair
	if !w.inCell {
		w.pairs = pairsOf(nodes)
	}
	for len(nodes) > 0 {
		n := run(nodes, func(n *Node) string { return n.Href })
		w.link(nodes[:n], nodes[n:])
		nodes = nodes[n:]
	}
}

// link writes nodes that have one address. What stands around them decides whether the address may
// stand bare.
func (w *writer) link(nodes, after []Node) {
	href := strings.TrimSpace(nodes[0].Href)
	if href == "" {
		w.styled(nodes, 0, w.lastRune(), firstRune(after, 0))
		return
	}
	lead, nodes, trail := trimEdges(nodes)
	w.text(lead)
	if len(nodes) == 1 && nodes[0].Kind == Text && nodes[0].Marks == 0 && nodes[0].Text == href && w.autolink(href) {
		w.address(href, trail, after)
	} else if len(nodes) > 0 {
		w.bracket()
		w.inLabel = true
		w.styled(nodes, 0, '[', ']')
		w.inLabel = false
		w.out = append(append(w.out, "]("...), w.destination(href)...)
		w.out = append(w.out, ')')
	}
	w.text(trail)
}

// bracket writes the bracket that opens a link. An exclamation mark before it would make an image
// of it.
func (w *writer) bracket() {
	if n := len(w.out); n > w.begin && w.out[n-1] == '!' {
		w.out = append(w.out[:n-1], `\!`...)
	}
	w.out = append(w.out, '[')
}

// address writes an address that is its own label: bare where every reader of Markdown finds its
// ends, else in angle brackets.
func (w *writer) address(href, trail string, after []Node) {
	if n := len(w.out); bareAddress(href) && (n == w.lineStart || w.out[n-1] == ' ' || w.out[n-1] == '(') &&
		(trail != "" && space(trail[0]) || trail == "" && endsAddress(after)) {
		w.out = append(w.out, href...)
		return
	}
	w.out = append(append(append(w.out, '<'), href...), '>')
}

// autolink reports whether an address may stand between angle brackets.
func (w *writer) autolink(s string) bool {
	scheme, _, ok := strings.Cut(s, "://")
	if !ok || len(scheme) < 2 || len(scheme) > 32 || !alpha(scheme[0]) {
		return false
	}
	for i := range len(scheme) {
		if !alnum(scheme[i]) && strings.IndexByte("+.-", scheme[i]) < 0 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == '|' && w.inCell || s[i] == '<' || s[i] == '>' || s[i] == 0x7f || s[i] == '`' {
			return false
		}
	}
	return true
}

// bareAddress reports whether an address is a link without any brackets: http with a domain name,
// of characters that mean nothing else.
func bareAddress(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "http://"); !ok {
			return false
		}
	}
	dot := strings.IndexByte(rest, '.')
	if dot <= 0 || strings.ContainsAny(rest[:dot], ":/?#_") || dot+1 >= len(rest) || !alpha(rest[dot+1]) {
		return false
	}
	for i := range len(rest) {
		switch c := rest[i]; {
		case alnum(c), strings.IndexByte("./:?#=%+,-", c) >= 0:
		case (c == '_' || c == '~' || c == '&') && i > 0 && i+1 < len(rest) && alnum(rest[i-1]) && alnum(rest[i+1]):
		default:
			return false
		}
	}
	last := rest[len(rest)-1]
	return alnum(last) || last == '/'
}

// endsAddress reports whether a bare address ends where these nodes begin: at a space, with at most
// the punctuation of a sentence between.
func endsAddress(after []Node) bool {
	if len(after) == 0 || after[0].Kind == HardBreak || after[0].Kind == lineBreak {
		return true
	}
	if after[0].Kind != Text || after[0].Marks != 0 || after[0].Href != "" {
		return false
	}
	rest := strings.TrimLeft(after[0].Text, ".,:!?)")
	if rest == "" {
		return len(after) == 1
	}
	return rest[0] == ' ' || rest[0] == '\n'
}

// destination writes a link's address; one with spaces or brackets stands in angle brackets.
func (w *writer) destination(href string) string {
	if strings.ContainsAny(href, "\n\r\t`<>\\&\x00") {
		href = destinations.Replace(href)
	}
	if href == "" || strings.ContainsAny(href, " ()\v\f") {
		href = "<" + href + ">"
	}
	return w.bars(href)
}

var destinations = strings.NewReplacer("\n", "", "\r", "", "\t", "%09", "`", "%60", "<", "%3C", ">", "%3E", `\`, `\\`,
	"&", `\&`, "\x00", "")

// bars escapes the bars of a text that goes into a cell.
func (w *writer) bars(s string) string {
	if !w.inCell {
		return s
	}
	return strings.ReplaceAll(s, "|", `\|`)
}

// leaf writes one inline node.
func (w *writer) leaf(n *Node) {
	switch n.Kind {
	case HardBreak, lineBreak:
		w.lineBreak()
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

func (w *writer) mention(n *Node) {
	if w.o.Mention != nil {
		w.out = append(w.out, w.o.Mention(n.Attr, n.Text)...)
		return
	}
	name := n.Text
	if name == "" {
		name = n.Attr
	}
	w.out = append(w.out, '@')
	w.text(name)
}

// media writes an image with its name, and any other file as its name in brackets.
func (w *writer) media(n *Node) {
	label := w.inLabel
	if n.Level == 0 {
		w.text("[" + n.Attr + "]")
		return
	}
	alt := n.Text
	if alt == "" {
		alt = n.Attr
		if i := strings.LastIndexByte(alt, '/'); i >= 0 {
			alt = alt[i+1:]
		}
	}
	w.out = append(w.out, "!["...)
	w.inLabel = true
	w.text(strings.Join(strings.Fields(alt), " "))
	w.inLabel = label
	w.out = append(w.out, "]("...)
	w.out = append(append(w.out, w.destination(strings.TrimSpace(n.Attr))...), ')')
}
