// JSON Lines: what of a batch goes to a place that takes one record a line.

package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// JSONLines returns a batch as a sink of JSON Lines writes it, and the records that it must not
// write: what is not UTF-8, a key that is no object or an empty one, and a record with a field
// "_op" at its top, which would be read as a deletion, or as something else that the source never
// said. Records stay as they are, so the lines of a batch without deletions are its payload, not a
// copy of it. A deletion is the key with "_op":"delete" as its first field.
func (b Batch) JSONLines() ([]byte, Rejects) {
	if len(b.Payload) == 0 {
		return nil, nil
	}
	ended := b.Payload[len(b.Payload)-1] == '\n'
	if b.Op == Upsert && ended && utf8.Valid(b.Payload) && !mayHaveOp(b.Payload) {
		return b.Payload, nil
	}
	var out []byte
	var rejects Rejects
	for record := range b.Records() {
		why := problem(b.Op, record)
		switch {
		case why != "":
			rejects = append(rejects, Reject{Stream: b.Stream, Record: bytes.Clone(record), Reason: why})
		case b.Op == Delete:
			out = append(appendDelete(out, record), '\n')
		default:
			out = append(append(out, record...), '\n')
		}
	}
	return out, rejects
}

// problem says why a record cannot be written, or nothing.
func problem(op Op, record []byte) string {
	if !utf8.Valid(record) {
		return fmt.Sprintf("invalid UTF-8: at byte %d", firstInvalid(record))
	}
	if op == Delete {
		if why := badKey(record); why != "" {
			return why
		}
	}
	switch {
	case !mayHaveOp(record):
		return ""
	case !json.Valid(record):
		return "invalid JSON"
	case hasOp(record):
		return `reserved field "_op": the line would be read as a deletion or the like: rename the field`
	}
	return ""
}

// mayHaveOp reports whether somewhere in the text could be a field "_op". It spells each of its
// letters in every way that JSON has, and costs next to nothing.
func mayHaveOp(text []byte) bool {
	for _, part := range [][]byte{
		[]byte(`"_op"`), []byte(`\u005f`), []byte(`\u005F`), []byte(`\u006f`), []byte(`\u006F`), []byte(`\u0070`),
	} {
		if bytes.Contains(text, part) {
			return true
		}
	}
	return false
}

// hasOp reports whether a record has a field "_op" at its top.
func hasOp(record []byte) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(record, &fields) != nil {
		return false // it is JSON, but no object
	}
	_, has := fields["_op"]
	return has
}

// badKey says what is wrong with the key of a deletion, or nothing. Without a field it would mean
// all records.
func badKey(record []byte) string {
	key := bytes.TrimSpace(record)
	if len(key) < 2 || key[0] != '{' || key[len(key)-1] != '}' {
		return "invalid key: it is not a JSON object"
	}
	if len(bytes.TrimSpace(key[1:len(key)-1])) == 0 {
		return "invalid key: it has no field"
	}
	return ""
}

func firstInvalid(record []byte) int {
	for i := 0; i < len(record); {
		r, size := utf8.DecodeRune(record[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(record)
}

// appendDelete writes {"id":1} as {"_op":"delete","id":1}.
func appendDelete(out, key []byte) []byte {
	out = append(out, `{"_op":"delete",`...)
	return append(out, bytes.TrimSpace(bytes.TrimSpace(key)[1:])...)
}
