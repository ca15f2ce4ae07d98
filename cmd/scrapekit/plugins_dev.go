// plugins dev: builds and runs a plugin again after every change.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/author"
	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk"
)

// devFlags say what to show.
type devFlags struct {
	projectFlags
	n int
}

func (a *app) pluginsDevCommand() *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use: "dev PLUGIN", Short: "Build a plugin and show its records, again after every change", Args: args,
		Example: "  scrapekit plugins dev . --replay testdata/replies.jsonl",
		Long: "" +
			"Builds the plugin, runs a pipeline file that uses it, and shows the first records after all transforms\n" +
			"(for a sink: a whole run, with a temporary state). It shows what the plugin prints. Only requests are\n" +
			"tried again: any error is shown at once, with the stack of a panic. It starts over when a file in the\n" +
			"folder of the plugin changes. Ctrl-C ends it.",
		RunE: func(cmd *cobra.Command, given []string) error {
			if f.n < 1 {
				return usageError{errors.New("--n: want 1 or more")}
			}
			return a.develop(cmd.Context(), given[0], f)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVarP(&f.n, "n", "n", 5, "how many records to show")
	return cmd
}

// errChanged is the cause with which a run is cancelled after a change.
var errChanged = errors.New("a file changed")

func (a *app) develop(ctx context.Context, name string, f devFlags) error {
	dir, remove, err := scratch()
	if err != nil {
		return err
	}
	defer remove()
	p, err := a.find(name, f.projectFlags, dir)
	if err != nil {
		return err
	}
	if p.own {
		return usageError{fmt.Errorf("%s is a part of scrapekit: name a folder or a program", name)}
	}
	for _, w := range []io.Writer{a.Out, a.Err} {
		if file, ok := w.(*os.File); ok {
			p.Shown = append(p.Shown, file)
		}
	}
	for {
		before := p.Snapshot()
		round, stop := context.WithCancelCause(ctx)
		changed := make(chan string, 1)
		var ended atomic.Pointer[time.Time]
		runs := func() bool {
			at := ended.Load()
			return at == nil || time.Since(*at) < author.Settles
		}
		go func() {
			changed <- p.Changed(round, before, runs)
			stop(errChanged)
		}()
		a.devRound(round, p, f, dir)
		now := time.Now()
		ended.Store(&now)
		file := <-changed
		stop(nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintf(a.Err, "\n%s %s changed\n", time.Now().Format(time.TimeOnly), file)
	}
}

// devRound builds and runs once, and prints errors, unless it was cancelled.
func (a *app) devRound(ctx context.Context, p *project, f devFlags, dir string) {
	started := time.Now()
	err := p.Build(ctx, a.Err)
	if err == nil && p.Builds() && ctx.Err() == nil {
		fmt.Fprintf(a.Err, "built in %s\n", show.Brief(time.Since(started)))
	}
	if err == nil {
		err = a.devRun(ctx, p, f, dir)
	}
	var invalid invalidError
	if err != nil && ctx.Err() == nil && !errors.As(err, &invalid) {
		a.showError(err)
	}
	if ctx.Err() == nil {
		fmt.Fprintln(a.Err, "waiting for a change; Ctrl-C ends it")
	}
}

func (a *app) devRun(ctx context.Context, p *project, f devFlags, dir string) error {
	state, err := os.MkdirTemp(dir, "state")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(state) }() // dir is removed in the end
	f.stateDir, f.output = state, a.Err
	pipeline, err := a.loadProject(ctx, p, f.projectFlags, dir)
	if err != nil {
		return err
	}
	a.Hide = pipeline.Hide
	if pipeline.KindOf(p.Program) == sdk.KindSink {
		return a.devSink(ctx, pipeline)
	}
	n := 0
	err = pipeline.Preview(ctx, f.n, func(stream string, record []byte) error {
		n++
		_, err := fmt.Fprintf(a.Out, "%s  %s\n", stream, record)
		return err
	})
	if err == nil && n == 0 {
		fmt.Fprintln(a.Err, "no records")
	}
	return err
}

// devSink runs the pipeline, because a sink's effects are in its output.
func (a *app) devSink(ctx context.Context, pipeline *core.Pipeline) error {
	_, err := a.runPipeline(ctx, pipeline, runFlags{full: true, output: "plain", oneTry: true})
	return err
}
