// State: shows and resets what is kept between runs.

package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
)

// State is what a pipeline keeps between runs.
type State struct {
	Pipeline string      `json:"pipeline"`
	Dir      string      `json:"dir"`
	Runs     []RunInfo   `json:"runs"`                // newest first
	MoreRuns bool        `json:"more_runs,omitempty"` // older runs exist
	Open     []SplitInfo `json:"open,omitempty"`      // splits of the unfinished run, broken and open
	MoreOpen int         `json:"more_open,omitempty"` // number of further ones
	Finished []string    `json:"finished"`            // ids of finished splits that the next plan continues
	// MoreFinished is the number of further ones.
	MoreFinished int               `json:"more_finished,omitempty"`
	Tokens       map[string]string `json:"tokens,omitempty"` // by stage, for people
}

// RunInfo is an earlier run.
type RunInfo struct {
	ID      string              `json:"id"`
	Started time.Time           `json:"started"`
	Ended   time.Time           `json:"ended,omitzero"` // zero while the run is under way, or after a kill
	Outcome Outcome             `json:"outcome"`
	Full    bool                `json:"full,omitempty"`
	Starts  int                 `json:"starts"` // how often the run was started
	Splits  map[SplitStatus]int `json:"splits"`
}

// StateOptions bound how much of the state is shown; a negative number: all.
type StateOptions struct {
	Runs   int
	Splits int // bounds open and finished splits each
}

