// Keys: the fields that identify a record, and those that a deletion names.

package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// KeyOf returns the values of the leading fields of key that record has, each followed by a comma,
// and their number.
func KeyOf(record string, key []string) (string, int) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(record), &fields) != nil {
		return "", 0
	}
	var values bytes.Buffer
	for n, name := range key {
		if fields[name] == nil || json.Compact(&values, fields[name]) != nil {
			return values.String(), n
		}
		values.WriteByte(',')
	}
	return values.String(), len(key)
}

// checkDeletion describes what is wrong with the key of a deletion. It must hold the first fields
// of the primary key, at least one, and nothing else.
func checkDeletion(record string, key []string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(record), &fields); err != nil {
		return fmt.Errorf("the key of a deletion is not a JSON object: %.200s", record)
	}
	switch _, depth := KeyOf(record, key); {
	case len(key) == 0:
		return errors.New("a deletion in a stream without a primary key")
	case depth == 0:
		return fmt.Errorf("a deletion without the first field of the key, %s: %.200s", key[0], record)
	case depth < len(fields):
		return fmt.Errorf("a deletion with more than the first fields of the key %v: %.200s", key, record)
	}
	return nil
}
