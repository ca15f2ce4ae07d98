// Finish: a run that is complete tells its sinks.

package pipeline

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/sdk"
)

// finish tells the sinks that the run is complete, if it is: after the last commit, and before the
// store is told. Who is killed between the two goes on with a run that has nothing left to read,
// and comes here again.
func (a *attempt) finish(ctx context.Context) error {
	var finishers []*liveSink
	for _, s := range a.sinks {
		if s.can.Finish != nil {
			finishers = append(finishers, s)
		}
	}
	if len(finishers) == 0 || a.progress.broken() > 0 || a.progress.lacks() {
		return nil
	}
	a.progress.phase("finishing")
	a.Step("telling")
	// What a sink does now cannot be taken back: it is not for a holder that another has followed.
	var told error
	if err := a.Store.Hold(ctx, *a.run0, func() {
		g, gctx := errgroup.WithContext(ctx)
		for _, s := range finishers {
			g.Go(func() error {
				return at(s.stage.Name, s.can.Finish(gctx, sdk.End{Run: a.run0.ID, Full: a.run0.Full}))
			})
		}
		told = g.Wait()
	}); err != nil {
		return storeFailure(err)
	}
	a.Step("told")
	return told
}
