// Latest: the content of a keyed store after all upserts and deletions, in the order in which they
// were written.

package sdktest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// Latest returns the last record of each key of a stream, sorted. Deletions are applied, also those
// of the first fields of a key. A stream without a primary key, by the [sdk.Start] of the newest
// process, only grows. Records that lack a field of their key are all kept.
func (m *MemorySink) Latest(stream string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.key(stream)
	latest := map[string]string{}
	for n, it := range m.log {
		if it.Stream != stream {
			continue
		}
		prefix, depth := conformance.KeyOf(it.Record, key)
		switch {
		case it.Op == sdk.Delete && depth == len(key):
			delete(latest, prefix)
		case it.Op == sdk.Delete:
			deletePrefix(latest, prefix)
		case depth == len(key) && depth > 0:
			latest[prefix] = it.Record
		default:
			latest[fmt.Sprint(n)] = it.Record // not a JSON array, so it equals no key
		}
	}
	out := make([]string, 0, len(latest))
	for _, record := range latest {
		out = append(out, record)
	}
	slices.Sort(out)
	return out
}

// key returns the primary key of a stream, by the [sdk.Start] of the newest process. m.mu is held.
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
