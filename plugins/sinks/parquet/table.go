// Tables: the columns of a stream, and those of the file that it is at.

package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// deleted is the column that tells deletions.
const deleted = "_op"

// column is a column of a file.
type column struct {
	Name string `json:"name"`
	Kind kind   `json:"kind"`
}

// table is the columns of a stream.
type table struct {
	stream  string
	columns []column       // of the schema, of records
	index   map[string]int // of names
	last    []int          // by column, the number of the record that had it last
	record  int            // number of the record that is read
	closed  bool           // whether a field without a column is a new one

	path  string // of the file that the stream is at
	order []int  // the file's columns; -1: one that the stream has with another kind
	in    []bool // by column, whether the file has it
}

// table returns the table of a stream as it is with its file of now.
func (s *Sink) table(stream string) (*table, error) {
	t := s.tables[stream]
	if t == nil {
		t = &table{stream: stream, index: map[string]int{}}
		for _, c := range declared(s.streams[stream].Schema) {
			t.add(c)
		}
		t.closed = len(t.columns) > 0
		s.tables[stream] = t
	}
	empty, err := s.look(t)
	t.closed = t.closed || !empty
	return t, err
}

// look finds the file that a stream is at, and reports whether nothing is in it.
func (s *Sink) look(t *table) (empty bool, err error) {
	path, empty, err := s.Next(t.stream)
	if err != nil || path == t.path {
		return empty, err
	}
	var head []column
	if !empty {
		if head, err = s.headOf(path); err != nil {
			return false, err
		}
	}
	t.path = path
	t.use(head)
	return empty, nil
}

// headOf reads the columns of a file in the private folder.
func (s *Sink) headOf(path string) (head []column, err error) {
	in, err := s.Reader(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	_, head, err = readHead(in)
	return head, err
}

// use has rows written in the order of a file's columns.
func (t *table) use(head []column) {
	t.order = t.order[:0]
	for _, c := range head {
		i := t.add(c)
		if t.columns[i].Kind != c.Kind {
			i = -1 // the schema has changed
		}
		t.order = append(t.order, i)
	}
	t.in = make([]bool, len(t.columns))
	for _, i := range t.order {
		if i >= 0 {
			t.in[i] = true
		}
	}
}

// add returns the number of a column, which it makes if there is none of the name.
func (t *table) add(c column) int {
	if i, known := t.index[c.Name]; known {
		return i
	}
	t.index[c.Name] = len(t.columns)
	t.columns = append(t.columns, c)
	t.last = append(t.last, 0)
	return len(t.columns) - 1
}

// column returns the number of a field's column; -1: it has none.
func (t *table) column(name jsontext.Value, next int, newColumns string) (int, error) {
	plain := name[1 : len(name)-1]
	if bytes.IndexByte(plain, '\\') >= 0 {
		plain = []byte(unquoted(name))
	}
	if string(plain) == deleted {
		return 0, errors.New(`reserved field "_op": the row would be read as a deletion or the like: rename the field`)
	}
	if next < len(t.columns) && t.columns[next].Name == string(plain) {
		return next, nil
	}
	i, known := t.index[string(plain)]
	switch {
	case known:
		return i, nil
	case t.closed && newColumns != "add":
		return -1, nil
	}
	return t.add(column{string(plain), document}), nil
}

// forget takes the columns from a number on away.
func (t *table) forget(from int) {
	for _, c := range t.columns[from:] {
		delete(t.index, c.Name)
	}
	t.columns, t.last = t.columns[:from], t.last[:from]
}

// holds reports whether the file has a column for all cells.
func (t *table) holds(cells []cell) bool {
	return !slices.ContainsFunc(cells, func(c cell) bool { return c.column >= len(t.in) || !t.in[c.column] })
}

// declared are the columns that a JSON Schema declares, in its order; nil: it declares none.
func declared(schema []byte) []column {
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
	var out []column
	d := jsontext.NewDecoder(bytes.NewReader(s.Properties))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return nil
		}
		c := column{Name: unquoted(name)}
		value, err := d.ReadValue()
		if err != nil {
			return nil
		}
		c.Kind = kindOf(value, s.Defs)
		out = append(out, c)
	}
	return out
}
