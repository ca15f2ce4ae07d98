// The rules that every store keeps, in the same words.

package checkpoint

import (
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
)

func runFenced(run string) error { return fmt.Errorf("run %s: %w", run, ErrFenced) }

func splitFenced(id string) error { return fmt.Errorf("split %s: %w", id, ErrFenced) }

func usedID(run string) error { return fmt.Errorf("run %s: there was a run of this id already", run) }

func plannedTwice(run string) error { return fmt.Errorf("run %s: it is planned already", run) }

func unknownSplit(run, id string) error { return fmt.Errorf("run %s: no split %q", run, id) }

// planable checks the splits of a plan.
func planable(splits []sdk.Split) error {
	if err := named(splits); err != nil {
		return err
	}
	seen := make(map[string]bool, len(splits))
	for _, s := range splits {
		if seen[s.ID] {
			return sdk.Permanent(fmt.Errorf("split %q is planned twice: the ids of splits must differ", s.ID))
		}
		seen[s.ID] = true
	}
	return nil
}

// named checks that each split can be found again.
func named(splits []sdk.Split) error {
	for i, s := range splits {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("split %d of %d: %w", i+1, len(splits), err)
		}
	}
	return nil
}

// mayFinish refuses an end that would lose splits or leave the run without one.
func mayFinish(run string, o Outcome, planned bool, splits map[Status]int) error {
	switch o {
	case Incomplete, Interrupted, Failed:
		return nil
	case Complete:
		if open := splits[Open] + splits[Broken]; !planned || open > 0 {
			return fmt.Errorf("run %s: it is not complete: %d splits are not done", run, open)
		}
		return nil
	}
	return fmt.Errorf("run %s: %q is no end of a run", run, o)
}
