// Records: JSON becomes cells. What cannot be written is a dead letter that says why.

package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/sdk"
)

// cell is a field of a record.
type cell struct {
	column int
	value  jsontext.Value // a part of the record
}

// reader turns a batch into cells. It is not safe for concurrent use.
type reader struct {
	decoder *jsontext.Decoder
	source  *bytes.Buffer
	cells   []cell
	ends    []int // of the records, in cells
}

func newReader() reader {
	return reader{decoder: jsontext.NewDecoder(&bytes.Buffer{}), source: &bytes.Buffer{}}
}

var operation = jsontext.Value(`"delete"`)

// read reads a batch, and returns what of it is rejected.
func (r *reader) read(t *table, b sdk.Batch, newColumns string) (sdk.Rejects, error) {
	r.cells, r.ends = r.cells[:0], r.ends[:0]
	var rejects sdk.Rejects
	for record := range b.Records() {
		cells, columns := len(r.cells), len(t.names)
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
		r.cells = append(r.cells, cell{t.add(deleted), operation})
	}
	next := 0 // the column that comes next if fields come as they did before
	for r.decoder.PeekKind() == '"' {
		name, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		column, err := t.column(name, next, newColumns)
		if err != nil {
			return err
		}
		value, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		if column < 0 {
			if newColumns != "ignore" && value.Kind() != 'n' {
				return &newField{text(name)}
			}
			continue
		}
		if t.last[column] == t.record {
			return fmt.Errorf("a field comes twice: /%s", t.names[column])
		}
		t.last[column], next = t.record, column+1
		end := r.decoder.InputOffset()
		r.cells = append(r.cells, cell{column, record[end-int64(len(value)) : end]})
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		return err
	}
	if _, err := r.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("it is more than one JSON value")
	}
	if len(t.names) == 0 {
		return errors.New("it has no field, and no column is known")
	}
	return nil
}
