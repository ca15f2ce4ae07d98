// Plans: what a source plans from, and what it plans, in pages.

package pipeline

import (
	"context"
	"errors"
	"iter"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// PagePlanner is a source that is planned in pages, as one in a process of its own is: the host never holds all that it
// plans from, or all that it plans.
type PagePlanner interface {
	// PlanPages takes all pages of previous and then hands over the plan, page by page, until page returns an error, which it
	// returns then.
	PlanPages(ctx context.Context, streams []string, previous iter.Seq2[[]sdk.Split, error], page func([]sdk.Split) error) error
}

// errRefused is what a page comes back with that nobody wants.
var errRefused = errors.New("the plan was cancelled")

// PlanPages plans in pages whatever source there is.
func PlanPages(ctx context.Context, source sdk.Source, streams []string, previous iter.Seq2[[]sdk.Split, error], page func([]sdk.Split) error) error {
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
