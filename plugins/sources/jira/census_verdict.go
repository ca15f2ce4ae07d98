// The verdict on issues that a census does not meet.

package jira

import (
	"context"
	"slices"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// mostLooks is the number of issues of a project that one census requests one by one, to tell
// deleted from hidden on Data Center.
const mostLooks = 500

// verdict is the result for a missing issue.
type verdict struct {
	state string // "": unchanged
	issue *issue // as it is now; nil: unknown
}

// search looks for missing issues. Those that it does not look for keep their state.
func (c *censusReader) search(ctx context.Context, missing idSet) (map[uint64]verdict, error) {
	if c.plan.Status == stateArchived || c.plan.Status == stateTrashed {
		return allOf(missing, c.plan.Status), nil
	}
	found := map[uint64]verdict{}
	var doubtful idSet
	for ids := range slices.Chunk(missing, bulk) {
		unsure, err := c.client.byID(ctx, c.reader.at, lookup{ids: ids, fields: []string{"created"}},
			func(i *issue, _ []byte, _ error) error {
				if id, ok := parseID(i.id); ok {
					found[id] = verdict{stateElsewhere, &issue{id: i.id, key: i.key}}
				}
				return nil
			})
		if err != nil {
			return nil, err
		}
		doubtful = union(doubtful, unsure)
	}
	for _, id := range doubtful {
		found[id] = verdict{state: c.keeps(id)}
	}
	gone := slices.DeleteFunc(slices.Clone(missing), func(id uint64) bool { return found[id].state != "" })
	if len(gone) == 0 {
		return found, nil
	}
	return found, c.judge(ctx, gone, found)
}

func allOf(ids idSet, state string) map[uint64]verdict {
	all := map[uint64]verdict{}
	for _, id := range ids {
		all[id] = verdict{state: state}
	}
	return all
}

// keeps returns the state of an issue about which nothing new is known: unobserved if it was not
// missing before.
func (c *censusReader) keeps(id uint64) string {
	if was := c.plan.Before.state(id); was != "" && was != statePresent {
		return was
	}
	return stateUnobserved
}

// judge decides about issues that are not found by id either.
func (c *censusReader) judge(ctx context.Context, gone idSet, found map[uint64]verdict) error {
	if c.tooMany(ctx, gone) {
		for _, id := range gone {
			found[id] = verdict{state: c.keeps(id)}
		}
		return nil
	}
	if c.plan.Status == "" { // an expired token finds nothing either
		if err := c.source.visible(ctx, c.reader.at, c.part.Projects); err != nil {
			return err
		}
	}
	if c.reader.at.Flavour == rest.Cloud { // Cloud does not tell: what is hidden from the account looks deleted
		for _, id := range gone {
			found[id] = verdict{state: stateDeleted}
		}
		return nil
	}
	return c.lookAtEach(ctx, gone, found)
}

// tooMany reports whether so many issues are missing that a lost permission is more likely than
// deletions.
func (c *censusReader) tooMany(ctx context.Context, gone idSet) bool {
	before := c.plan.Before
	there := union(c.known, before.Present, before.Absent[stateUnobserved])
	lost := there.without(there.without(gone))
	limit := c.source.MassDeletion
	if limit == 0 || len(lost) == 0 || len(lost)*100 < limit*len(there) {
		return false
	}
	sdk.Count(ctx, "issues/unobserved", int64(len(lost)))
	sdk.Log(ctx).Warn("so many issues of a project are missing that a lost permission is more likely than "+
		"deletions: nothing is deleted; "+
		"if they are really gone, set mass_deletion to 0 for one run", "project", c.project, "missing", len(lost), "of",
		len(there), "mass_deletion", limit)
	return true
}

// lookAtEach asks for the issues one by one, first for those that were present before.
func (c *censusReader) lookAtEach(ctx context.Context, gone idSet, found map[uint64]verdict) error {
	lost := c.plan.Before.Absent[stateAccessLost]
	order := slices.Concat(gone.without(lost), gone.without(gone.without(lost)))
	looked := order[:min(len(order), mostLooks)]
	for _, id := range looked {
		state, err := c.client.state(ctx, c.reader.at, id)
		if err != nil {
			return err
		}
		found[id] = verdict{state: state}
	}
	for _, id := range order[len(looked):] {
		found[id] = verdict{state: c.keeps(id)}
	}
	if left := len(order) - len(looked); left > 0 {
		sdk.Log(ctx).Warn("more issues are missing than one census looks for: the next run goes on", "project",
			c.project, "left", left)
	}
	return nil
}
