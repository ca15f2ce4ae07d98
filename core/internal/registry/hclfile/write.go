// Writing: deterministic and formatted as by hclfmt.

package hclfile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// Writer builds a file. Its zero value is empty.
type Writer struct{ out bytes.Buffer }

// Comment writes comment lines.
func (w *Writer) Comment(lines ...string) {
	for _, line := range lines {
		fmt.Fprintf(&w.out, "# %s\n", line)
	}
}

// Blank writes an empty line.
func (w *Writer) Blank() { w.out.WriteByte('\n') }

// Text writes a string attribute.
func (w *Writer) Text(name, value string) { fmt.Fprintf(&w.out, "%s = %s\n", name, Quote(value)) }

// Whole writes an integer attribute.
func (w *Writer) Whole(name string, n int) { fmt.Fprintf(&w.out, "%s = %d\n", name, n) }

// Flag writes an attribute if it is true.
func (w *Writer) Flag(name string, v bool) {
	if v {
		fmt.Fprintf(&w.out, "%s = true\n", name)
	}
}

// Texts writes a list attribute.
func (w *Writer) Texts(name string, values []string) {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = Quote(v)
	}
	fmt.Fprintf(&w.out, "%s = [%s]\n", name, strings.Join(quoted, ", "))
}

// Table writes an object of objects, one on each line, in the order of rows. fields are the names
// of the fields, in order.
func (w *Writer) Table(name string, rows []Row, fields ...string) {
	fmt.Fprintf(&w.out, "%s = {\n", name)
	for _, row := range rows {
		var parts []string
		for _, f := range fields {
			parts = append(parts, f+" = "+Quote(row.Fields[f]))
		}
		fmt.Fprintf(&w.out, "%s = { %s }\n", row.Name, strings.Join(parts, ", "))
	}
	w.out.WriteString("}\n")
}

// Block writes a block; label may be "".
func (w *Writer) Block(name, label string, body func()) {
	if label != "" {
		name += " " + Quote(label)
	}
	fmt.Fprintf(&w.out, "%s {\n", name)
	body()
	w.out.WriteString("}\n")
}

// Bytes returns the file.
func (w *Writer) Bytes() []byte { return hclwrite.Format(w.out.Bytes()) }

// Quote quotes text for HCL without interpolation.
func Quote(text string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes())
}
