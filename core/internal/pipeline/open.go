// Opening: which streams flow where, and every stage brought back to its token.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// ErrSecretName is the error of a source or transform one of whose streams is named by a secret. Names of streams are
// names of files, tables and numbers of the report: none of them can be masked.
var ErrSecretName = sdk.Permanent(errors.New("the name of a stream holds a secret of the pipeline file"))

// names refuses a stream that is named by a secret.
func (a *attempt) names(stream string) error {
	if !a.declared[stream] && a.Hide(stream) != stream {
		return ErrSecretName
	}
	return nil
}

// open finds out which streams flow where, and brings every stage back to its token.
func (a *attempt) open(ctx context.Context) error {
	var all []sdk.Stream
	err := a.ask(ctx, func() (err error) {
		all, err = a.source.instance.Plugin.Streams(ctx)
		return err
	})
	if err != nil {
		return err
	}
	a.keys = keysOf(all)
	for _, s := range all {
		if err := a.names(s.Name); err != nil {
			return at(a.Source.Name, err)
		}
		a.declared[s.Name] = true
	}
	if a.streams, err = selected(a.Source, all); err != nil {
		return err
	}
	if a.again {
		// Plugins of the attempt before may live on, and what they have sent may be on its way.
		joined, err := a.Store.Join(ctx, *a.run0)
		if err != nil {
			return storeFailure(err)
		}
		*a.run0 = joined
	}
	tokens, err := a.Store.Tokens(ctx)
	if err != nil {
		return &storeError{err}
	}
	// The tokens of another holder would bring the stages back behind what it commits: they are this one's as long as it holds the run.
	a.Step("joined")
	var opened error
	if err := a.Store.Hold(ctx, *a.run0, func() { opened = a.bringBack(ctx, tokens) }); err != nil {
		return storeFailure(err)
	}
	if opened != nil {
		return opened
	}
	a.Step("opened")
	var letters sdk.Token
	if t := tokens[lettersStage]; t.Run == a.run0.ID {
		letters = t.Token
	}
	return at(lettersStage, a.Letters.Open(a.run0.ID, letters))
}

// bringBack opens the transforms and sinks with their tokens.
func (a *attempt) bringBack(ctx context.Context, tokens map[string]checkpoint.Token) (err error) {
	a.Step("opening")
	flowing := a.streams
	for _, t := range a.transforms {
		if err := known(t.stage, flowing); err != nil {
			return err
		}
		if err := t.open(ctx, startFor(a, t.stage, tokens, flowing)); err != nil {
			return at(t.stage.Name, err)
		}
		if flowing, err = t.out(ctx, flowing); err != nil {
			return at(t.stage.Name, err)
		}
		for _, s := range flowing {
			if err := a.names(s.Name); err != nil {
				return at(t.stage.Name, err)
			}
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range a.sinks {
		if err := known(s.stage, flowing); err != nil {
			return err
		}
		g.Go(func() error {
			mine := slices.DeleteFunc(slices.Clone(flowing), func(f sdk.Stream) bool { return !s.stage.Takes(f.Name) })
			return at(s.stage.Name, s.open(gctx, startFor(a, s.stage, tokens, mine)))
		})
	}
	return g.Wait()
}

// startFor is what a stage is opened with. There is one seat: all of a run is done here.
func startFor[P any](a *attempt, stage Stage[P], tokens map[string]checkpoint.Token, streams []sdk.Stream) sdk.Start {
	t := tokens[stage.Name]
	resume := t.Run == a.run0.ID
	return sdk.Start{
		Pipeline: a.run0.Pipeline, Epoch: a.run0.Epoch, Dir: stage.Dir,
		Run: a.run0.ID, Started: a.run0.Started, Token: t.Token,
		Resume: resume, Full: a.run0.Full && !resume, Streams: streams,
	}
}

// selected returns the streams of the source that the pipeline wants.
func selected(source Stage[sdk.Source], all []sdk.Stream) ([]sdk.Stream, error) {
	if len(all) == 0 {
		return nil, sdk.Permanent(&StageError{Stage: source.Name, Err: errors.New("it has no streams")})
	}
	wanted := slices.DeleteFunc(slices.Clone(all), func(s sdk.Stream) bool { return !Reads(source, s) })
	if err := known(source, all); err != nil || len(wanted) > 0 {
		return wanted, err
	}
	return nil, sdk.Permanent(&StageError{Stage: source.Name, Err: errors.New("all of its streams are optional: select those to read, or all of them by \"*\"")})
}

// known refuses a stage that selects a stream which does not come: its records would be left out in silence.
func known[P any](s Stage[P], come []sdk.Stream) error {
	var names []string
	for _, c := range come {
		names = append(names, c.Name)
	}
	for _, want := range s.Streams {
		if want != everyStream && !slices.Contains(names, want) {
			return sdk.Permanent(&StageError{Stage: s.Name, Err: fmt.Errorf("it selects the stream %q, which no stage before it emits; there are %s", want, strings.Join(names, ", "))})
		}
	}
	return nil
}
