// Plans: what a source plans from, and what it plans, in pages.

package pipeline

import (
	"context"
	"errors"
	"iter"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// PagePlanner is a source that is planned in pages, as one in a process of its own is: the host
// never holds all that it plans from, or all that it plans.
type PagePlanner interface {
	// PlanPages takes all pages of previous and then hands over the plan, page by page, until page
	// returns an error, which it returns then.
	PlanPages(
		ctx context.Context, streams []string, previous iter.Seq2[[]sdk.Split, error], page func([]sdk.Split) error,
	) error
}

// errRefused is what a page comes back with that nobody wants.
var errRefused = errors.New("the plan was cancelled")

// PlanPages plans in pages whatever source there is.
func PlanPages(
	ctx context.Context, source sdk.Source, streams []string,
	previous iter.Seq2[[]sdk.Split, error], page func([]sdk.Split) error,
) error {
	if p, ok := source.(PagePlanner); ok {
		return p.PlanPages(ctx, streams, previous, page)
	}
	before, err := checkpoint.All(previous)
	if err != nil {
		return err
	}
	splits, err := source.Plan(ctx, sdk.Plan{Streams: streams, Previous: before})
	if err != nil {
		return err
	}
	return page(splits)
}

// plan asks the source of a seat for the splits of the run, and has the coordinator keep them. It
// returns how many there are.
func (s *seat) plan(ctx context.Context, run checkpoint.Coordinator) (n int, err error) {
	err = s.ask(ctx, func() error {
		if check := s.source.instance.Check; check != nil {
			if err := check(ctx); err != nil {
				return err
			}
		}
		n, err = s.planOnce(ctx, run)
		return err
	})
	return n, err
}

// planOnce has the source plan and the store keep the plan. An error that is not the store's is the
// source's.
func (s *seat) planOnce(ctx context.Context, run checkpoint.Coordinator) (n int, err error) {
	var planErr error
	err = run.Plan(ctx, func(yield func([]sdk.Split, error) bool) {
		if planErr = s.planned(ctx, func(page []sdk.Split) bool {
			n += len(page)
			return yield(page,
				nil)
		}); planErr != nil {
			yield(nil, planErr)
		}
	})
	if planErr != nil {
		return n, planErr
	}
	return n, storeFailure(err)
}

// planned hands over the pages of the source's plan, until one is refused.
func (s *seat) planned(ctx context.Context, yield func([]sdk.Split) bool) error {
	var storeErr error
	previous := func(yield func([]sdk.Split, error) bool) {
		if s.info.Run.Full {
			return
		}
		for page, err := range checkpoint.EachPrevious(ctx, s.Store.View()) {
			if err != nil {
				storeErr = &storeError{err}
			}
			if !yield(page, err) {
				return
			}
		}
	}
	var streams []string
	for _, st := range s.streams {
		streams = append(streams, st.Name)
	}
	err := PlanPages(ctx, s.source.instance.Plugin, streams, previous, func(page []sdk.Split) error {
		for _, split := range page {
			if err := s.names(split.Stream); err != nil {
				return at(s.Source.Name, err)
			}
		}
		if !yield(page) {
			return errRefused
		}
		return nil
	})
	switch {
	case storeErr != nil:
		return storeErr
	case errors.Is(err, errRefused):
		return nil // the store says why
	case err != nil:
		return err
	}
	s.Step("planned")
	return nil
}
