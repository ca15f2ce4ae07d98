// Fitting: breaks text for a terminal between words, and indents continuation lines.

package show

import (
	"strings"

	"github.com/rivo/uniseg"
)

// fit breaks the lines of text that are wider than columns; 0: no terminal. hang returns the
// indentation of continuation lines; negative: two columns more than the line. A word wider than
// the terminal stays whole, because it is a path or a URL.
func fit(text string, columns int, hang func(line string) int) string {
	if columns <= 0 {
		return text
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimSuffix(line, "\n")
		if columnsOfText(bare) <= columns {
			out.WriteString(line)
			continue
		}
		out.WriteString(broken(bare, columns, hang(bare)))
		out.WriteString(line[len(bare):])
	}
	return out.String()
}

// minColumn is the minimum width of a table's column.
const minColumn = 14

// columnsOfText returns the width of a text without its styles.
func columnsOfText(text string) int { return uniseg.StringWidth(onScreen(text, false)) }

// broken breaks one line.
func broken(line string, columns, hang int) string {
	lead := len(line) - len(strings.TrimLeft(line, " "))
	if hang < 0 {
		hang = lead + 2
	}
	if hang > columns-minColumn {
		hang = min(lead+2, columns/2)
	}
	var out strings.Builder
	used, begun := 0, false
	for i, word := range strings.SplitAfter(line[lead:], " ") {
		if i == 0 {
			out.WriteString(line[:lead])
			used = lead
		}
		width := columnsOfText(strings.TrimRight(word, " "))
		if begun && width > 0 && used+width > columns {
			out.WriteString("\n" + strings.Repeat(" ", hang))
			used = hang
		}
		out.WriteString(word)
		used += columnsOfText(word)
		begun = begun || width > 0
	}
	return out.String()
}
