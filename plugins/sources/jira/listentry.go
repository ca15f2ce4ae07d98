// Entries of lists: the little that is looked at in them before they become records.

package jira

import (
	"bytes"

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
	d := rest.NewDecoder(bytes.NewBuffer(raw))
	err := rest.Object(d, func(name string) error {
		switch name {
		case "id":
			return rest.Text(d, &e.id)
		case "created":
			return rest.Instant(d, &e.created)
		}
		return d.SkipValue()
	})
	return e, err
}
