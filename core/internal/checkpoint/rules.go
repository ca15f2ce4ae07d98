// Rules and messages that all stores share.

package checkpoint

import (
	"fmt"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

func runFenced(run string) error { return fmt.Errorf("run %s: %w", run, ErrFenced) }

func seatFenced(run string, seat int) error {
	return fmt.Errorf("run %s: seat %d: %w", run, seat, ErrFenced)
}

func splitFenced(id string) error { return fmt.Errorf("split %s: %w", id, ErrFenced) }

func usedID(run string) error { return fmt.Errorf("run %s: there was a run of this id already", run) }

func plannedTwice(run string) error { return fmt.Errorf("run %s: it is planned already", run) }

func unknownSplit(run, id string) error { return fmt.Errorf("run %s: no split %q", run, id) }

func splitTwice(id string) error {
	return sdk.Permanent(fmt.Errorf("split %q is planned twice: the ids of splits must differ", id))
}

// named checks that each split has an id. before is the number of splits before them, for the
// message.
func named(splits []sdk.Split, before int) error {
	for i, s := range splits {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("split %d: %w", before+i+1, err)
		}
	}
	return nil
}

// notBefore returns the later of the end and the start, because the clock may have been set back.
func notBefore(ended, started time.Time) time.Time {
	if ended.Before(started) {
		ended = started
	}
	return ended.UTC().Round(0)
}

// ended reports whether a split is done or skipped, so that nobody holds it.
func ended(s Status) bool { return s == Done || s == Skipped }

// mayFinish returns an error if the end would lose splits, leave the run without a plan, or leave
// uncommitted records in a sink.
func mayFinish(run string, o Outcome, planned bool, splits map[Status]int, seats []SeatInfo) error {
	switch o {
	case Incomplete, Interrupted, Failed:
		return nil
	case Complete:
		if open := splits[Open] + splits[Broken]; !planned || open > 0 {
			return fmt.Errorf("run %s: it is not complete: %d splits are not done", run, open)
		}
		for _, s := range seats {
			if !s.Settled {
				return fmt.Errorf("run %s: it is not complete: seat %d: %w", run, s.N, ErrUnsettled)
			}
		}
		return nil
	}
	return fmt.Errorf("run %s: %q is no end of a run", run, o)
}

// anySeat resolves [AnySeat] among these seats.
func anySeat(seats []SeatInfo) int {
	free := len(seats) // used if the numbers have no gap
	for i, s := range slices.Backward(seats) {
		if s.Free {
			free = s.N
		}
		if s.N != i {
			free = i
		}
	}
	for _, s := range seats {
		if s.Free && !s.Settled {
			return s.N
		}
	}
	return free
}
