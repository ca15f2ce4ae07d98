// Planning censuses: one split for each project, with what is known about it.

package jira

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// censusDone is a census of an earlier run.
type censusDone struct {
	run     int
	state   censusState
	met     map[string]idSet
	lacking lackSet
}

// censuses decodes the censuses of earlier runs, by project.
func censuses(earlier []done) (map[string]censusDone, error) {
	all := map[string]censusDone{}
	for _, d := range earlier {
		if d.Kind != censusKind || len(d.Projects) != 1 {
			continue
		}
		var c censusCursor
		if err := json.Unmarshal(d.cursor, &c); err != nil {
			return nil, sdk.Permanent(fmt.Errorf("split %s of an earlier run: %w; start over with --full", d.id, err))
		}
		if c.Done {
			all[d.Projects[0]] = censusDone{d.Run, c.censusState, c.Met, c.Lacking}
		}
	}
	return all, nil
}

// planCensus plans a census of every project that is read, and of every project that had one in an
// earlier run and is not listed any more.
func planCensus(ctx context.Context, r *run) ([]sdk.Split, error) {
	before, err := censuses(r.every)
	if err != nil {
		return nil, err
	}
	walks, err := r.walks()
	if err != nil {
		return nil, err
	}
	status, err := r.projectStatus(ctx, before)
	if err != nil {
		return nil, err
	}
	var splits []sdk.Split
	for project, status := range status {
		c := &censusPart{AsOf: r.at.Now.UnixMilli(), Status: status, Since: sinceOf(project, walks)}
		last, known := before[project]
		c.Before = last.state.missed(last.run, walks)
		if c.Since > 0 {
			c.Known = updatePart(r.base, []string{project}, walks).Known
		}
		c.Before.Absent = takenOver(project, last.state.Absent, before)
		c.Walked, c.Unsure = walkedSince(project, last.run, known, walks)
		for other, o := range before {
			if other != project && o.run >= last.run {
				c.Before = c.Before.disputed(o.state)
				c.Unsure = union(c.Unsure, o.state.Gone)
			}
		}
		c.Baseline = c.Since > 0 && (!known || last.run < r.base.Run-1)
		if status != "" && c.Before.empty() && len(c.Walked) == 0 {
			continue
		}
		p := r.base
		p.Projects, p.Streams, p.Census = []string{project}, r.streams, c
		splits = append(splits, newSplit(project+"/census", censusStream, p, 0))
	}
	slices.SortFunc(splits, func(a, b sdk.Split) int { return cmp.Compare(a.ID, b.ID) })
	return splits, nil
}

// missed adds to the open issues those that were edited and that no walk has delivered since this
// state's run: they were hidden when the walk passed.
func (s censusState) missed(run int, walks []walkDone) censusState {
	var met []idSet
	for _, w := range walks {
		if w.Run >= run {
			met = append(met, slices.Collect(maps.Values(w.met))...)
		}
	}
	s.Open = union(s.Open, s.Edited.without(met...))
	s.Edited = nil
	return s
}

// walks returns the walks of earlier runs that the walks of this run continue.
func (r *run) walks() ([]walkDone, error) {
	streams, _ := ofKind(walkKind, r.streams, r.at)
	if len(streams) == 0 {
		return nil, nil
	}
	walks, err := walked(sameKind(r.every, part{Kind: walkKind, Streams: streams}))
	if err != nil {
		return nil, err
	}
	return walks, r.distrust(walks)
}

// sinceOf returns the time from which this run's walk over updates delivers a project; 0: it is
// read in full.
func sinceOf(project string, walks []walkDone) int64 {
	if len(gaps(project, walks)) > 0 {
		return 0
	}
	return floorOf(project, walks)
}

// walkedSince returns the issues of a project that walks have delivered since its last census, in
// that run or later, and those of them, in any project, that vanished meanwhile.
func walkedSince(project string, run int, known bool, walks []walkDone) (walked, vanished idSet) {
	for _, w := range walks {
		if !known || w.Run >= run {
			walked, vanished = union(walked, w.met[project]), union(vanished, w.vanished)
		}
	}
	return walked, vanished
}

// takenOver returns the issues that a project's census still has to look for: all but those that
// moved and that another project's census has met since.
func takenOver(project string, absent map[string]idSet, all map[string]censusDone) map[string]idSet {
	if len(absent[stateElsewhere]) == 0 {
		return absent
	}
	left := map[string]idSet{}
	for state, ids := range absent {
		left[state] = ids
	}
	for other, c := range all {
		if other != project {
			left[stateElsewhere] = left[stateElsewhere].without(c.state.Present)
		}
	}
	return left
}

// disputed marks as disputed the issues for which another project's census, of the same run or a
// later one, has another result. If an issue moved, or its project was renamed, one census may have
// met it while it was visible, and the other may have looked for it while it was not. Which result
// reached the sink last is unknown, so the issue is read and reported again.
func (s censusState) disputed(other censusState) censusState {
	absent := []idSet{other.Gone}
	for state, ids := range other.Absent {
		if state != stateElsewhere {
			absent = append(absent, ids)
		}
	}
	agreed := s.Present.without(absent...)
	both := s.Present.without(agreed)
	if len(both) == 0 {
		return s
	}
	own := map[string]idSet{stateDisputed: both}
	for state, ids := range s.Absent {
		own[state] = union(own[state], ids)
	}
	s.Present, s.Absent = agreed, own
	return s
}

// projectStatus returns the projects to look at. If the settings name projects, those are all.
// Otherwise the projects of earlier censuses are looked up among the archived and the trashed
// projects too.
func (r *run) projectStatus(ctx context.Context, before map[string]censusDone) (map[string]string, error) {
	live, err := r.projects()
	if err != nil {
		return nil, err
	}
	status := map[string]string{}
	for _, project := range live {
		status[project] = ""
	}
	missing := r.source.Projects // they may be archived
	for project := range before {
		if _, ok := status[project]; !ok && len(r.source.Projects) == 0 {
			missing = append(missing, project)
		}
	}
	if len(missing) == 0 {
		return status, nil
	}
	roster, err := r.source.inactiveProjects(ctx, r.at)
	if err != nil {
		return nil, fmt.Errorf("projects that are not live: %w", err)
	}
	for _, project := range missing {
		if len(r.source.Projects) == 0 {
			status[project] = stateGone
		}
		if s, ok := roster[project]; ok {
			status[project] = s
		}
	}
	return status, nil
}

// inactiveProjects returns the projects that are not live, with their state.
func (s *Source) inactiveProjects(ctx context.Context, at rest.Site) (map[string]string, error) {
	roster := map[string]string{}
	if at.Flavour == rest.Cloud {
		for status, state := range map[string]string{"archived": stateArchived, "deleted": stateTrashed} {
			keys, err := s.projectPagesOf(ctx, at.API(), url.Values{"status": {status}})
			if err != nil {
				return nil, err
			}
			for _, key := range keys {
				roster[key] = state
			}
		}
		return roster, nil
	}
	var all []struct {
		project
		Archived bool `json:"archived"`
	}
	query := url.Values{"includeArchived": {strconv.FormatBool(true)}}
	if _, err := s.client(ctx).GetJSON(ctx, at.API()+"/project", query, &all); err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Archived {
			roster[p.Key] = stateArchived
		}
	}
	return roster, nil
}
