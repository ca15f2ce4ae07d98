// Paragraphs: what the flow found, put in order.

package markup

import "strings"

// paragraphs makes blocks of a flat list: inline nodes between blocks, and between empty lines,
// become paragraphs; a single line break within one becomes a HardBreak. The paragraphs are parts
// of the list itself.
func paragraphs(flat []Node) []Node {
	return appendParagraphs(make([]Node, 0, mostParagraphs(flat)), flat)
}

// mostParagraphs returns how many blocks a list becomes at most.
func mostParagraphs(flat []Node) int {
	blocks, start := 1, 0
	for i := range flat {
		if !endsParagraph(flat, i) {
			continue
		}
		if blocks++; i > start {
			blocks++
		}
		start = i + 1
	}
	return blocks
}

func appendParagraphs(out, flat []Node) []Node {
	start := 0
	for i := 0; i <= len(flat); i++ {
		if i < len(flat) && !endsParagraph(flat, i) {
			continue
		}
		if line := trimLine(flat[start:i:i]); len(line) > 0 {
			out = append(out, Node{Kind: Paragraph, Content: line})
		}
		if i < len(flat) && flat[i].Block() {
			out = append(out, flat[i])
		}
		start = i + 1
	}
	return out
}

// endsParagraph reports whether there is a block at i, or the first of two line breaks.
func endsParagraph(flat []Node, i int) bool {
	return flat[i].Block() || flat[i].Kind == lineBreak && i+1 < len(flat) && flat[i+1].Kind == lineBreak
}

// trimLine takes breaks and spaces from the ends of a paragraph. One of nothing else is no
// paragraph.
func trimLine(line []Node) []Node {
	for len(line) > 0 && emptyNode(line[len(line)-1]) {
		line = line[:len(line)-1]
	}
	for len(line) > 0 && emptyNode(line[0]) {
		line = line[1:]
	}
	for i := range line {
		if line[i].Kind == lineBreak {
			line[i].Kind = HardBreak
		}
	}
	if len(line) > 0 {
		if last := &line[len(line)-1]; last.Kind == Text && last.Marks&Code == 0 {
			last.Text = strings.TrimRight(last.Text, " \t")
		}
		if first := &line[0]; first.Kind == Text && first.Marks&Code == 0 {
			first.Text = strings.TrimLeft(first.Text, " \t")
		}
	}
	return line
}

func emptyNode(n Node) bool {
	return n.Kind == HardBreak || n.Kind == lineBreak || n.Kind == Text && n.Href == "" && emptyText(n.Text)
}

// emptyText reports whether a text has nothing to show.
func emptyText(s string) bool { return strings.Trim(s, " \t\u00a0") == "" }