// State returns what the pipeline keeps. It has no runs if there was none.
func (p *Pipeline) State(ctx context.Context, o StateOptions) (state *State, err error) {
	state = &State{Pipeline: p.config.Name, Dir: p.config.StateDir}
	store, err := p.openState(ctx)
	if store == nil || err != nil {
		return state, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	view := store.View()
	if err := p.runs(ctx, view, state, o.Runs); err != nil {
		return nil, err
	}
	if run, ok, err := unfinished(ctx, view); err != nil {
		return nil, err
	} else if ok {
		if state.Open, err = p.left(ctx, view, run.ID, o.Splits); err != nil {
			return nil, err
		}
		state.MoreOpen = run.Splits[checkpoint.Open] + run.Splits[checkpoint.Broken] - len(state.Open)
	}
	if err := p.finished(ctx, view, state, o.Splits); err != nil {
		return nil, err
	}
	return state, state.tokens(ctx, view)
}

// runs lists the newest n runs; a negative n: all. A run that is marked as running while no process
// holds the lock was killed.
func (p *Pipeline) runs(ctx context.Context, store checkpoint.View, state *State, n int) error {
	ask := n + 1
	if n < 0 {
		ask = math.MaxInt
	}
	all, err := store.Runs(ctx, ask)
	if err != nil {
		return err
	}
	if n >= 0 && len(all) > n {
		all, state.MoreRuns = all[:n], true
	}
	for i, r := range all {
		if i == 0 && r.Outcome == checkpoint.Running && !isHeld(p.home()) {
			r.Outcome = p.lastWord(r.ID)
		}
		state.Runs = append(state.Runs, RunInfo{ID: r.ID, Started: r.Started, Ended: r.Ended, Outcome: outcomeOf(r),
			Full: r.Full, Starts: r.Starts, Splits: r.Splits})
	}
	return nil
}

// lastWord returns the outcome of a run whose end is not in the state: the one in the report of its
// last start, or Killed if there is none.
func (p *Pipeline) lastWord(run string) Outcome {
	raw, err := os.ReadFile(filepath.Join(p.home().Run(run), ReportFile))
	var r Report
	if err != nil || json.Unmarshal(raw, &r) != nil || r.ThisStart.Before(holderOf(p.home()).Started) {
		return Killed
	}
	return r.Outcome
}

// finished lists the first n finished splits that the next plan continues; a negative n: all.
func (p *Pipeline) finished(ctx context.Context, store checkpoint.View, state *State, n int) error {
	all, err := store.CountPrevious(ctx)
	if err != nil {
		return err
	}
	if n < 0 {
		n = all
	}
	for page, err := range checkpoint.EachPrevious(ctx, store) {
		if err != nil {
			return err
		}
		for _, s := range page[:min(len(page), n-len(state.Finished))] {
			state.Finished = append(state.Finished, p.Hide(s.ID))
		}
		if len(state.Finished) >= n {
			break
		}
	}
	state.MoreFinished = all - len(state.Finished)
	return nil
}

func (s *State) tokens(ctx context.Context, store checkpoint.View) error {
	seats, err := store.Seats(ctx)
	s.Tokens = map[string]string{}
	for _, seat := range seats {
		for stage, t := range seat.Tokens {
			if seat.N > 0 {
				stage = fmt.Sprintf("%s (seat %d)", stage, seat.N)
			}
			s.Tokens[stage] = string(t.Token)
		}
	}
	return err
}

// Reset removes everything that the pipeline keeps: runs with their reports and dead letters,
// learned limits of hosts, private folders of stages. The next run is the first. Delivered records,
// cached replies and the owner of the folder stay.
func (p *Pipeline) Reset(ctx context.Context) error {
	return p.change(ctx, func(s checkpoint.Store) error {
		if err := os.Remove(p.home().Limits()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := s.Admin().Reset(ctx); err != nil {
			return err
		}
		// Folders go after the tokens: a crash in between leaves no token, and no run, whose folder
		// is missing.
		return errors.Join(os.RemoveAll(p.home().Stages()), os.RemoveAll(p.home().Runs()), s.Admin().Compact(ctx))
	})
}

// Forget removes what is known of a split, so that the next run reads all of it.
func (p *Pipeline) Forget(ctx context.Context, split string) error {
	return p.change(ctx, func(s checkpoint.Store) error {
		found, err := s.Admin().Forget(ctx, split)
		if err == nil && !found {
			err = fmt.Errorf("no split %q is kept; `scrapekit state show` lists them", split)
		}
		return err
	})
}

// GiveUp ends a split of the unfinished run: delivered records stay, and the rest is not read.
func (p *Pipeline) GiveUp(ctx context.Context, split string) error {
	return p.change(ctx, func(s checkpoint.Store) error {
		found, err := s.Admin().GiveUp(ctx, split)
		if err == nil && !found {
			err = fmt.Errorf("no open split %q in an unfinished run; `scrapekit state show` lists them", split)
		}
		return err
	})
}

// change calls f with the state, under the pipeline's lock.
func (p *Pipeline) change(ctx context.Context, f func(checkpoint.Store) error) (err error) {
	unlock, err := lockState(p.config.Name, p.home())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	store, err := p.openState(ctx)
	if store == nil || err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return f(store)
}

// outcomeOf returns the outcome to show. If the source left parts out, the state says complete,
// because the next run plans anew, but the user sees incomplete.
func outcomeOf(r checkpoint.RunInfo) Outcome {
	if r.Outcome == Complete && r.Gaps {
		return Incomplete
	}
	return r.Outcome
}

// unfinished returns the newest run if the next start would resume it.
func unfinished(ctx context.Context, store checkpoint.View) (checkpoint.RunInfo, bool, error) {
	runs, err := store.Runs(ctx, 1)
	if err != nil || len(runs) == 0 {
		return checkpoint.RunInfo{}, false, err
	}
	o := runs[0].Outcome
	return runs[0], o != checkpoint.Complete && o != checkpoint.Abandoned, nil
}

// SplitInfo is a split for display.
type SplitInfo struct {
	ID       string      `json:"id"`
	Stream   string      `json:"stream"`
	Status   SplitStatus `json:"status"`
	Estimate int64       `json:"estimate,omitempty"` // records expected; 0: unknown
	Records  int64       `json:"records"`            // delivered
	Problem  string      `json:"problem,omitempty"`
}
