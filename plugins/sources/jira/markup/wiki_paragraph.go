// Paragraphs: what the flow found, put in order.

package markup

import "strings"

// paragraphs makes blocks of a flat list: inline nodes between blocks, and between empty lines, become
// paragraphs; a single line break within one becomes a HardBreak.
func paragraphs(flat []Node) []Node {
	var out []Node
	var line []Node
	breaks := 0
	flush := func() {
		if p := trimLine(line); len(p) > 0 {
			out = append(out, Node{Kind: Paragraph, Content: p})
		}
		line, breaks = nil, 0
	}
	for i, n := range flat {
		switch {
		case n.Kind == lineBreak:
			breaks++
		case n.Block():
			flush()
			out = append(out, n)
		default:
			if breaks > 1 {
				flush()
			}
			if breaks == 1 && len(line) > 0 {
				line = append(line, Node{Kind: HardBreak})
			}
			breaks = 0
			if line == nil {
				line = make([]Node, 0, inlineRun(flat[i:]))
			}
			line = append(line, n)
		}
	}
	flush()
	return out
}

// inlineRun counts the nodes until the next block, to size a paragraph once.
func inlineRun(flat []Node) int {
	for i, n := range flat {
		if n.Block() || (n.Kind == lineBreak && i+1 < len(flat) && flat[i+1].Kind == lineBreak) {
			return i
		}
	}
	return len(flat)
}

// trimLine takes breaks and spaces from the ends of a paragraph. One of nothing else is no paragraph.
func trimLine(line []Node) []Node {
	for len(line) > 0 && emptyNode(line[len(line)-1]) {
		line = line[:len(line)-1]
	}
	for len(line) > 0 && emptyNode(line[0]) {
		line = line[1:]
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
	return n.Kind == HardBreak || n.Kind == Text && n.Href == "" && strings.Trim(n.Text, " \t\u00a0") == ""
}
