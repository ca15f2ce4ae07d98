// Write: prints diagnostics for people. The text is lower case: first what was found, then the line
// of the file with carets under the part at fault, then what to do. Secrets were removed before.

package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/mitchellh/go-wordwrap"
	"github.com/rivo/uniseg"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// Write prints diagnostics, each with its place, source line and hint. width is the width of the
// terminal; 0: no line breaks.
func Write(w io.Writer, all Diagnostics, paint Paint, width int) error {
	var out bytes.Buffer
	for i, d := range all {
		if i > 0 {
			out.WriteByte('\n')
		}
		writeOne(&out, d, paint, width)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// Paint applies a style to text. The style is the parameters of an escape sequence, such as "1;31".
// A nil Paint returns the text unchanged.
type Paint func(parameters, text string) string

// Colours, as parameters of the escape sequence.
const (
	red    = "1;31"
	yellow = "1;33"
	bold   = "1"
	faint  = "2"
)

func (p Paint) in(colour, text string) string {
	if p == nil || text == "" {
		return text
	}
	return p(colour, text)
}

func writeOne(out *bytes.Buffer, d Diagnostic, p Paint, width int) {
	colour := red
	if d.Severity == Warning {
		colour = yellow
	}
	severity := string(d.Severity)
	summary := wrap(clean(d.Summary), width, len(severity)+2)
	fmt.Fprintf(out, "%s: %s\n", p.in(colour, severity), p.in(bold, strings.Join(summary, "\n")))
	if d.File != "" {
		fmt.Fprintf(out, "  %s %s:%d:%d\n", p.in(faint, "at"), clean(d.File), d.Line, d.Column)
		writeExcerpt(out, d, p, colour, width)
	}
	for _, line := range strings.Split(d.Detail, "\n") {
		if line == "" {
			continue
		}
		for i, part := range wrap(clean(line), width, 4) {
			lead := "  = "
			if i > 0 {
				lead = "    "
			}
			fmt.Fprintf(out, "%s%s\n", p.in(faint, lead), part)
		}
	}
}

// writeExcerpt prints the source line and the carets under it.
func writeExcerpt(out *bytes.Buffer, d Diagnostic, p Paint, colour string, width int) {
	number := fmt.Sprint(d.Line)
	gutter := strings.Repeat(" ", len(number))
	before, part, after := d.Source[:d.From], d.Source[d.From:d.To], d.Source[d.To:]
	before, part, after = clean(before), clean(part), clean(after)
	before, part, after = window(before, part, after, width-len(number)-5)
	carets := strings.Repeat("^", max(1, uniseg.StringWidth(part)))
	fmt.Fprintf(out, "  %s\n", p.in(faint, gutter+" |"))
	fmt.Fprintf(out, "  %s %s%s%s\n", p.in(faint, number+" |"), before, p.in(colour, part), after)
	fmt.Fprintf(out, "  %s %s%s\n", p.in(faint, gutter+" |"), strings.Repeat(" ", uniseg.StringWidth(before)),
		p.in(colour, carets))
}

// window shortens a long line to what fits around the part at fault.
func window(before, part, after string, width int) (string, string, string) {
	const least = 20
	if width < least || uniseg.StringWidth(before+part+after) <= width {
		return before, part, after
	}
	if room := width / 3; uniseg.StringWidth(before) > room {
		runes := []rune(before)
		before = "…" + string(runes[len(runes)-min(len(runes), room):])
	}
	part = cut(part, width-uniseg.StringWidth(before))
	after = cut(after, width-uniseg.StringWidth(before+part))
	return before, part, after
}

// cut shortens text to a width, with an ellipsis at its end.
func cut(text string, width int) string {
	switch {
	case uniseg.StringWidth(text) <= width:
		return text
	case width < 1:
		return ""
	}
	var out strings.Builder
	used := 1
	for _, r := range text {
		if used += uniseg.StringWidth(string(r)); used > width {
			break
		}
		out.WriteRune(r)
	}
	return out.String() + "…"
}

// wrap breaks text into lines; lead is the width already used on the first.
func wrap(text string, width, lead int) []string {
	const least = 40
	if width < least {
		return []string{text}
	}
	return strings.Split(wordwrap.WrapString(text, uint(width-lead)), "\n")
}

// clean makes text safe for a terminal, as one line of known width: it replaces tabs with spaces
// and other control characters with a mark.
func clean(text string) string {
	return strings.NewReplacer("\t", "    ", "\n", string(printable.Mark)).Replace(printable.Text(text))
}
