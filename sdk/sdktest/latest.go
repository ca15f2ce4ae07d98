// Latest: what a keyed store holds after all upserts and deletions, in the order in which they were written.

package sdktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// Latest returns the last record of each key of a stream, sorted: deletions are applied, those of the first fields of
// the key too. Without a primary key, as the newest process was opened, a stream only grows. Records that lack a
// field of their key are all kept.
func (m *MemorySink) Latest(stream string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.key(stream)
	latest := map[string]string{}
	for n, it := range m.log {
		if it.Stream != stream {
			continue
		}
		prefix, depth := keyOf(it.Record, key)
		switch {
		case it.Op == sdk.Delete && depth == len(key):
			delete(latest, prefix)
		case it.Op == sdk.Delete:
			deletePrefix(latest, prefix)
		case depth == len(key) && depth > 0:
			latest[prefix] = it.Record
		default:
			latest[fmt.Sprint(n)] = it.Record // no JSON array, so no key is like it
		}
	}
	out := make([]string, 0, len(latest))
	for _, record := range latest {
		out = append(out, record)
	}
	slices.Sort(out)
	return out
}

// key returns the primary key of a stream, as the newest process was told. m.mu is held.
func (m *MemorySink) key(stream string) []string {
	if len(m.opened) == 0 {
		return nil
	}
	for _, s := range m.opened[len(m.opened)-1].Streams {
		if s.Name == stream {
			return s.PrimaryKey
		}
	}
	return nil
}

func deletePrefix(latest map[string]string, prefix string) {
	for key := range latest {
		if strings.HasPrefix(key, prefix) {
			delete(latest, key)
		}
	}
}

// keyOf returns the values of the first fields of key that record has, each ended by a comma, and how many they are.
func keyOf(record string, key []string) (string, int) {
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

// checkDeletion says what is wrong with the key of a deletion: it holds the first fields of the primary key, at least
// one, and nothing else.
func checkDeletion(record string, key []string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(record), &fields); err != nil {
		return fmt.Errorf("the key of a deletion is not a JSON object: %.200s", record)
	}
	switch _, depth := keyOf(record, key); {
	case len(key) == 0:
		return errors.New("a deletion in a stream without a primary key")
	case depth == 0:
		return fmt.Errorf("a deletion without the first field of the key, %s: %.200s", key[0], record)
	case depth < len(fields):
		return fmt.Errorf("a deletion with more than the first fields of the key %v: %.200s", key, record)
	}
	return nil
}
