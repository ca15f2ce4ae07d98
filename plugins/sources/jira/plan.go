// Planning: full splits for what was never read of a project. The rest continues by "updated".

package jira

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// Plan implements [sdk.Source].
func (s *Source) Plan(ctx context.Context, p sdk.Plan) ([]sdk.Split, error) {
	if s.KeepFiles && !slices.Contains(p.Streams, attachmentsStream) {
		return nil, sdk.Permanent(fmt.Errorf("keep_files: the files belong to records of the stream %q: select it too",
			attachmentsStream))
	}
	found, err := s.lately(ctx)
	if err != nil {
		return nil, err
	}
	if found == nil {
		found = &checked{}
		if found.at, err = s.detect(ctx); err != nil {
			return nil, err
		}
		if found.who, err = s.myself(ctx, found.at.API()); err != nil {
			return nil, err
		}
	}
	at := found.at
	if at.Now.IsZero() {
		return nil, sdk.Permanent(errors.New(
			"the server does not say what time it has, neither in serverInfo nor by a Date header"))
	}
	previous, err := s.earlier(p)
	if err != nil {
		return nil, err
	}
	if err := sameAccount(found.who, previous); err != nil {
		return nil, err
	}
	s.vouch.Expect(found.who != "")
	base := part{
		Scope:   s.scope(),
		Run:     nextRun(previous),
		Floor:   floorMinute(at.Now.Add(-time.Duration(s.Overlap)).UnixMilli()),
		Account: found.who != "",
		Every: !slices.ContainsFunc(streams(),
			func(s sdk.Stream) bool { return !slices.Contains(p.Streams, s.Name) }),
	}
	// The reads will need the names of fields. They are requested while the plan is made.
	aside, cancel := context.WithCancel(ctx)
	defer cancel()
	var names sync.WaitGroup
	if slices.Contains(p.Streams, issuesStream) && s.Content != "raw" {
		// if this fails, a read requests them again and reports the error
		names.Go(func() { _, _ = s.fieldsOf(aside, at) })
	}
	splits, err := s.planKinds(ctx, found, p, base, previous)
	if err != nil {
		cancel()
	}
	names.Wait()
	if err == nil {
		err = s.client(ctx).StandAll(ctx)
	}
	return splits, err
}

// sameAccount stops a run without a login if earlier runs had one. Otherwise the issues that it
// cannot see would seem unchanged.
func sameAccount(who string, previous []done) error {
	if who == "" && slices.ContainsFunc(previous, func(d done) bool { return d.Account }) {
		return sdk.Permanent(errors.New(
			"earlier runs were logged in and this one is not: the token in http.auth has expired or is missing; to " +
				"go on as anonymous, start over with --full"))
	}
	return nil
}

// planWalks plans the walks over issues.
func planWalks(ctx context.Context, r *run) ([]sdk.Split, error) {
	s, at, base := r.source, r.at, r.base
	projects, err := r.projects()
	if err != nil {
		return nil, err
	}
	previous, err := walked(r.previous)
	if err != nil {
		return nil, err
	}
	if err := r.distrust(previous); err != nil {
		return nil, err
	}
	all, err := s.surveys(ctx, at, projects, previous)
	if err != nil {
		return nil, err
	}
	var splits []sdk.Split
	var read, going []string // projects that are read, and those of them that continue from earlier runs
	var left []error
	var found int64
	for n, project := range projects {
		if err := all[n].refused; err != nil {
			left = append(left, fmt.Errorf("%s: %w", project, err))
			splits = append(splits, leftOut(base, project, err))
			continue
		}
		read = append(read, project)
		if slices.ContainsFunc(previous, func(d walkDone) bool { return d.covers(project) }) {
			going = append(going, project)
		}
		for _, w := range all[n].windows {
			found += w.count
			base.Again = r.knows(project, projects)
			splits = append(splits, w.split(base, project))
		}
	}
	if len(read) == 0 && !s.allKnown(ctx, at, projects) {
		return nil, left[0] // then the filter is refused, or all names are wrong
	}
	for _, err := range left {
		sdk.Log(ctx).Warn("a project is left out of this run", "error", err)
	}
	if len(read) > 0 && len(going) == 0 && found == 0 {
		if err := s.visible(ctx, at, read); err != nil {
			return nil, err
		}
	}
	base.Again = false
	counted, err := censuses(r.every)
	if err != nil {
		return nil, err
	}
	splits = append(splits, againSplits(base, previous, counted)...)
	return append(splits, updateSplitsOf(base, going, previous)...), nil
}

// knows reports whether earlier runs may have delivered issues of a project, either under its key
// or under the key of a project that is not listed any more and may have been renamed.
func (r *run) knows(project string, listed []string) bool {
	return slices.ContainsFunc(r.earlier, func(d done) bool {
		return slices.ContainsFunc(d.Projects,
			func(p string) bool { return p == project || !slices.Contains(listed, p) })
	})
}

// surveyed is the part of one project that is to be read in full.
type surveyed struct {
	windows []window
	refused error // no search knows the project, or every search of it fails
}

// surveys looks at all projects. A project that a search refuses is left out: it was archived or
// deleted, or is hidden from this account, or its name is wrong. So is a project whose search fails
// while the server answers others. Neither must stop the others.
func (s *Source) surveys(ctx context.Context, at rest.Site, projects []string, previous []walkDone) ([]surveyed,
	error) {
	all := make([]surveyed, len(projects))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(planners)
	for n, project := range projects {
		group.Go(func() error {
			for _, gap := range gaps(project, previous) {
				windows, err := s.survey(gctx, at, project, gap)
				if unknownProject(err) || s.client(gctx).Alone(gctx, err) {
					all[n].refused = err
					return nil
				}
				if err != nil {
					return fmt.Errorf("%s: %w", project, err)
				}
				all[n].windows = append(all[n].windows, windows...)
			}
			return nil
		})
	}
	return all, group.Wait()
}

// allKnown reports whether the settings name the projects, and the server has each of them,
// although no search finds them.
func (s *Source) allKnown(ctx context.Context, at rest.Site, projects []string) bool {
	roster, err := s.inactiveProjects(ctx, at)
	unknown := func(project string) bool { return roster[project] == "" }
	return err == nil && len(s.Projects) > 0 && !slices.ContainsFunc(projects, unknown)
}

// leftKind is the kind of the splits of projects that are left out. They have no records, and the
// report names them.
const leftKind = "left"

func leftOut(base part, project string, why error) sdk.Split {
	base.Kind, base.Projects = leftKind, []string{project}
	base.Why = rest.Why(why).Error() + ": it is archived or deleted, this account may not browse it, or its key " +
		"is wrong"
	if !unknownProject(why) {
		base.Why = rest.Why(why).Error()
	}
	return newSplit(project+"/left out", issuesStream, base, 0)
}

func readLeft(ctx context.Context, r *reader) error {
	sdk.Missing(ctx, "project "+r.part.Projects[0], errors.New(r.part.Why))
	return nil
}

// split makes the split that reads a window in full.
func (w window) split(base part, project string) sdk.Split {
	base.Projects, base.From, base.To = []string{project}, w.from, w.to
	begin := "start"
	if w.from > 0 {
		begin = time.UnixMilli(w.from).UTC().Format("2006-01-02T15:04Z")
	}
	return newSplit(project+"/full/"+begin, issuesStream, base, w.count)
}
