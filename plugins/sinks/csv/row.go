// Rows: cells become text.

package csv

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// rowWriter writes rows. It is not safe for concurrent use.
type rowWriter struct {
	null   string
	guard  bool
	buffer []byte
	values []jsontext.Value // of a record, by column
	text   []byte
}

// head appends the line of names.
func (w *rowWriter) head(out []byte, names []string) []byte {
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = w.field(out, []byte(name))
	}
	return append(out, "\r\n"...)
}

// rows appends what a reader has read.
func (w *rowWriter) rows(out []byte, t *table, r *reader) []byte {
	w.values = append(w.values[:0], make([]jsontext.Value, len(t.names))...)
	at := 0
	for _, end := range r.ends {
		cells := r.cells[at:end]
		at = end
		for _, c := range cells {
			w.values[c.column] = c.value
		}
		for i, column := range t.order {
			if i > 0 {
				out = append(out, ',')
			}
			out = w.value(out, w.values[column])
		}
		out = append(out, "\r\n"...)
		for _, c := range cells {
			w.values[c.column] = nil
		}
	}
	return out
}

// value appends a value; nil: the record has none.
func (w *rowWriter) value(out []byte, v jsontext.Value) []byte {
	switch {
	case v == nil || v[0] == 'n':
		return append(out, w.null...)
	case v[0] != '"':
		return w.field(out, v)
	}
	text := []byte(v[1 : len(v)-1])
	if bytes.IndexByte(text, '\\') >= 0 {
		w.text, _ = jsontext.AppendUnquote(w.text[:0], v) // it was read, so it is whole
		text = w.text
	}
	if w.guard && isFormula(text) {
		text = append([]byte{'\''}, text...)
	}
	return w.field(out, text)
}

func isFormula(text []byte) bool {
	return len(text) > 0 && bytes.IndexByte([]byte("=+-@\t\r"), text[0]) >= 0
}

// field appends a text, in quotes if it needs them.
func (w *rowWriter) field(out, text []byte) []byte {
	if !w.quotes(text) {
		return append(out, text...)
	}
	out = append(out, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		out = append(append(out, text[:i+1]...), '"')
		text = text[i+1:]
	}
	return append(append(out, text...), '"')
}

// quotes reports whether a text needs quotes. `\.` would end the input of PostgreSQL's COPY.
func (w *rowWriter) quotes(text []byte) bool {
	if string(text) == w.null || string(text) == `\.` {
		return true
	}
	for _, c := range []byte(`",` + "\n\r") {
		if bytes.IndexByte(text, c) >= 0 {
			return true
		}
	}
	return len(text) > 0 && (isSpace(text[0]) || isSpace(text[len(text)-1]))
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
