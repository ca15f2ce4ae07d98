// Keys: what identifies a record, and what a deletion names.

package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// KeyOf returns the values of the first fields of key that record has, each ended by a comma, and
// how many they are.
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

// checkDeletion says what is wrong with the key of a deletion: it holds the first fields of the
// primary key, at least one, and nothing else.
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
