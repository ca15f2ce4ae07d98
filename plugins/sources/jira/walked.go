// What earlier walks left, and what it means for the next ones.

package jira

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

const (
	// planners is the number of projects that are surveyed in parallel.
	planners = 16
	// updateSplits is the largest number of splits for the updates of many projects.
	updateSplits = 8
)

// walkDone is a walk of an earlier run, with its last cursor.
type walkDone struct {
	done
	recent   []mark
	met      map[string]idSet
	vanished idSet
	lacking  lackSet
	left     []string
}

// covers reports whether the walk read a project to its end.
func (d walkDone) covers(project string) bool {
	return d.part.covers(project) && !slices.Contains(d.left, project)
}

// walked decodes the cursors of earlier walks.
func walked(previous []done) ([]walkDone, error) {
	var all []walkDone
	for _, d := range previous {
		c, err := decodeCursor(d.cursor)
		if err != nil {
			return nil, sdk.Permanent(fmt.Errorf("split %s of an earlier run: %w; start over with --full", d.id, err))
		}
		if c.Done {
			all = append(all, walkDone{d, c.Recent, c.Met, c.Vanished, c.Lacking, c.Left})
		}
	}
	return all, nil
}

// unknownProject reports whether err may mean that a search does not know a project.
func unknownProject(err error) bool {
	status := rest.Status(err)
	return status == http.StatusBadRequest || status == http.StatusNotFound
}

// gaps returns the ranges of created that no earlier split of the project has read.
func gaps(project string, previous []walkDone) []window {
	var read []window
	for _, d := range previous {
		if !d.updates() && d.covers(project) {
			read = append(read, window{from: d.From, to: d.To})
		}
	}
	slices.SortFunc(read, func(a, b window) int { return cmp.Compare(a.from, b.from) })
	var open []window
	next := int64(0) // everything before it was read
	for _, w := range read {
		if w.from > next {
			open = append(open, window{from: next, to: w.from})
		}
		if w.to == 0 {
			return open
		}
		next = max(next, w.to)
	}
	return append(open, window{from: next})
}

// updateSplitsOf makes the splits that read changes: one for each project, or a fixed number of
// groups if there are many. So a run without changes costs a handful of requests, whatever the
// number of projects.
func updateSplitsOf(base part, projects []string, previous []walkDone) []sdk.Split {
	groups := map[string][]string{}
	for _, p := range projects {
		name := p
		if len(projects) > updateSplits {
			h := fnv.New32a()
			h.Write([]byte(p))
			name = "*" + strconv.Itoa(int(h.Sum32()%updateSplits))
		}
		groups[name] = append(groups[name], p)
	}
	var splits []sdk.Split
	for name, members := range groups {
		splits = append(splits, newSplit(name+"/updates", issuesStream, updatePart(base, members, previous), 0))
	}
	slices.SortFunc(splits, func(a, b sdk.Split) int { return cmp.Compare(a.ID, b.ID) })
	return splits
}

// updatePart returns where the projects continue, and what is known there already.
func updatePart(base part, projects []string, previous []walkDone) part {
	base.Projects = projects
	byFloor := map[int64][]string{}
	for _, p := range projects {
		floor := floorOf(p, previous)
		byFloor[floor] = append(byFloor[floor], p)
	}
	for floor, members := range byFloor {
		base.Since = append(base.Since, since{Projects: members, Floor: floor})
	}
	slices.SortFunc(base.Since, func(a, b since) int { return cmp.Compare(a.Floor, b.Floor) })
	known := marks{}
	for _, d := range previous {
		if slices.ContainsFunc(projects, d.covers) {
			known.join(d.recent)
		}
	}
	base.Known = known.since(base.Since[0].Floor)
	return base
}

// floorOf returns where a project's updates continue: where its last update split began, or else
// its oldest full split.
func floorOf(project string, previous []walkDone) int64 {
	var full, update int64
	for _, d := range previous {
		switch {
		case !d.covers(project):
		case d.updates():
			update = max(update, d.Floor)
		case full == 0 || d.Floor < full:
			full = d.Floor
		}
	}
	return cmp.Or(update, full)
}
