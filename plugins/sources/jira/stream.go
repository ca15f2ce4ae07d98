// A row of the catalogue.

package jira

import "github.com/scrapekit/scrapekit/sdk"

// entry is one row of the catalogue. A stream whose Cursor is empty is read in full by every run.
type entry struct {
	sdk.Stream
	kind    string // of the splits that read it; see kinds
	flavour string // the only one that has it; "": both
	from    string // paths below that of the API
	cost    string // number of requests that a run makes for it
	needs   needs  // what the walks request for it
}

// in reports whether a Jira of this flavour has the stream.
func (e entry) in(flavour string) bool { return e.flavour == "" || e.flavour == flavour }

// needs is what a stream of the walks needs of a search.
type needs struct {
	fields  []string
	all     bool // the fields of the settings
	history bool // the changelog
	// loses: an issue may lose members of the stream, so when it was updated, the old members are
	// deleted before the current ones are emitted.
	loses bool
}
