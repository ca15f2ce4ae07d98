// Kinds of splits: who plans and who reads them.

package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/scrapekit/scrapekit/sdk"
)

// kind is one way to read a part of a Jira.
type kind struct {
	name string // part.Kind of its splits, and entry.kind of the streams that they read
	// plan makes the splits of a run. It is called only if a stream of the kind is selected that
	// this Jira has; that of the census also if deletions are looked for.
	plan func(ctx context.Context, r *run) ([]sdk.Split, error)
	// read emits the records of one split.
	read func(ctx context.Context, r *reader) error
}

// walkKind is the kind of the walks over issues. It is empty, as in the splits of earlier versions.
const walkKind = ""

// kinds returns all kinds in the order in which their splits are planned.
func kinds() []kind {
	return []kind{
		{walkKind, planWalks, readWalk},
		{censusKind, planCensus, readCensus},
		{leftKind, nil, readLeft}, // planned with the walks
		{userKind, nil, readUser}, // added by the walks
		{feedKind, planFeed, readFeed},
		{listKind, planLists, readList},
	}
}

// planKinds plans the splits of all kinds.
func (s *Source) planKinds(ctx context.Context, found *checked, p sdk.Plan, base part, previous []done) ([]sdk.Split,
	error) {
	at := found.at
	projects := sync.OnceValues(func() ([]string, error) {
		if found.projects != nil {
			return found.projects, nil
		}
		return s.projects(ctx, at)
	})
	var splits []sdk.Split
	var lacking []string
	for _, k := range kinds() {
		streams, lacks := ofKind(k.name, p.Streams, at)
		lacking = append(lacking, lacks...)
		if len(streams) == 0 && (k.name != censusKind || !s.Deletions) {
			continue
		}
		r := &run{source: s, at: at, base: base, projects: projects, streams: p.Streams, every: previous}
		r.base.Kind, r.base.Streams = k.name, slices.Sorted(slices.Values(streams))
		r.previous = sameKind(previous, r.base)
		r.earlier = sameKind(previous, part{Kind: k.name})
		more, err := k.plan(ctx, r)
		if err != nil {
			return nil, err
		}
		splits = append(splits, more...)
	}
	if len(lacking) > 0 {
		sdk.Log(ctx).Warn("this Jira has no such streams: they stay empty", "flavour", at.Flavour, "streams",
			strings.Join(lacking, ", "))
	}
	return splits, nil
}

// Read implements [sdk.Source].
func (s *Source) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	c := s.client(ctx)
	sure := func() (bool, error) { return c.Sure(ctx) }
	r := &reader{
		source: s, client: c, from: split.Cursor, estimate: int(split.Estimate), output: output{out: w, sure: sure},
	}
	if err := json.Unmarshal(split.Data, &r.part); err != nil {
		return sdk.Permanent(fmt.Errorf("%s: %w", split.ID, err))
	}
	n := slices.IndexFunc(kinds(), func(k kind) bool { return k.name == r.part.Kind })
	if n < 0 {
		return sdk.Permanent(fmt.Errorf("%s: splits of kind %q are not known to this version: start over with --full",
			split.ID, r.part.Kind))
	}
	s.vouch.Expect(r.part.Account)
	var err error
	if r.at, err = s.known(ctx); err != nil {
		return err
	}
	if err := kinds()[n].read(ctx, r); err != nil {
		return fmt.Errorf("%s: %w", split.ID, err)
	}
	return nil
}
