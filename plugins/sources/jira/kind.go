// What the kinds of splits share: a run as a plan sees it, and the reader of a split.

package jira

import (
	"encoding/json"
	"slices"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// run is a run, as the planner of one kind sees it.
type run struct {
	source *Source
	at     rest.Site
	// base has what all splits of the kind have in common. A plan adds the rest, and sets Streams
	// if a split reads fewer streams than are selected.
	base part
	// streams are all selected streams, of any kind. every has all splits of earlier runs of the
	// same scope.
	streams []string
	every   []done
	// previous are the splits of earlier runs with the same kind and scope, and with at least the
	// same streams.
	previous []done
	// earlier are all splits of the kind and scope, whatever streams they read.
	earlier []done
	// projects returns the keys of the projects to read. The server is asked once for each run.
	projects func() ([]string, error)
}

// newSplit makes a split. estimate is the approximate number of its records; 0: unknown.
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
	from   []byte // cursor to continue from; nil: from the beginning
	// estimate is the number of records that the plan expected of the split; 0: unknown.
	estimate int
	output
}

// wants reports whether a stream is selected.
func (r *reader) wants(stream string) bool { return slices.Contains(r.part.Streams, stream) }
