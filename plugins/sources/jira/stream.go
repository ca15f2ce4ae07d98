// A row of the catalogue.

package jira

import "github.com/scrapekit/scrapekit/sdk"

// entry is one row of the catalogue. A stream whose Cursor is empty is read in full by every run.
type entry struct {
	sdk.Stream
	kind    string // of the splits that bring it; see kinds
	flavour string // the only one that has it; "": both do
	from    string // where it comes from: the paths below the API's own
	cost    string // the requests that a run makes for it
	needs   needs  // what the walks ask for
}

// in reports whether a Jira of this flavour has the stream.
func (e entry) in(flavour string) bool { return e.flavour == "" || e.flavour == flavour }

// needs is what a stream of the walks asks a search for.
type needs struct {
	fields  []string
	all     bool // the fields of the settings
	history bool // the changelog
	// loses: an issue may lose members of the stream, so the old ones go before the new ones come
	// when it was updated.
	loses bool
}
