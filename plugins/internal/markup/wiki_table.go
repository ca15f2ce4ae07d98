// Tables: lines of cells between | and header cells between ||.

package markup

// table reads a table from its first bar on.
func (f *flow) table(i int) (int, bool) {
	next := i
	rows, ok := f.nested(func() []Node {
		base := len(f.stack)
		for next < f.end {
			start := f.skipSpaces(next, f.end)
			if start >= f.end || f.src[start] != '|' {
				break
			}
			var cells []Node
			if cells, next = f.row(start); len(cells) > 0 {
				f.push(Node{Kind: Row, Content: cells})
			}
		}
		return f.pop(base)
	})
	if !ok || len(rows) == 0 {
		f.noTable = next
		return i, false
	}
	f.push(Node{Kind: Table, Content: rows})
	return next, true
}

// row reads the cells of a row that begins with a bar at i, and returns where the next line begins.
// A row goes on over lines that neither are empty nor begin with a bar.
func (f *flow) row(i int) ([]Node, int) {
	base := len(f.stack)
	for i < f.end {
		bars := i
		for i < f.end && f.src[i] == '|' {
			i++
		}
		end := f.cellEnd(i)
		last := end >= f.end || f.src[end] == '\n'
		if !last || !f.blank(i, end) {
			kind := Cell
			if i-bars > 1 {
				kind = HeaderCell
			}
			content := f.paragraphs(f.wiki.flow(i, end, noTables|noRules|noDashes))
			f.push(Node{Kind: kind, Content: content})
		}
		if i = end; last {
			break
		}
	}
	return f.pop(base), min(i+1, f.end)
}

// blank reports whether there are only spaces in a part of the source.
func (f *flow) blank(i, end int) bool { return f.skipSpaces(i, end) >= end }

// cellEnd returns where the cell that begins at i ends: at a bar, or at the newline that ends the
// row. Bars in links, images and macros are theirs.
func (f *flow) cellEnd(i int) int {
	start := i
	for i < f.end {
		switch f.src[i] {
		case '|':
			return i
		case '\\':
			i++
		case '[':
			i = f.overLink(i) - 1
		case '!':
			i = f.overImage(i) - 1
		case '{':
			if m := f.macroAt(i, f.end); m.name != "" {
				i = m.next - 1
			}
		case '\n':
			next := f.skipSpaces(i+1, f.end)
			if next >= f.end || f.src[next] == '\n' || f.src[next] == '|' || f.blank(start, i) {
				return i
			}
		}
		i++
	}
	return f.end
}

// overImage returns the position after an image at i, or after its mark.
func (f *flow) overImage(i int) int {
	if !f.opens(i, i+1) {
		return i + 1
	}
	if end := f.closer(i+1, "!", 2*markKinds+1); end > 0 {
		return end + 1
	}
	return i + 1
}
