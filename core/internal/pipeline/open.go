// Opening: computes which streams each stage receives, and opens every stage with its token.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/sdk"
)

// open computes which streams each stage receives, and opens every stage with its token.
func (s *seat) open(ctx context.Context) error {
	var all []sdk.Stream
	err := s.ask(ctx, func() (err error) {
		all, err = s.source.instance.Plugin.Streams(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.keys = keysOf(all)
	for _, st := range all {
		if err := s.names(st.Name); err != nil {
			return at(s.Source.Name, err)
		}
		s.declared[st.Name] = true
	}
	if s.streams, err = selected(s.Source, all); err != nil {
		return err
	}
	// Hold the seat: a later holder's commits would be rolled back by these older tokens.
	var opened error
	if err := s.held.Hold(ctx, func(ctx context.Context) { opened = s.bringBack(ctx) }); err != nil {
		return storeFailure(err)
	}
	if opened != nil {
		return opened
	}
	s.Step("opened")
	var letters sdk.Token
	if t := s.info.Tokens[lettersStage]; t.Run == s.info.Run.ID {
		letters = t.Token
	}
	return at(lettersStage, s.Letters.Open(s.info.Run.ID, s.info.N, letters))
}

// bringBack opens the transforms and sinks with their tokens.
func (s *seat) bringBack(ctx context.Context) (err error) {
	s.Step("opening")
	flowing := s.streams
	for _, t := range s.transforms {
		if err := known(t.stage, flowing); err != nil {
			return err
		}
		start, err := startFor(s, t.stage, flowing)
		if err != nil {
			return at(t.stage.Name, err)
		}
		if err := t.open(ctx, start); err != nil {
			return at(t.stage.Name, err)
		}
		if flowing, err = t.out(ctx, flowing); err != nil {
			return at(t.stage.Name, err)
		}
		for _, st := range flowing {
			if err := s.names(st.Name); err != nil {
				return at(t.stage.Name, err)
			}
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, sink := range s.sinks {
		if err := known(sink.stage, flowing); err != nil {
			return err
		}
		g.Go(func() error {
			mine := slices.DeleteFunc(slices.Clone(flowing),
				func(f sdk.Stream) bool { return !sink.stage.Takes(f.Name) })
			start, err := startFor(s, sink.stage, mine)
			if err != nil {
				return at(sink.stage.Name, err)
			}
			return at(sink.stage.Name, Placed(sink.stage.Place, sink.open(gctx, start)))
		})
	}
	return g.Wait()
}

// Placed adds the place of a stage's block to an error that only a change there, or of what it
// names, can mend.
func Placed(place string, err error) error {
	if place == "" || !sdk.IsPermanent(err) {
		return err
	}
	return fmt.Errorf("%w (the block at %s)", err, place)
}

// startFor returns the [sdk.Start] of a stage. The folders of further seats are inside that of the
// first.
func startFor[P any](s *seat, stage Stage[P], streams []sdk.Stream) (sdk.Start, error) {
	dir := stage.Dir
	if dir != "" && s.info.N > 0 {
		dir = filepath.Join(dir, fmt.Sprintf("seat-%d", s.info.N))
		if err := disk.MakeDir(dir, 0o700); err != nil {
			return sdk.Start{}, err
		}
	}
	run, t := s.info.Run, s.info.Tokens[stage.Name]
	resume := t.Run == run.ID
	return sdk.Start{
		Pipeline: run.Pipeline, Seat: s.info.N, Epoch: s.info.Epoch, Dir: dir,
		Run: run.ID, Started: run.Started, Token: t.Token,
		Resume: resume, Full: run.Full && !resume, Streams: streams,
	}, nil
}

// selected returns the streams of the source that the pipeline selects.
func selected(source Stage[sdk.Source], all []sdk.Stream) ([]sdk.Stream, error) {
	if len(all) == 0 {
		return nil, sdk.Permanent(&StageError{Stage: source.Name, Err: errors.New("it has no streams")})
	}
	wanted := slices.DeleteFunc(slices.Clone(all), func(s sdk.Stream) bool { return !Reads(source, s) })
	if err := known(source, all); err != nil || len(wanted) > 0 {
		return wanted, err
	}
	return nil, sdk.Permanent(&StageError{Stage: source.Name, Err: errors.New(
		"all of its streams are optional: select those to read, or all of them by \"*\"")})
}

// known returns an error if a stage selects a stream that does not exist: its records would be
// missing silently.
func known[P any](s Stage[P], come []sdk.Stream) error {
	var names []string
	for _, c := range come {
		names = append(names, c.Name)
	}
	for _, want := range s.Streams {
		if want != everyStream && !slices.Contains(names, want) {
			return sdk.Permanent(&StageError{Stage: s.Name, Err: fmt.Errorf(
				"it selects the stream %q, which no stage before it emits; there are %s", want,
				strings.Join(names, ", "))})
		}
	}
	return nil
}
