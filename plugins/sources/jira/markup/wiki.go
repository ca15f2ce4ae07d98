// The wiki reader: its entry, and what is shared by its parts.

package markup

import "strings"

// ParseWiki reads wiki markup as Jira renders it. It has no errors: what is not markup is text.
func ParseWiki(src string) Node {
	if strings.IndexByte(src, '\r') >= 0 {
		src = strings.ReplaceAll(src, "\r\n", "\n")
		src = strings.ReplaceAll(src, "\r", "\n")
	}
	p := &wiki{src: src}
	return Node{Kind: Doc, Content: paragraphs(p.flow(0, len(src), 0))}
}

// WikiToMarkdown is ParseWiki and Markdown in one.
func WikiToMarkdown(src string, o Options) string { return Markdown(ParseWiki(src), o) }

// maxDepth bounds the nesting of blocks within blocks; deeper ones are taken as text.
const maxDepth = 12

// mode says which markup a part of the source cannot hold.
type mode uint16

const (
	noBlocks mode = 1 << iota // nothing that begins a line: headings, lists, tables, rules, quotes
	noLists
	noTables
	noRules
	noDashes // -- and --- stay as they are
	noLinks  // [..] stays as it is
	noURLs   // bare URLs are text
	keepLead // spaces at the beginning of a line are kept
)

// wiki reads one document. Every part of it works on positions in src, so nothing is copied.
type wiki struct {
	src   string
	depth int
	// skipped counts the levels that lists have skipped so far.
	skipped int
	next    map[string]occurrence // per closing mark: the last search for it
	// failed holds for each mark the position before which an opening one has no closing one.
	failed [2*markKinds + 2]int
}

// occurrence is the answer to a search: no needle begins in [from, at), and one does at at (-1: none until the end).
type occurrence struct{ from, at int }

// find returns the first position of needle at or after from, or -1. Searches that go forward cost no
// more than one walk through the source in all.
func (p *wiki) find(needle string, from int) int {
	if o, ok := p.next[needle]; ok && from >= o.from && (o.at < 0 || from <= o.at) {
		return o.at
	}
	at := strings.Index(p.src[from:], needle)
	if at >= 0 {
		at += from
	}
	if p.next == nil {
		p.next = map[string]occurrence{}
	}
	p.next[needle] = occurrence{from, at}
	return at
}

// nested runs f one level deeper, unless that is too deep.
func (p *wiki) nested(f func() []Node) ([]Node, bool) {
	if p.depth >= maxDepth {
		return nil, false
	}
	p.depth++
	defer func() { p.depth-- }()
	return f(), true
}

// lineEnd returns the position of the newline at or after i, or end.
func (p *wiki) lineEnd(i, end int) int {
	if n := strings.IndexByte(p.src[i:end], '\n'); n >= 0 {
		return i + n
	}
	return end
}

func (p *wiki) skipSpaces(i, end int) int {
	for i < end && (p.src[i] == ' ' || p.src[i] == '\t') {
		i++
	}
	return i
}
