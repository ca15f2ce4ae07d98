// Tables: the columns of a stream, and those of the file that it is at.

package csv

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// deleted is the column that tells deletions.
const deleted = "_op"

// table is the columns of a stream.
type table struct {
	stream string
	guard  bool           // names are written as no formulas
	names  []string       // what the columns are called: of the file, of the schema, of records
	index  map[string]int // of names
	last   []int          // by column, the number of the record that had it last
	record int            // number of the record that is read
	closed bool           // whether a field without a column is a new one

	path  string // of the file that the stream is at
	order []int  // the file's columns
	in    []bool // by column, whether the file has it
}

// table returns the table of a stream as it is with its file of now.
func (s *Sink) table(stream string) (*table, error) {
	t := s.tables[stream]
	fresh := t == nil
	if fresh {
		t = &table{stream: stream, guard: s.row.guard, index: map[string]int{}}
		s.tables[stream] = t
	}
	empty, err := s.look(t)
	if err != nil {
		return nil, err
	}
	if fresh {
		declared := properties(s.streams[stream].Schema)
		for _, name := range declared {
			t.add(t.heading(name))
		}
		t.closed = len(declared) > 0
	}
	t.closed = t.closed || !empty
	return t, nil
}

// look finds the file that a stream is at, and reports whether nothing is in it.
func (s *Sink) look(t *table) (empty bool, err error) {
	path, empty, err := s.Next(t.stream)
	if err != nil {
		return false, err
	}
	head, known := s.heads[path]
	if path == t.path && len(head) == len(t.order) {
		return empty, nil
	}
	if !known && !empty {
		if head, err = s.headOf(path); err != nil {
			return false, err
		}
	}
	s.at(t, path, head)
	return empty, nil
}

// at notes that a stream is at a file with these columns.
func (s *Sink) at(t *table, path string, head []string) {
	if path != t.path {
		delete(s.heads, t.path) // whoever else is there reads it again, or moves on too
	}
	s.heads[path], t.path = head, path
	t.use(head)
}

// headOf reads the columns of a file. A file that does not begin with names has none.
func (s *Sink) headOf(path string) (head []string, err error) {
	in, err := s.Reader(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	const longest = 16 << 20
	head, err = csv.NewReader(io.LimitReader(in, longest)).Read()
	var malformed *csv.ParseError
	if errors.Is(err, io.EOF) || errors.As(err, &malformed) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	seen := map[string]bool{}
	for _, name := range head {
		if seen[name] {
			return nil, nil
		}
		seen[name] = true
	}
	return head, nil
}

// use has rows written in the order of a file's columns.
func (t *table) use(head []string) {
	t.order = t.order[:0]
	for _, name := range head {
		i, known := t.index[name]
		if !known {
			i = t.add(name)
		}
		t.order = append(t.order, i)
	}
	t.in = make([]bool, len(t.names))
	for _, i := range t.order {
		t.in[i] = true
	}
}

// add returns the number of a column, which it makes if there is none of the name.
func (t *table) add(name string) int {
	if i, known := t.index[name]; known {
		return i
	}
	t.index[name] = len(t.names)
	t.names = append(t.names, name)
	t.last = append(t.last, 0)
	return len(t.names) - 1
}

// column returns the number of a field's column; -1: it has none.
func (t *table) column(name jsontext.Value, next int, newColumns string) (int, error) {
	plain := name[1 : len(name)-1]
	if bytes.IndexByte(plain, '\\') >= 0 {
		plain = []byte(text(name))
	}
	if string(plain) == deleted {
		return 0, errors.New(`reserved field "_op": the row would be read as a deletion or the like: rename the field`)
	}
	if next < len(t.names) && t.names[next] == string(plain) {
		return next, nil
	}
	heading := t.heading(string(plain))
	i, known := t.index[heading]
	switch {
	case known:
		return i, nil
	case t.closed && newColumns != "add":
		return -1, nil
	}
	return t.add(heading), nil
}

// heading is what the column of a field is called.
func (t *table) heading(name string) string {
	if t.guard && isFormula([]byte(name)) {
		return "'" + name
	}
	return name
}

// text is what a string of JSON says.
func text(v jsontext.Value) string {
	out, _ := jsontext.AppendUnquote(nil, v) // it was read, so it is whole
	return string(out)
}

// forget takes the columns from a number on away.
func (t *table) forget(from int) {
	for _, name := range t.names[from:] {
		delete(t.index, name)
	}
	t.names, t.last = t.names[:from], t.last[:from]
}

// holds reports whether the file has a column for all that is not null.
func (t *table) holds(cells []cell) bool {
	return len(t.order) > 0 && !slices.ContainsFunc(cells, func(c cell) bool {
		return c.value.Kind() != 'n' && (c.column >= len(t.in) || !t.in[c.column])
	})
}

// properties are the fields that a JSON Schema declares, in its order; nil: it declares none.
func properties(schema []byte) []string {
	var s struct {
		Ref        string                     `json:"$ref"`
		Defs       map[string]json.RawMessage `json:"$defs"`
		Properties json.RawMessage            `json:"properties"`
	}
	for range 8 { // references to references
		s.Ref = ""
		if json.Unmarshal(schema, &s) != nil || s.Properties != nil {
			break
		}
		schema = s.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	var names []string
	d := jsontext.NewDecoder(bytes.NewReader(s.Properties))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return nil
		}
		names = append(names, text(name))
		if d.SkipValue() != nil {
			return nil
		}
	}
	return names
}
