package markdown

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

// gap is the number of columns between a table's columns.
const gap = 2

// table writes a table, or its rows as lists if it does not fit.
func (r *renderer) table(n ast.Node, indent int) {
	var rows [][][]word
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		ink := ""
		if len(rows) == 0 {
			ink = bold
		}
		var cells [][]word
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, r.words(cell, ink))
		}
		rows = append(rows, cells)
	}
	columns := fit(rows, r.Width-indent)
	if columns == nil {
		r.rowByRow(rows, indent)
		return
	}
	tall := false // a row has several lines, so blank lines separate rows
	var blocks [][]string
	for _, row := range rows {
		block := r.row(row, columns)
		tall = tall || len(block) > 1
		blocks = append(blocks, block)
	}
	for i, block := range blocks {
		if i > 1 && tall {
			r.out.WriteByte('\n')
		}
		for _, line := range block {
			r.line(indent, line)
		}
		if i == 0 {
			total := -gap
			for _, c := range columns {
				total += c + gap
			}
			r.line(indent, r.Paint(faint, strings.Repeat("─", total)))
		}
	}
}

// row is the lines of one row.
func (r *renderer) row(cells [][]word, columns []int) []string {
	var out []string
	for at := 0; ; at++ {
		var b strings.Builder
		more, fill := false, 0
		for i, cell := range cells {
			broken := lines(cell, columns[i])
			if at < len(broken) {
				more = true
				b.WriteString(strings.Repeat(" ", fill))
				b.WriteString(r.paint(broken[at]))
				fill = columns[i] - widthOf(broken[at]) + gap
			} else {
				fill += columns[i] + gap
			}
		}
		if !more {
			return out
		}
		out = append(out, b.String())
	}
}

// fit returns the width of each column, or nil if the longest words do not fit side by side.
func fit(rows [][][]word, width int) []int {
	n := len(rows[0])
	least, wanted, out := make([]int, n), make([]int, n), make([]int, n)
	for _, row := range rows {
		for i, cell := range row {
			wanted[i] = max(wanted[i], widthOf(cell))
			for _, w := range cell {
				least[i] = max(least[i], w.width())
			}
		}
	}
	left, open := width-gap*(n-1), n
	take := func(i, columns int) {
		out[i], left, open = columns, left-columns, open-1
	}
	for changed := true; changed && open > 0; { // columns whose longest word exceeds an equal share
		changed = false
		for i := range out {
			if share := left / open; out[i] == 0 && least[i] > share && wanted[i] > share {
				take(i, least[i])
				changed = true
				break
			}
		}
	}
	for changed := true; changed && open > 0; { // columns narrower than an equal share
		changed = false
		for i := range out {
			if out[i] == 0 && wanted[i] <= left/open {
				take(i, max(1, wanted[i]))
				changed = true
				break
			}
		}
	}
	for i := range out {
		if out[i] == 0 {
			take(i, left/open)
		}
	}
	if left < 0 {
		return nil
	}
	return out
}

// rowByRow writes each row as a heading (its first cell) with a line for each other non-empty cell.
func (r *renderer) rowByRow(rows [][][]word, indent int) {
	for i, row := range rows[1:] {
		if i > 0 {
			r.out.WriteByte('\n')
		}
		r.paragraph(embolden(row[0]), indent, indent)
		for c := 1; c < len(row); c++ {
			if len(row[c]) == 0 {
				continue
			}
			text := append([]word{}, rows[0][c]...)
			if last := len(text) - 1; last >= 0 {
				text[last] = append(append(word{}, text[last]...), span{":", bold})
			}
			r.paragraph(append(text, row[c]...), indent+2, indent+4)
		}
	}
}

func embolden(words []word) []word {
	out := make([]word, len(words))
	for i, w := range words {
		for _, s := range w {
			out[i] = append(out[i], span{s.text, bold})
		}
	}
	return out
}
