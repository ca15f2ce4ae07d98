// The catalogue: all streams of the source, one row each.

package jira

import (
	"context"
	"embed"
	"slices"
	"sync"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// catalogue returns all streams in display order. Callers share the slice.
var catalogue = sync.OnceValue(func() []entry {
	return slices.Concat(issueStreams(), censusStreams(), listStreams())
})

//go:embed schema/*.json
var schemas embed.FS

// schemaOf returns the schema of a stream's records.
func schemaOf(stream string) []byte {
	raw, err := schemas.ReadFile("schema/" + stream + ".json")
	if err != nil {
		panic(err) // a row has no schema: every test finds that
	}
	return raw
}

func streams() []sdk.Stream {
	var all []sdk.Stream
	for _, e := range catalogue() {
		all = append(all, e.Stream)
	}
	return all
}

// Streams implements [sdk.Source].
func (s *Source) Streams(context.Context) ([]sdk.Stream, error) { return streams(), nil }

// ofKind returns the streams that splits of a kind deliver, and separately those that this Jira
// does not have.
func ofKind(kind string, streams []string, at rest.Site) (has, lacks []string) {
	for _, e := range catalogue() {
		switch {
		case e.kind != kind || !slices.Contains(streams, e.Name):
		case e.in(at.Flavour):
			has = append(has, e.Name)
		default:
			lacks = append(lacks, e.Name)
		}
	}
	return has, lacks
}
