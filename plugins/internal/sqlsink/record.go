// Records: JSON becomes the texts of columns, as a dialect writes them. What does not fit is a dead
// letter that names its field.

package sqlsink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/sdk"
)

// row is a record's values, one a column; nil: NULL.
type row [][]byte

// reader turns records into rows. It is not safe for concurrent use.
type reader struct {
	dialect Dialect
	decoder *jsontext.Decoder
	source  bytes.Buffer
	arena   []byte // values are parts of it, so it is never reused
	name    []byte
}

func newReader(d Dialect) *reader {
	return &reader{dialect: d, decoder: jsontext.NewDecoder(&bytes.Buffer{})}
}

// errLeftOut is a record with a field that has no column, where that is to be an error.
var errLeftOut = errors.New("it has no column")

// unfit is the error of a value that does not fit its column.
type unfit struct{ field, why string }

func (e *unfit) Error() string { return fmt.Sprintf("a field does not fit: /%s: %s", e.field, e.why) }

// rows turns a batch into rows, and returns what is rejected. fresh says what to do with fields
// without a column (see Changes).
func (r *reader) rows(t *table, b sdk.Batch, fresh string) (rows []row, records [][]byte, rejects sdk.Rejects,
	err error) {
	if r.arena == nil || cap(r.arena)-len(r.arena) < len(b.Payload) {
		r.arena = make([]byte, 0, max(len(b.Payload)*5/4, 64<<10))
	}
	for record := range b.Records() {
		one, err := r.row(t, record, b.Op, fresh)
		switch {
		case err != nil && fresh == "fail" && errors.Is(err, errLeftOut):
			return nil, nil, nil, sdk.Permanent(fmt.Errorf("stream %s: %w, and new_columns is \"fail\"", b.Stream, err))
		case err != nil:
			rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: record, Reason: err.Error()})
		default:
			rows, records = append(rows, one), append(records, record)
		}
	}
	return rows, records, rejects, nil
}

func (r *reader) row(t *table, record []byte, op sdk.Op, fresh string) (row, error) {
	r.source.Reset()
	r.source.Write(record)
	r.decoder.Reset(&r.source)
	switch open, err := r.decoder.ReadToken(); {
	case err != nil:
		return nil, err
	case open.Kind() != '{':
		return nil, errors.New("it is no JSON object")
	}
	out := make(row, len(t.cols))
	extra := []byte(nil)
	for r.decoder.PeekKind() == '"' {
		quoted, err := r.decoder.ReadValue()
		if err != nil {
			return nil, err
		}
		if r.name, err = jsontext.AppendUnquote(r.name[:0], quoted); err != nil {
			return nil, err
		}
		i, known := t.fields[string(r.name)]
		if !known {
			quoted = bytes.Clone(quoted)
		}
		value, err := r.decoder.ReadValue()
		if err != nil {
			return nil, err
		}
		switch {
		case known:
			if out[i], err = r.value(t.cols[i].kind, value); err != nil {
				return nil, &unfit{string(r.name), err.Error()}
			}
		case t.extra >= 0:
			extra = append(append(append(append(extra, ','), quoted...), ':'), value...)
		case t.raw < 0 && (fresh == "reject" || fresh == "fail"):
			return nil, fmt.Errorf("a field is new: /%s: %w", r.name, errLeftOut)
		}
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		return nil, err
	}
	if _, err := r.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it is more than one JSON value")
	}
	if extra != nil {
		extra[0] = '{'
		if out[t.extra] = append(extra, '}'); !r.dialect.fits(document, out[t.extra]) {
			return nil, &unfit{extraColumn, "it has a character U+0000"}
		}
	}
	if t.raw >= 0 && op == sdk.Upsert {
		if out[t.raw] = record; !r.dialect.fits(document, record) {
			return nil, &unfit{"", "it has a character U+0000"}
		}
	}
	return out, t.whole(out, op)
}

// whole reports which fields of its key a row lacks. A deletion may have only the first fields.
func (t *table) whole(r row, op sdk.Op) error {
	for n, i := range t.keys {
		if r[i] == nil && (op == sdk.Upsert && t.mode != Append || n == 0 && op == sdk.Delete) {
			return fmt.Errorf("a field of the key is missing: /%s", t.cols[i].field)
		}
	}
	return nil
}

