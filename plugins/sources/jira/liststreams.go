// The streams of the site: lists that a Jira has beside its issues. The package lists implements
// them; this file puts them into the catalogue.

package jira

import (
	"context"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/lists"
	"github.com/scrapekit/scrapekit/sdk"
)

// listKind is the kind of the splits that read one list each.
const listKind = "list"

func listStreams() []entry {
	var all []entry
	for _, s := range lists.Streams() {
		all = append(all, entry{Stream: s.Stream, kind: listKind, flavour: s.Flavour, from: s.From, cost: s.Cost})
	}
	return all
}

// planLists makes one split for each list, with the snapshot that the last run left of it.
func planLists(_ context.Context, r *run) ([]sdk.Split, error) {
	site := lists.Site{Site: r.at, Projects: r.source.Projects, Overlap: time.Duration(r.source.Overlap)}
	var splits []sdk.Split
	for _, stream := range r.base.Streams {
		p := r.base
		p.Streams = []string{stream}
		id := "list/" + stream
		var before *lists.Previous
		if n := slices.IndexFunc(r.earlier, func(d done) bool { return d.id == id && d.List != nil }); n >= 0 {
			before = &lists.Previous{Part: *r.earlier[n].List, Cursor: r.earlier[n].cursor}
		}
		list, err := site.Plan(stream, before)
		if err != nil {
			return nil, err
		}
		list.Every = r.base.Every
		p.List = &list
		splits = append(splits, newSplit(id, stream, p, 0))
	}
	return splits, nil
}

func readList(ctx context.Context, r *reader) error {
	site := lists.Site{
		Site: r.at, Client: r.client.Client, Projects: r.source.Projects, Overlap: time.Duration(r.source.Overlap),
		Patience: &r.source.patience,
	}
	return lists.Read(ctx, site, *r.part.List, r.from, r.out)
}
