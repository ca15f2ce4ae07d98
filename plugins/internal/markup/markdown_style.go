// The Markdown writer: styles around inline nodes.

package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// styles are the marks in the order in which they are written, outermost first. Markdown recognizes
// the delimiters of the first three only next to certain characters; elsewhere their HTML tags are
// written.
var styles = [...]struct {
	mark      Marks
	sign, tag string
}{
	{Strong, "**", "strong"},
	{Em, "*", "em"},
	{Strike, "~~", "del"},
	{Sub, "", "sub"},
	{Sup, "", "sup"},
}

const styleMarks = Strong | Em | Strike | Sub | Sup

// styled groups nodes by the style that covers the most following nodes, and recurses into each
// group. done are the styles that are written already; before and after are the characters around
// the nodes.
func (w *writer) styled(nodes []Node, done Marks, before, after rune) {
	for first := true; len(nodes) > 0; first = false {
		if nodes[0].Marks&styleMarks&^done == 0 || nodes[0].Kind == HardBreak {
			w.leaf(&nodes[0])
			nodes = nodes[1:]
			continue
		}
		style, n := longestStyle(nodes, done)
		b, a := before, after
		if !first {
			b = w.lastRune()
		}
		if n < len(nodes) {
			a = firstRune(nodes[n:], done)
		}
		w.wrapped(nodes[:n], style, done, b, a)
		nodes = nodes[n:]
	}
}

// longestStyle returns the style of the first node that most nodes after it share.
func longestStyle(nodes []Node, done Marks) (style, n int) {
	for i, st := range styles {
		if st.mark&done != 0 || nodes[0].Marks&st.mark == 0 {
			continue
		}
		if k := run(nodes, func(n *Node) Marks { return n.Marks & st.mark }); k > n {
			style, n = i, k
		}
	}
	return style, n
}

// wrapped writes nodes between the delimiters of a style. Spaces at the edges go outside, because
// Markdown would not recognize the delimiters otherwise.
func (w *writer) wrapped(nodes []Node, style int, done Marks, before, after rune) {
	lead, nodes, trail := trimEdges(nodes)
	w.text(lead)
	if len(nodes) == 0 {
		return
	}
	if lead != "" {
		before = ' '
	}
	if trail != "" {
		after = ' '
	}
	st := styles[style]
	done |= st.mark
	open, closing := st.sign, st.sign
	if st.sign == "" || !flanks(nodes, done, rune(st.sign[0]), before, after) {
		open, closing = "<"+st.tag+">", "</"+st.tag+">"
		before, after = '>', '<'
	}
	w.out = append(w.out, open...)
	w.styled(nodes, done, before, after)
	w.out = append(w.out, closing...)
	w.text(trail)
}

// trimEdges removes the spaces from the edges of nodes.
func trimEdges(nodes []Node) (lead string, inner []Node, trail string) {
	for len(nodes) > 0 && nodes[0].Kind == Text && blankText(nodes[0].Text) {
		lead += nodes[0].Text
		nodes = nodes[1:]
	}
	for len(nodes) > 0 && nodes[len(nodes)-1].Kind == Text && blankText(nodes[len(nodes)-1].Text) {
		trail = nodes[len(nodes)-1].Text + trail
		nodes = nodes[:len(nodes)-1]
	}
	if len(nodes) == 0 {
		return lead, nil, trail
	}
	first, last := &nodes[0], &nodes[len(nodes)-1]
	left := strings.TrimLeftFunc(first.Text, unicode.IsSpace)
	right := strings.TrimRightFunc(last.Text, unicode.IsSpace)
	cutLeft := first.Kind == Text && first.Marks&Code == 0 && left != first.Text
	cutRight := last.Kind == Text && last.Marks&Code == 0 && right != last.Text
	if !cutLeft && !cutRight {
		return lead, nodes, trail
	}
	inner = append(make([]Node, 0, len(nodes)), nodes...)
	if cutRight {
		trail = last.Text[len(right):] + trail
		inner[len(inner)-1].Text = right
	}
	if cutLeft {
		lead += first.Text[:len(first.Text)-len(left)]
		inner[0].Text = strings.TrimLeftFunc(inner[0].Text, unicode.IsSpace)
	}
	return lead, inner, trail
}

func blankText(s string) bool { return strings.TrimFunc(s, unicode.IsSpace) == "" }

// flanks reports whether Markdown recognizes delimiters around the nodes: punctuation at the inner
// edge needs punctuation or a space outside, and no other delimiter of the kind may touch them.
// Stars within stars must never be taken for the closing ones, so only whole words can have them.
func flanks(nodes []Node, done Marks, sign, before, after rune) bool {
	first, last := edges(nodes, done)
	if before == sign || after == sign || first == sign || last == sign {
		return false
	}
	if done&(Strong|Em) == Strong|Em {
		return wordRune(first) && !plainRune(before) && wordRune(last) && !plainRune(after)
	}
	return (wordRune(first) || !plainRune(before)) && (wordRune(last) || !plainRune(after))
}

// plainRune reports whether a character is neither a space nor punctuation, as Markdown sees it.
func plainRune(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.IsPunct(r) && !unicode.IsSymbol(r)
}

// edges returns the first and the last character of nodes; anything but text counts as punctuation.
func edges(nodes []Node, done Marks) (first, last rune) {
	first, last = '.', '.'
	if n := &nodes[0]; n.Kind == Text && n.Marks&(styleMarks|Code)&^done == 0 {
		first, _ = utf8.DecodeRuneInString(n.Text)
	}
	if n := &nodes[len(nodes)-1]; n.Kind == Text && n.Marks&(styleMarks|Code)&^done == 0 {
		last, _ = utf8.DecodeLastRuneInString(n.Text)
	}
	return first, last
}

// firstRune returns the first character that will be written for these nodes: a space for nothing,
// a letter where it is unknown.
func firstRune(nodes []Node, done Marks) rune {
	if len(nodes) == 0 {
		return ' '
	}
	n := &nodes[0]
	switch {
	case n.Kind == HardBreak || n.Kind == lineBreak:
		return ' '
	case n.Kind != Text || n.Text == "":
		return 'a'
	}
	r, _ := utf8.DecodeRuneInString(n.Text)
	switch marks := n.Marks &^ done; {
	case unicode.IsSpace(r):
		return ' '
	case marks&(Strong|Em) != 0:
		return '*'
	case marks&Strike != 0:
		return '~'
	case marks&(Code|Sub|Sup) != 0:
		return '<'
	case n.Href != "":
		return 'a'
	}
	return r
}

// lastRune returns the last character written on this line, or a space if there is none.
func (w *writer) lastRune() rune {
	if len(w.out) <= w.lineStart {
		return ' '
	}
	r, _ := utf8.DecodeLastRune(w.out[w.lineStart:])
	return r
}

// run counts the leading nodes that have the same property.
func run[P comparable](nodes []Node, property func(n *Node) P) int {
	n, first := 1, property(&nodes[0])
	for n < len(nodes) && property(&nodes[n]) == first {
		n++
	}
	return n
}