// value is the text of a value in a column of a kind; nil: NULL. It is a part of the arena.
func (r *reader) value(k kind, v jsontext.Value) ([]byte, error) {
	if v.Kind() == 'n' {
		return nil, nil
	}
	start := len(r.arena)
	var err error
	if r.arena, err = r.append(k, v); err != nil {
		r.arena = r.arena[:start]
		return nil, err
	}
	out := r.arena[start:len(r.arena):len(r.arena)]
	if !r.dialect.fits(k, out) && k == numeric {
		return nil, fmt.Errorf("%.60s has more digits than the database keeps", v)
	}
	if !r.dialect.fits(k, out) {
		return nil, errors.New("the database cannot keep the character U+0000")
	}
	return out, nil
}

func (r *reader) append(k kind, v jsontext.Value) ([]byte, error) {
	switch k {
	case document:
		return append(r.arena, v...), nil
	case text:
		if v.Kind() == '"' {
			return jsontext.AppendUnquote(r.arena, v)
		}
		return append(r.arena, v...), nil
	case boolean:
		if kind := v.Kind(); kind == 't' || kind == 'f' {
			return append(r.arena, r.dialect.bool(kind == 't')...), nil
		}
	case date, timestamp:
		if v.Kind() != '"' {
			break
		}
		at := len(r.arena)
		unquoted, err := jsontext.AppendUnquote(r.arena, v)
		if err != nil {
			return r.arena, err
		}
		return r.time(k, unquoted, at)
	case integer, numeric, double:
		if v.Kind() == '0' {
			return number(r.arena, k, v)
		}
	}
	return r.arena, fmt.Errorf("%.60s is no %v", v, k)
}

// timeLayouts are the forms of times that are read.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999Z07:00"}

// time writes the time that begins at a place of a buffer as the dialect has it, in UTC and to the
// microsecond.
func (r *reader) time(k kind, buffer []byte, at int) ([]byte, error) {
	given := string(buffer[at:])
	if k == date {
		if _, err := time.Parse(time.DateOnly, given); err != nil {
			return buffer, fmt.Errorf("%.60q is no date", given)
		}
		return buffer, nil
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, given); err == nil {
			return t.UTC().AppendFormat(buffer[:at], r.dialect.timeLayout()), nil
		}
	}
	return buffer, fmt.Errorf("%.60q is no date-time of RFC 3339", given)
}

// number writes a number if it fits.
func number(to []byte, k kind, v jsontext.Value) ([]byte, error) {
	switch k {
	case numeric:
		if e := bytes.IndexAny(v, "eE"); e >= 0 {
			if n, err := strconv.Atoi(string(bytes.TrimPrefix(v[e+1:], []byte("+")))); err != nil || n > 1000 ||
				n < -1000 {
				return to, fmt.Errorf("%.60s is out of range", v)
			}
		}
	case double:
		if f, err := strconv.ParseFloat(string(v), 64); err != nil || math.IsInf(f, 0) {
			return to, fmt.Errorf("%.60s is out of range of a double", v)
		}
	case integer:
		if _, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			break
		}
		if len(v) > 40 {
			return to, fmt.Errorf("%.60s is out of range of an integer of 64 bits", v)
		}
		f, ok := new(big.Float).SetPrec(256).SetString(string(v))
		if !ok || !f.IsInt() {
			return to, fmt.Errorf("%.60s is no integer", v)
		}
		n, exact := f.Int64()
		if exact != big.Exact {
			return to, fmt.Errorf("%.60s is out of range of an integer of 64 bits", v)
		}
		return strconv.AppendInt(to, n, 10), nil
	}
	return append(to, v...), nil
}

// hash is the hash of a row's key, and of its values. NULLs do not count, so a new column changes
// no hash.
func (t *table) hash(r row) []byte {
	key := sha256.New()
	for _, i := range t.keys {
		fmt.Fprintf(key, "%d:", len(r[i]))
		key.Write(r[i])
	}
	whole := sha256.New()
	for i, v := range r {
		if v != nil && i != t.raw || t.extra < 0 && i == t.raw {
			fmt.Fprintf(whole, "%d:%s%d:", len(t.cols[i].name), t.cols[i].name, len(v))
			whole.Write(v)
		}
	}
	return append(hex.AppendEncode(nil, key.Sum(nil)[:8]), hex.EncodeToString(whole.Sum(nil)[:16])...)
}
