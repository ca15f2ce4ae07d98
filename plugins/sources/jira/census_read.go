// Reading a census: walk over the ids, read the issues that came back, decide about the missing
// ones.

package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// censusReader reads one census.
type censusReader struct {
	*reader
	project string
	plan    *censusPart
	known   idSet // what earlier runs delivered
	sure    idSet // those of them that were read completely and that no census has deleted since
	skipped marks // versions that the walk over updates leaves out
	at      censusCursor
	present map[uint64]bool
	saved   int // number of present issues in the last cursor
	refused bool
	walk    *walkReader // delivers the issues that are read in full
}

func readCensus(ctx context.Context, in *reader) error {
	c := &censusReader{reader: in, project: in.part.Projects[0], plan: in.part.Census, present: map[uint64]bool{}}
	if in.from != nil {
		if err := json.Unmarshal(in.from, &c.at); err != nil {
			return sdk.Permanent(fmt.Errorf("cursor: %w", err))
		}
	}
	if c.at.Done {
		return nil
	}
	c.known = union(c.plan.Before.Present.without(c.plan.Before.Open), c.plan.Walked)
	c.sure = c.known.without(c.plan.Before.Gone, c.plan.Unsure)
	c.skipped = setOf(c.plan.Known)
	for _, id := range c.at.Present {
		c.present[id] = true
	}
	c.saved = len(c.present)
	var err error
	if c.walk, err = newWalkReader(ctx, in, c.at.Met); err != nil {
		return err
	}
	c.walk.vanished, c.walk.lacking = c.at.Vanished, c.at.Lacking
	for _, step := range []func(context.Context) error{c.count, c.findBack, c.readBack, c.settle} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// idPass is a walk over ids.
type idPass struct {
	condition string
	field     string // requested in addition to the id
}

// passes returns the walks that together meet all ids, and the time of each issue that was updated
// since the last run. An issue that is edited meanwhile moves from the first to the second, never
// back.
func (c *censusReader) passes() []idPass {
	switch {
	case c.reader.at.Flavour == rest.DataCenter:
		return []idPass{{field: "created,updated"}}
	case c.plan.Since == 0:
		return []idPass{{field: "key"}}
	}
	return []idPass{
		{between("updated", 0, c.plan.Since), "key"},
		{between("updated", c.plan.Since, 0), "created,updated"},
	}
}

// count walks over all ids.
func (c *censusReader) count(ctx context.Context) error {
	if c.at.Walked || c.plan.Status != "" {
		return nil
	}
	for passes := c.passes(); c.at.Pass < len(passes); c.at.Pass++ {
		blank, err := c.meet(ctx, passes[c.at.Pass])
		if unknownProject(err) && c.signedIn(ctx) {
			sdk.Log(ctx).Warn("no census of a project: the server refuses to search it", "project", c.project, "error",
				err)
			sdk.Missing(ctx, "census of project "+c.project, rest.Why(err))
			c.refused = true
			return nil
		}
		if err != nil {
			return err
		}
		if blank && c.at.Pass == 0 { // a later pass reveals a token that expired, by what is missing
			if err := c.source.visible(ctx, c.reader.at, c.part.Projects); err != nil {
				return err
			}
		}
		c.at.Anchor = 0
	}
	c.at.Walked = true
	return c.save()
}

// meet walks over the ids of a pass. blank: its last page was empty.
func (c *censusReader) meet(ctx context.Context, p idPass) (blank bool, err error) {
	inner := *c.reader
	inner.part = part{Projects: c.part.Projects, Floor: math.MaxInt64}
	w := newWalk(&walkReader{reader: &inner, ids: true}, cursor{Anchor: c.at.Anchor})
	w.where, w.fields = and(w.where, p.condition), strings.Split(p.field, ",")
	err = w.run(ctx, func(it *item) error { return c.note(&it.issue) }, c.savePage)
	return w.blank, err
}

// note records an issue as present.
func (c *censusReader) note(i *issue) error {
	id, ok := parseID(i.id)
	if !ok {
		return nil
	}
	if i.updated >= c.plan.Since && i.updated < c.part.Floor && c.plan.Since > 0 &&
		!c.skipped.met(mark{ID: i.id, At: i.updated}) {
		c.at.Edited = append(c.at.Edited, id)
	}
	if c.present[id] {
		return nil
	}
	c.present[id] = true
	if was := c.plan.Before.state(id); was != statePresent {
		return c.report(id, was, statePresent, i)
	}
	return nil
}

// savePage saves a cursor only now and then, because the cursor holds all ids so far.
func (c *censusReader) savePage(page cursor) error {
	back := page.Anchor < c.at.Anchor // what lies between is not verified
	c.at.Anchor = page.Anchor
	if !back && len(c.present) < c.saved+c.saved/8+1 {
		return nil
	}
	return c.save()
}

func (c *censusReader) save() error {
	c.saved = len(c.present)
	c.at.Present = c.set()
	c.at.Edited = idsOf(c.at.Edited)
	c.at.Met, c.at.Vanished, c.at.Lacking = c.walk.sent.sets(), idsOf(c.walk.vanished), c.walk.lacking
	return c.cursor(c.at)
}

func (c *censusReader) set() idSet { return idSet(slices.Sorted(maps.Keys(c.present))) }

// findBack finds the issues that no run has delivered and that are too old for the walk over
// updates.
func (c *censusReader) findBack(ctx context.Context) error {
	if c.at.Back != nil {
		return nil
	}
	back := idSet{}
	c.at.Back = &back
	if c.plan.Since == 0 || c.plan.Baseline || c.plan.Status != "" || c.refused {
		return nil
	}
	for ids := range slices.Chunk(c.set().without(c.sure), bulk) {
		ask := lookup{ids: ids, fields: []string{"updated"}}
		_, err := c.client.byID(ctx, c.reader.at, ask, func(i *issue, _ []byte, _ error) error {
			if id, ok := parseID(i.id); ok && i.updated < c.plan.Since {
				back = append(back, id)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	back = idsOf(back)
	return c.save()
}

// readBack reads them in full.
func (c *censusReader) readBack(ctx context.Context) error {
	for len(*c.at.Back) > 0 {
		ids := (*c.at.Back)[:min(len(*c.at.Back), bulk)]
		if err := c.walk.whole(ctx, ids); err != nil {
			return err
		}
		sdk.Count(ctx, "issues/came back", int64(len(ids)))
		*c.at.Back = (*c.at.Back)[len(ids):]
		if err := c.save(); err != nil {
			return err
		}
	}
	return nil
}

// settle decides about all missing issues, and ends the census.
func (c *censusReader) settle(ctx context.Context) error {
	last := censusCursor{Done: true, Met: c.walk.sent.sets(), Lacking: c.walk.lacking}
	if c.refused {
		last.censusState = c.unfinished()
		return c.end(ctx, last)
	}
	last.Present = c.set()
	read := union(slices.Collect(maps.Values(last.Met))...).without(c.walk.vanished)
	last.Edited = idsOf(c.at.Edited).without(read)
	if c.plan.Baseline {
		last.Open = last.Present.without(last.Present.without(c.plan.Unsure))
	} else {
		last.Open = last.Present.without(read, c.sure)
		last.Gone = last.Open.without(last.Open.without(c.plan.Before.Gone))
	}
	missing := union(c.known, c.plan.Before.Present, c.plan.Before.absent()).without(last.Present)
	found, err := c.search(ctx, missing)
	if err != nil {
		return err
	}
	absent := map[string][]uint64{}
	for _, id := range missing {
		v := found[id]
		was := c.plan.Before.state(id)
		if v.state == "" {
			v.state = was
		}
		if v.state != was {
			if err := c.report(id, was, v.state, v.issue); err != nil {
				return err
			}
		}
		if v.state != stateDeleted {
			absent[v.state] = append(absent[v.state], id)
			continue
		}
		sdk.Count(ctx, "issues/deleted", 1)
		last.Gone = append(last.Gone, id)
		if err := c.delete(id); err != nil {
			return err
		}
	}
	last.Gone = idsOf(last.Gone)
	last.Absent = map[string]idSet{}
	for state, ids := range absent {
		last.Absent[state] = idsOf(ids)
	}
	return c.end(ctx, last)
}

// end saves the last cursor, if everything was read with the credentials.
func (c *censusReader) end(ctx context.Context, last censusCursor) error {
	if err := c.client.Stand(ctx); err != nil {
		return err
	}
	return c.cursor(last)
}

// unfinished returns the state after a census that was refused: the state of the last census, plus
// the issues met before the refusal as present, because their records were emitted.
func (c *censusReader) unfinished() censusState {
	s, met := c.plan.Before, c.set()
	s.Present = union(s.Present, c.plan.Walked, met)
	s.Open = s.Open.without(c.plan.Walked)
	if !c.plan.Baseline {
		s.Open = union(s.Open, met.without(c.sure))
	}
	s.Edited = idsOf(c.at.Edited)
	s.Absent = map[string]idSet{}
	for state, ids := range c.plan.Before.Absent {
		s.Absent[state] = ids.without(met)
	}
	return s
}

// delete deletes an issue, and all its parts, from the streams.
func (c *censusReader) delete(id uint64) error {
	text := strconv.FormatUint(id, 10)
	for _, e := range catalogue() {
		if !c.wants(e.Name) || len(e.PrimaryKey) == 0 {
			continue
		}
		var key map[string]string
		switch {
		case e.Name == issuesStream:
			key = map[string]string{"id": text}
		case e.PrimaryKey[0] == "issue_id":
			key = map[string]string{"issue_id": text}
		default:
			continue
		}
		if err := c.remove(e.Name, key); err != nil {
			return err
		}
	}
	return nil
}

// report emits a change of state. i may be nil: then only the id is known.
func (c *censusReader) report(id uint64, was, state string, i *issue) error {
	if state == stateElsewhere {
		state = statePresent
	}
	if was == stateElsewhere {
		was = statePresent
	}
	if !c.wants(censusStream) {
		return nil
	}
	line := censusRecord{
		ID: strconv.FormatUint(id, 10), Project: c.project, State: state,
		AsOf: time.UnixMilli(c.plan.AsOf).UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if was != "" && was != stateDisputed {
		line.Previous = &was
	}
	if i != nil && i.key != "" {
		line.Key, line.Project = &i.key, i.project()
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return sdk.Permanent(err)
	}
	return c.put(censusStream, raw)
}

// censusRecord is a record of the stream: see schema/census.json.
type censusRecord struct {
	ID       string  `json:"id"`
	Key      *string `json:"key"`
	Project  string  `json:"project"`
	State    string  `json:"state"`
	Previous *string `json:"previous"`
	AsOf     string  `json:"as_of"`
}
