// Lists: lines that begin with *, # or -, nested by the number of marks. The marks may be mixed.

package markup

import "strings"

// maxListDepth is Jira's own limit.
const maxListDepth = 20

// maxSkipped bounds how many levels the lists of a document may skip, as a line does that begins
// with ****: each level is a list and an item of its own. Beyond it, such an item is one level
// deeper than the item before it.
const maxSkipped = 1000

// listItem is one item with the depth and kind that its marks say.
type listItem struct {
	depth   int
	ordered bool
	content []Node
}

// listMark returns the length of the list marks at the beginning of s, without the space that must
// follow, or 0. Within a list, a mark may also be several dashes.
func listMark(s string, within bool) int {
	n := 0
	for n < len(s) && n <= maxListDepth && (s[n] == '*' || s[n] == '#' || s[n] == '-') {
		if s[n] == '-' && !within && n > 0 {
			return 0
		}
		n++
	}
	if n == 0 || n > maxListDepth || n >= len(s) || s[n] != ' ' {
		return 0
	}
	if !within && n > 1 && s[0] == '-' {
		return 0
	}
	return n
}

// list reads a list from its first mark on.
func (f *flow) list(i int) (int, bool) {
	var items []listItem
	next := i
	_, ok := f.nested(func() []Node {
		for next < f.end {
			start := f.skipSpaces(next, f.end)
			n := listMark(f.src[start:f.end], true)
			if n == 0 || ruleLength(f.src[start:f.end]) > 0 {
				return nil
			}
			marks := f.src[start : start+n]
			end := f.itemEnd(start+n+1, f.end)
			content := f.paragraphs(f.wiki.flow(start+n+1, end, f.mode|noLists|noTables|keepLead))
			items = append(items, listItem{depth: n, ordered: marks[n-1] == '#', content: content})
			next = min(end+1, f.end) // over the newline
		}
		return nil
	})
	if !ok || len(items) == 0 {
		return i, false
	}
	if f.skipped += skippedLevels(items); f.skipped > maxSkipped {
		joinLevels(items)
	}
	var b listBuilder
	f.push(b.lists(items, 1)...)
	return next, true
}

// itemEnd returns the position of the newline that ends an item: before a line with a list mark, a
// line that begins a table with header cells, or an empty line. Lines within a macro do not count.
func (f *flow) itemEnd(i, end int) int {
	for i < end {
		switch f.src[i] {
		case '{':
			if m := f.macroAt(i, end); m.name != "" && m.end > m.start {
				i = m.next
				continue
			}
		case '\n':
			start := f.skipSpaces(i+1, end)
			if start >= end || f.src[start] == '\n' || listMark(f.src[start:end], true) > 0 || f.headRow(start, end) {
				return i
			}
		}
		i++
	}
	return end
}

// headRow reports whether the line at i is the header of a table. Such a line is hardly ever text;
// one of |cells| may be.
func (f *flow) headRow(i, end int) bool {
	if f.mode&noTables != 0 || !strings.HasPrefix(f.src[i:end], "||") {
		return false
	}
	line := strings.TrimRight(f.src[i:f.lineEnd(i, end)], " \t")
	return len(line) > len("||||") && strings.HasSuffix(line, "||")
}

// skippedLevels counts the levels without an item of their own.
func skippedLevels(items []listItem) int {
	n, before := 0, 0
	for i := range items {
		n += max(0, items[i].depth-before-1)
		before = items[i].depth
	}
	return n
}

// joinLevels gives items the depths that they have if no level is skipped.
func joinLevels(items []listItem) {
	var open []int // the depths of the items that this one is below
	for i := range items {
		for len(open) > 0 && open[len(open)-1] >= items[i].depth {
			open = open[:len(open)-1]
		}
		open = append(open, items[i].depth)
		items[i].depth = len(open)
	}
}

// listBuilder makes the lists of a sequence of items. Skipped levels make dozens of lists with one
// item, so these are cut from slabs.
type listBuilder struct{ slab []Node }

// lists makes the lists of the items of this depth and deeper ones.
func (b *listBuilder) lists(items []listItem, depth int) []Node {
	var lists []Node
	for i := 0; i < len(items); {
		item := items[i]
		node := Node{Kind: ListItem}
		if item.depth == depth {
			node.Content = item.content
			i++
		}
		deeper := i
		for i < len(items) && items[i].depth > depth {
			i++
		}
		if deeper < i {
			node.Content = b.join(node.Content, b.lists(items[deeper:i], depth+1))
		}
		if len(node.Content) > 0 {
			lists = b.add(lists, node, item.ordered)
		}
	}
	return lists
}

// add puts an item into the last list if that is of its kind, else into a new one.
func (b *listBuilder) add(lists []Node, item Node, ordered bool) []Node {
	kind := BulletList
	if ordered {
		kind = OrderedList
	}
	if n := len(lists); n > 0 && lists[n-1].Kind == kind {
		lists[n-1].Content = append(lists[n-1].Content, item)
		return lists
	}
	list := Node{Kind: kind, Content: b.one(item)}
	if lists == nil {
		return b.one(list)
	}
	return append(lists, list)
}

func (b *listBuilder) join(content, more []Node) []Node {
	if len(content) == 0 {
		return more
	}
	return append(content, more...)
}

// maxSlab bounds the unused memory that a list keeps.
const maxSlab = 256

// one makes a slice of one node.
func (b *listBuilder) one(n Node) []Node {
	if len(b.slab) == cap(b.slab) {
		b.slab = make([]Node, 0, min(max(4, 2*cap(b.slab)), maxSlab))
	}
	b.slab = append(b.slab, n)
	at := len(b.slab)
	return b.slab[at-1 : at : at]
}
