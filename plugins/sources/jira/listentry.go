// Entries of lists: the few members that are read before an entry becomes a record.

package jira

import (
	"encoding/json"
	"errors"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// completeness says which lists of an issue are whole.
type completeness struct{ comments, changelog, worklogs bool }

// entryOf has the members of a list entry that are read.
type entryOf struct {
	id      string
	created int64
}

func parseEntry(raw []byte) (entryOf, error) {
	var e entryOf
	end := rest.ScanObject(raw, 0, func(name []byte, start int) int {
		switch string(name) {
		case "id":
			return readText(raw, start, &e.id)
		case "created":
			return readTime(raw, start, &e.created)
		}
		return rest.Skip(raw, start)
	})
	if end < 0 && !json.Valid(raw) {
		return e, errors.New("not valid JSON")
	}
	return e, nil
}
