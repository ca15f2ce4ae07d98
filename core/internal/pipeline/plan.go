// Plans: the input and output of a source's Plan, in pages.

package pipeline

import (
	"context"
	"errors"
	"iter"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// PagePlanner is a source that plans in pages, such as one in its own process. The host never holds
// all of the input or the plan.
type PagePlanner interface {
	// PlanPages reads all pages of previous, then calls page with each page of the plan. If page
	// returns an error, PlanPages returns it.
	PlanPages(
		ctx context.Context, streams []string, previous iter.Seq2[[]sdk.Split, error], page func([]sdk.Split) error,
	) error
}

// errRefused is the error of a page after the reader has stopped.
var errRefused = errors.New("the plan was cancelled")

// PlanPages plans in pages with any source.
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

// plan asks the source of a seat for the splits of the run, and stores them through the
// coordinator. It returns their number.
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

// planOnce has the source plan and the store keep the plan. Errors other than those of the store
// are the source's.
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

// planned yields the pages of the source's plan until yield returns false.
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
		return nil // the caller has the store's error
	case err != nil:
		return err
	}
	s.Step("planned")
	return nil
}
