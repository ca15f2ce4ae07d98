// The wiki reader: its entry, and what is shared by its parts.

package markup

import "strings"

// ParseWiki reads wiki markup as Jira renders it. It has no errors: what is not markup is text.
func ParseWiki(src string) Node {
	a := newArena(min(max(len(src)/bytesPerNode, smallestSlab), largestSlab))
	return readWiki(src, &a)
}

func readWiki(src string, a *arena) Node {
	src = newlinesOnly(src)
	p := wiki{src: src, arena: a}
	return Node{Kind: Doc, Content: p.paragraphs(p.flow(0, len(src), 0))}
}

// newlinesOnly writes every kind of line end as a newline.
func newlinesOnly(s string) string {
	i := strings.IndexByte(s, '\r')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; i >= 0; i = strings.IndexByte(s, '\r') {
		b.WriteString(s[:i])
		b.WriteByte('\n')
		if s = s[i+1:]; s != "" && s[0] == '\n' {
			s = s[1:]
		}
	}
	b.WriteString(s)
	return b.String()
}

// WikiToMarkdown is ParseWiki and Markdown in one.
func WikiToMarkdown(src string, o Options) string {
	s := scratches.Get().(*scratch)
	defer s.put()
	return s.markdown(readWiki(src, &s.arena), o)
}

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
	*arena
	src   string
	depth int
	// skipped counts the levels that lists have skipped so far.
	skipped int
	next    map[string]occurrence // per closing macro: the last search for it
	marks   [markKinds]occurrence // per mark
	// failed holds for each mark the position before which an opening one has no closing one.
	failed [2*markKinds + 2]int
}

// occurrence is the answer to a search: no needle begins in [from, at), and one does at at (-1:
// none until the end).
type occurrence struct{ from, at int }

// find returns the first position of needle at or after from, or -1. Searches that go forward cost
// no more than one walk through the source in all.
func (p *wiki) find(needle string, from int) int {
	o, ok := p.next[needle]
	if ok && o.holds(from) {
		return o.at
	}
	if p.next == nil {
		p.next = map[string]occurrence{}
	}
	o = p.search(needle, from)
	p.next[needle] = o
	return o.at
}

// holds reports whether a search from this position would give the same answer.
func (o occurrence) holds(from int) bool { return from >= o.from && (o.at < 0 || from <= o.at) }

func (p *wiki) search(needle string, from int) occurrence {
	at := strings.Index(p.src[from:], needle)
	if at >= 0 {
		at += from
	}
	return occurrence{from, at}
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
