// Records: JSON becomes cells. What cannot be written is a dead letter that says why.

package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/sdk"
)

// cell is a field of a record that is not null: a place in the reader's arena.
type cell struct {
	column   int
	from, to int
}

// reader turns a batch into cells. It is not safe for concurrent use.
type reader struct {
	decoder *jsontext.Decoder
	source  *bytes.Buffer
	arena   []byte // values as rows have them
	cells   []cell
	ends    []int  // of the records, in cells
	byPlace []cell // of a record, by column; see appendRows
}

func newReader() reader {
	return reader{decoder: jsontext.NewDecoder(&bytes.Buffer{}), source: &bytes.Buffer{}}
}

// read reads a batch, and returns what of it is rejected.
func (r *reader) read(t *table, b sdk.Batch, newColumns string) (sdk.Rejects, error) {
	r.arena, r.cells, r.ends = r.arena[:0], r.cells[:0], r.ends[:0]
	var rejects sdk.Rejects
	for record := range b.Records() {
		cells, columns := len(r.cells), len(t.columns)
		err := r.record(t, record, b.Op, newColumns)
		if err == nil {
			r.ends = append(r.ends, len(r.cells))
			continue
		}
		var fresh *newField
		if newColumns == "fail" && errors.As(err, &fresh) {
			return nil, sdk.Permanent(fmt.Errorf("stream %s: %w, and new_columns is \"fail\"", b.Stream, err))
		}
		r.cells = r.cells[:cells]
		t.forget(columns)
		rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: bytes.Clone(record), Reason: err.Error()})
	}
	return rejects, nil
}

// newField is a field that has no column, and is to have none.
type newField struct{ name string }

func (e *newField) Error() string {
	return fmt.Sprintf("a field is new: /%s: it has no column", e.name)
}

func (r *reader) record(t *table, record []byte, op sdk.Op, newColumns string) error {
	t.record++
	*r.source = *bytes.NewBuffer(record)
	r.decoder.Reset(r.source, jsontext.AllowDuplicateNames(true)) // of nested objects, which stay as they are
	switch open, err := r.decoder.ReadToken(); {
	case err != nil:
		return err
	case open.Kind() != '{':
		return errors.New("it is no JSON object")
	}
	if op == sdk.Delete {
		if err := r.cell(t, t.add(column{deleted, text}), jsontext.Value(`"delete"`)); err != nil {
			return err
		}
	}
	next := 0 // the column that comes next if fields come as they did before
	for r.decoder.PeekKind() == '"' {
		name, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		i, err := t.column(name, next, newColumns)
		if err != nil {
			return err
		}
		value, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		if i < 0 {
			if newColumns != "ignore" && value.Kind() != 'n' {
				return &newField{unquoted(name)}
			}
			continue
		}
		if t.last[i] == t.record {
			return fmt.Errorf("a field comes twice: /%s", t.columns[i].Name)
		}
		t.last[i], next = t.record, i+1
		if err := r.cell(t, i, value); err != nil {
			return err
		}
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		return err
	}
	if _, err := r.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("it is more than one JSON value")
	}
	if len(t.columns) == 0 {
		return errors.New("it has no field, and no column is known")
	}
	return nil
}

// cell adds a value, if it is not null and fits.
func (r *reader) cell(t *table, i int, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	from := len(r.arena)
	out, err := t.columns[i].Kind.append(r.arena, v)
	if err != nil {
		return fmt.Errorf("a value does not fit: /%s: %w", t.columns[i].Name, err)
	}
	r.arena = out
	r.cells = append(r.cells, cell{i, from, len(out)})
	return nil
}
