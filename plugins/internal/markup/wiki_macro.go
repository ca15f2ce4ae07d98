// Macros: {code}, {noformat}, {quote}, {panel}, {color} and their like.

package markup

import "strings"

// macro is a macro found in the source. name is "" where there is none.
type macro struct {
	name       string
	attrs      string
	open       int // position of its brace
	start, end int // its content; equal if the macro is not closed
	next       int // position after it
}

// macroNames are the macros that the reader knows. Those without content come last.
var macroNames = [...]string{"code", "noformat", "quote", "panel", "color", "adf", "anchor"}

// macroAt looks for a macro that opens at the brace at i, in the source before end. A macro that is
// closed only after end counts as not closed.
func (p *wiki) macroAt(i, end int) macro {
	if i+1 >= end || strings.IndexByte("acnpqACNPQ", p.src[i+1]) < 0 {
		return macro{}
	}
	for _, name := range macroNames {
		open := i + 1 + len(name)
		if open >= end || !strings.EqualFold(p.src[i+1:open], name) {
			continue
		}
		m := macro{name: name, open: i}
		switch p.src[open] {
		case '}':
			m.start = open + 1
		case ':':
			n := strings.IndexAny(p.src[open+1:min(end, open+1000)], "{}\n")
			if n < 0 || p.src[open+1+n] != '}' {
				return macro{}
			}
			m.attrs = p.src[open+1 : open+1+n]
			m.start = open + n + 2
		default:
			return macro{}
		}
		return p.closeMacro(m, "{"+p.src[i+1:open]+"}", end)
	}
	return macro{}
}

// closeMacro finds the end of a macro. A macro that is not closed has no content.
func (p *wiki) closeMacro(m macro, closing string, end int) macro {
	m.end, m.next = m.start, m.start
	if m.name == "anchor" {
		return m
	}
	if at := p.find(closing, m.start); at >= 0 && at+len(closing) <= end {
		m.end, m.next = at, at+len(closing)
	}
	return m
}

// brace reads what begins with a brace: a macro, a braced mark, or code.
func (f *flow) brace(i int) int {
	if i == f.text || f.src[i-1] != '{' {
		if m := f.macroAt(i, f.end); m.name != "" {
			if nodes, ok := f.macro(m); ok {
				return f.emit(i, m.next, nodes...)
			}
			return i + 1
		}
	}
	if m := &wikiMarks[7]; f.has(i, m.open) {
		return f.marked(i, m, f.has(i, m.bopen))
	}
	if i+2 < f.end {
		if m := markOf(f.src[i+1]); m != nil && f.has(i, m.bopen) {
			return f.marked(i, m, true)
		}
	}
	return i + 1
}

// macro makes the nodes of a macro. ok is false if it is nested too deeply.
func (f *flow) macro(m macro) (nodes []Node, ok bool) {
	content := f.src[m.start:m.end]
	switch m.name {
	case "code", "noformat":
		return codeNodes(m, content), true
	case "color":
		return f.nested(func() []Node {
			return f.flow2(m.start, m.end, noDashes|noTables|f.lead(m))
		})
	case "anchor":
		return nil, true
	case "adf":
		if nodes, ok := adfPart([]byte(content)); ok {
			return nodes, true
		}
		return []Node{{Kind: CodeBlock, Text: strings.TrimSpace(content)}}, true
	}
	body, ok := f.nested(func() []Node { return f.paragraphs(f.wiki.flow(m.start, m.end, 0)) })
	if !ok {
		return nil, false
	}
	if title := attribute(m.attrs, "title"); title != "" {
		body = append([]Node{titleNode(title)}, body...)
	}
	kind := Quote
	if m.name != "quote" {
		kind = Panel
	}
	return []Node{{Kind: kind, Content: body}}, true
}

// lead is the mode that keeps the leading spaces of a colour within a line. Atlassian's newer
// parser drops them and so joins two words; Jira does not.
func (f *flow) lead(m macro) mode {
	if m.open == 0 || f.src[m.open-1] == '\n' {
		return 0
	}
	return keepLead
}

// codeNodes makes a code block, after its title if it has one.
func codeNodes(m macro, content string) []Node {
	block := Node{Kind: CodeBlock, Text: trimCode(content)}
	if m.name == "code" {
		block.Attr = language(m.attrs)
	}
	if title := attribute(m.attrs, "title"); title != "" {
		return []Node{titleNode(title), block}
	}
	return []Node{block}
}

// trimCode removes the empty lines around code, but not the indentation of its first line.
func trimCode(s string) string {
	s = strings.TrimRight(s, " \t\n\u00a0")
	for {
		line, rest, more := strings.Cut(s, "\n")
		if !more || strings.TrimSpace(line) != "" {
			return s
		}
		s = rest
	}
}

// attribute returns the value of a named attribute in "a=b|c=d".
func attribute(attrs, name string) string {
	for part := range strings.SplitSeq(attrs, "|") {
		if k, v, ok := strings.Cut(part, "="); ok && strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// language returns the language that a code macro names: {code:java} or {code:language=java|…}.
func language(attrs string) string {
	if v := attribute(attrs, "language"); v != "" {
		return languageName(v)
	}
	for part := range strings.SplitSeq(attrs, "|") {
		if part = strings.TrimSpace(part); part != "" && !strings.Contains(part, "=") {
			return languageName(part)
		}
	}
	return ""
}
