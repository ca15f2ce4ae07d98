// The maker: rows of the private folder become a Parquet file.

package parquet

import (
	"errors"
	"io"
	"os"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

const (
	groupRows  = 1_000_000 // the most of a row group
	groupBytes = 64 << 20  // the values of a row group, uncompressed
	atOnce     = 256       // rows that are handed over together
	dictionary = 1 << 20   // the most bytes of a column's dictionary
)

// owner is the key of who wrote a file, in its metadata.
const owner = "scrapekit.owner"

// maker implements [filesink.Maker].
type maker struct{}

func (maker) Make(out io.Writer, in io.Reader, by string) error {
	r, columns, err := readHead(in)
	if err != nil {
		return err
	}
	w := parquet.NewGenericWriter[any](out, schemaOf(columns), parquet.CreatedBy("scrapekit", "", ""),
		parquet.KeyValueMetadata(owner, by), parquet.DictionaryMaxBytes(dictionary), parquet.DataPageStatistics(true),
		parquet.Compression(&zstd.Codec{Level: zstd.DefaultLevel, Concurrency: 1}))
	err = copyRows(w, &rowReader{in: r, columns: columns})
	return errors.Join(err, w.Close())
}

func copyRows(w *parquet.GenericWriter[any], r *rowReader) error {
	rows := make([]parquet.Row, 0, atOnce)
	count, size := 0, 0
	for {
		rows, r.arena = rows[:0], r.arena[:0]
		var end error
		for len(rows) < atOnce && end == nil {
			rows = rows[:len(rows)+1]
			last := &rows[len(rows)-1]
			if *last, end = r.row((*last)[:0]); end != nil {
				rows = rows[:len(rows)-1]
				break
			}
			for _, v := range *last {
				size += 8
				if v.Kind() == parquet.ByteArray {
					size += len(v.ByteArray())
				}
			}
		}
		if _, err := w.WriteRows(rows); err != nil {
			return err
		}
		if count += len(rows); count >= groupRows || size >= groupBytes {
			if err := w.Flush(); err != nil {
				return err
			}
			count, size = 0, 0
		}
		if errors.Is(end, io.EOF) {
			return nil
		}
		if end != nil {
			return end
		}
	}
}

// Owner implements [filesink.Maker]. What is no Parquet file has none.
func (maker) Owner(path string) (string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return "", err
	}
	f, err := parquet.OpenFile(in, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return "", nil
	}
	by, _ := f.Lookup(owner)
	return by, nil
}

// schemaOf is the schema of a file with these columns. Each may be null.
func schemaOf(columns []column) *parquet.Schema {
	group := parquet.Group{}
	for _, c := range columns {
		group[c.Name] = parquet.Optional(c.Kind.node())
	}
	ordered := root{Group: group, fields: make([]parquet.Field, len(columns))}
	at := map[string]int{}
	for i, c := range columns {
		at[c.Name] = i
	}
	for _, field := range group.Fields() {
		ordered.fields[at[field.Name()]] = field
	}
	return parquet.NewSchema("record", ordered)
}

// root is a group whose fields have an order other than that of their names.
type root struct {
	parquet.Group
	fields []parquet.Field
}

func (r root) Fields() []parquet.Field { return r.fields }

// GoType implements [parquet.Node]. Rows are written as values, so there is no type for them; a
// struct could not have fields whose names differ in case alone.
func (r root) GoType() reflect.Type { return reflect.TypeFor[map[string]any]() }

func (k kind) node() parquet.Node {
	switch k {
	case text:
		return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	case integer:
		return parquet.Leaf(parquet.Int64Type)
	case double:
		return parquet.Leaf(parquet.DoubleType)
	case boolean:
		return parquet.Leaf(parquet.BooleanType)
	case date:
		return parquet.Date()
	case timestamp:
		return parquet.Timestamp(parquet.Microsecond)
	}
	return parquet.Encoded(parquet.JSON(), &parquet.RLEDictionary)
}
