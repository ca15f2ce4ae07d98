// Entries of lists: the little that is looked at in them before they become records.

package jira

import (
	"encoding/json"
	"errors"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// completeness says which lists of an issue are whole.
type completeness struct{ comments, changelog, worklogs bool }

// entryOf is what is looked at in an entry of a list.
type entryOf struct {
	id      string
	created int64
}

func parseEntry(raw []byte) (entryOf, error) {
	var e entryOf
	whole := rest.EachMember(raw, 0, func(name []byte, start, end int) {
		switch string(name) {
		case "id":
			readText(raw[start:end], &e.id)
		case "created":
			readTime(raw[start:end], &e.created)
		}
	})
	if !whole && !json.Valid(raw) {
		return e, errors.New("not valid JSON")
	}
	return e, nil
}
