// Rows as the private folder has them: a line of JSON with the columns, and then each row with a
// byte a column, 0 for null and else 1 with the value behind it.

package parquet

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"
)

// appendHead appends the line of columns.
func appendHead(out []byte, columns []column) ([]byte, error) {
	raw, err := json.Marshal(columns)
	return append(append(out, raw...), '\n'), err
}

// readHead reads the line of columns. What follows is read from the reader that it returns.
func readHead(in io.Reader) (*bufio.Reader, []column, error) {
	r := bufio.NewReaderSize(in, 256<<10)
	line, err := r.ReadBytes('\n')
	var head []column
	if err == nil {
		err = json.Unmarshal(line, &head)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the columns of a file in the private folder: %w", err)
	}
	return r, head, nil
}

// appendRows appends what was read, with the columns of the table's file.
func (r *reader) appendRows(out []byte, t *table) []byte {
	if missing := len(t.columns) - len(r.byPlace); missing > 0 {
		r.byPlace = append(r.byPlace, make([]cell, missing)...)
	}
	at := 0
	for _, end := range r.ends {
		cells := r.cells[at:end]
		at = end
		for _, c := range cells {
			r.byPlace[c.column] = c
		}
		for _, i := range t.order {
			if i < 0 || r.byPlace[i].to == 0 {
				out = append(out, 0)
				continue
			}
			out = append(append(out, 1), r.arena[r.byPlace[i].from:r.byPlace[i].to]...)
		}
		for _, c := range cells {
			r.byPlace[c.column] = cell{}
		}
	}
	return out
}

// rowReader reads rows. The values of a row are valid until the arena is emptied.
type rowReader struct {
	in      *bufio.Reader
	columns []column
	arena   []byte
}

// row appends the next row. The error is io.EOF at the end, and only there.
func (r *rowReader) row(out parquet.Row) (parquet.Row, error) {
	for i, c := range r.columns {
		has, err := r.in.ReadByte()
		if errors.Is(err, io.EOF) && i > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return out, err
		}
		if has == 0 {
			out = append(out, parquet.NullValue().Level(0, 0, i))
			continue
		}
		v, err := r.value(c.Kind)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return out, err
		}
		out = append(out, v.Level(0, 1, i))
	}
	return out, nil
}

func (r *rowReader) value(k kind) (parquet.Value, error) {
	switch k {
	case boolean:
		b, err := r.in.ReadByte()
		return parquet.BooleanValue(b == 1), err
	case integer, timestamp:
		n, err := binary.ReadVarint(r.in)
		return parquet.Int64Value(n), err
	case date:
		n, err := binary.ReadVarint(r.in)
		return parquet.Int32Value(int32(n)), err
	case double:
		var raw [8]byte
		_, err := io.ReadFull(r.in, raw[:])
		return parquet.DoubleValue(math.Float64frombits(binary.LittleEndian.Uint64(raw[:]))), err
	}
	size, err := binary.ReadUvarint(r.in)
	if err != nil {
		return parquet.Value{}, err
	}
	if uint64(cap(r.arena)-len(r.arena)) < size {
		r.arena = make([]byte, 0, max(size, 1<<20)) // values before it keep the old one
	}
	from := len(r.arena)
	r.arena = r.arena[:from+int(size)]
	_, err = io.ReadFull(r.in, r.arena[from:])
	return parquet.ByteArrayValue(r.arena[from:]), err
}
