// What the kinds of splits share: a run as a plan sees it, and the reader of a split.

package jira

import (
	"encoding/json"
	"slices"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// run is a run as the plan of one kind sees it.
type run struct {
	source *Source
	at     rest.Site
	// base is what all splits of the kind have in common: a plan adds what it needs, and sets
	// Streams if a split brings fewer than all that are selected.
	base part
	// streams are all that are selected, of whatever kind, and every is all splits of earlier runs
	// of the same scope.
	streams []string
	every   []done
	// previous are the splits of earlier runs of the same kind, scope and, at least, streams.
	previous []done
	// earlier are all of the kind and scope, whatever streams they read.
	earlier []done
	// projects returns the keys of the projects to read; the server is asked once a run.
	projects func() ([]string, error)
}

// split makes a split. estimate is how many records it will have, about; 0: not known.
func newSplit(id, stream string, p part, estimate int64) sdk.Split {
	data, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return sdk.Split{ID: id, Stream: stream, Data: data, Estimate: estimate}
}

// reader reads one split.
type reader struct {
	source *Source
	client *client
	at     rest.Site
	part   part
	from   []byte // cursor to go on from; nil at the beginning
	// estimate is how many records the plan took the split to have; 0: not known.
	estimate int
	output
}

// wants reports whether the records of a stream are to be made.
func (r *reader) wants(stream string) bool { return slices.Contains(r.part.Streams, stream) }
