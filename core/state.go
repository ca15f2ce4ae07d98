// State: what is kept between runs, to be looked at and to be forgotten.

package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

// State is what a pipeline keeps between runs.
type State struct {
	Pipeline string            `json:"pipeline"`
	Dir      string            `json:"dir"`
	Runs     []RunInfo         `json:"runs"`             // newest first
	Open     []SplitInfo       `json:"open,omitempty"`   // of the unfinished run: open and broken
	Finished []string          `json:"finished"`         // ids of the splits that the next plan goes on from
	Tokens   map[string]string `json:"tokens,omitempty"` // by stage, for people
}

// RunInfo is an earlier run.
type RunInfo struct {
	ID      string              `json:"id"`
	Started time.Time           `json:"started"`
	Ended   time.Time           `json:"ended,omitzero"` // not there while it runs or after a kill
	Outcome Outcome             `json:"outcome"`
	Full    bool                `json:"full,omitempty"`
	Starts  int                 `json:"starts"` // how often it was started
	Splits  map[SplitStatus]int `json:"splits"`
}

// shownRuns is how many earlier runs a state shows.
const shownRuns = 10

// State returns what the pipeline keeps; it has no runs if there never was one.
func (p *Pipeline) State(ctx context.Context) (state *State, err error) {
	state = &State{Pipeline: p.config.Name, Dir: p.config.StateDir}
	store, err := p.openState(ctx)
	if store == nil || err != nil {
		return state, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	runs, err := store.Runs(ctx, shownRuns)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		state.Runs = append(state.Runs, RunInfo{ID: r.ID, Started: r.Started, Ended: r.Ended, Outcome: outcomeOf(r), Full: r.Full, Starts: r.Starts, Splits: r.Splits})
	}
	if run, ok, err := unfinished(ctx, store); err != nil {
		return nil, err
	} else if ok {
		all, err := store.Splits(ctx, checkpoint.Run{ID: run.ID})
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			if s.Status == checkpoint.Open || s.Status == checkpoint.Broken {
				state.Open = append(state.Open, p.splitInfo(s))
			}
		}
	}
	previous, err := store.Previous(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range previous {
		state.Finished = append(state.Finished, p.Hide(s.ID))
	}
	return state, state.tokens(ctx, store)
}

func (s *State) tokens(ctx context.Context, store checkpoint.Store) error {
	tokens, err := store.Tokens(ctx)
	s.Tokens = map[string]string{}
	for stage, t := range tokens {
		s.Tokens[stage] = string(t.Token)
	}
	return err
}

// Reset forgets everything that the pipeline keeps, what was learned of the limits of hosts and the private folders of stages
// too: the next run is the first. What sinks hold stays, and the pipeline stays who it is.
func (p *Pipeline) Reset(ctx context.Context) error {
	return p.change(ctx, func(s checkpoint.Store) error {
		if err := os.Remove(p.learnedFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := s.Reset(ctx); err != nil {
			return err
		}
		return os.RemoveAll(p.stageDirs()) // last: without its token a stage does not miss what was in its folder
	})
}

// learnedFile is where the limits are kept that hosts have shown.
func (p *Pipeline) learnedFile() string { return filepath.Join(p.config.StateDir, "limits.json") }

// Forget makes one split be read anew.
func (p *Pipeline) Forget(ctx context.Context, split string) error {
	return p.change(ctx, func(s checkpoint.Store) error {
		found, err := s.Forget(ctx, split)
		if err == nil && !found {
			err = fmt.Errorf("no split %q is kept; `scrapekit state show` lists them", split)
		}
		return err
	})
}

// GiveUp ends one split of the unfinished run as it is: what was delivered of it stays, the rest is not read.
func (p *Pipeline) GiveUp(ctx context.Context, split string) error {
	return p.change(ctx, func(s checkpoint.Store) error {
		found, err := s.GiveUp(ctx, split)
		if err == nil && !found {
			err = fmt.Errorf("no open split %q in an unfinished run; `scrapekit state show` lists them", split)
		}
		return err
	})
}

// change changes the state while no run does.
func (p *Pipeline) change(ctx context.Context, f func(checkpoint.Store) error) (err error) {
	unlock, err := lockState(p.config.Name, p.config.StateDir)
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

// outcomeOf is how a run ended for its user: where the source has left parts out, the state has it as complete, for the next run
// plans anew.
func outcomeOf(r checkpoint.RunInfo) Outcome {
	var counts pipeline.Counts
	if r.Outcome == Complete && json.Unmarshal(r.Report, &counts) == nil && len(counts.Section(sdk.HeadingMissing)) > 0 {
		return Incomplete
	}
	return r.Outcome
}

// unfinished returns the newest run if the next one would go on with it.
func unfinished(ctx context.Context, store checkpoint.Store) (checkpoint.RunInfo, bool, error) {
	runs, err := store.Runs(ctx, 1)
	if err != nil || len(runs) == 0 {
		return checkpoint.RunInfo{}, false, err
	}
	o := runs[0].Outcome
	return runs[0], o != checkpoint.Complete && o != checkpoint.Abandoned, nil
}
