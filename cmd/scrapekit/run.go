// run: runs a pipeline file, shows it, and prints its report.

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/observe"
)

// runFlags say how to run and what to show.
type runFlags struct {
	full   bool
	output string
	oneTry bool // not a flag
}

// Values of --output.
var outputs = []string{"auto", "live", "plain", "json"}

func (f *runFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.full, "full", false,
		"start over: discard what earlier runs delivered and deliver everything anew")
	cmd.Flags().StringVar(&f.output, "output", "auto",
		"how to show the run: auto, live (a terminal), plain (lines), json (one event a line)")
}

func (f *runFlags) check() error {
	if !slices.Contains(outputs, f.output) {
		return usageError{fmt.Errorf("--output %s: want auto, live, plain or json", f.output)}
	}
	return nil
}

func (a *app) runCommand() *cobra.Command {
	var file fileFlags
	var flags runFlags
	var replies replyFlags
	cmd := &cobra.Command{
		Use: "run FILE", Short: "Run a pipeline", Args: args,
		Example: "  scrapekit run jira.hcl\n  scrapekit run jira.hcl --var url=https://jira.example.com --var " +
			"'projects=[\"ABC\"]'",
		Long: "" +
			"Runs a pipeline file. It goes on with a run that was stopped, killed or left incomplete; otherwise it\n" +
			"reads what has changed since the last run. Ctrl-C commits what was read and stops. A second Ctrl-C\n" +
			"stops at once, and loses nothing either.\n\n" + exitCodes,
		RunE: func(cmd *cobra.Command, given []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			p, err := a.loadFor(cmd.Context(), given[0], file, replies)
			if err != nil {
				return err
			}
			_, err = a.runPipeline(cmd.Context(), p, flags)
			return err
		},
	}
	file.add(cmd)
	flags.add(cmd)
	replies.add(cmd)
	return cmd
}

// runPipeline runs, shows and reports. The error says how the run ended, unless it is complete.
func (a *app) runPipeline(ctx context.Context, p *core.Pipeline, flags runFlags) (*core.Report, error) {
	out := a.Out
	if p.Replays() {
		fmt.Fprintf(a.Err, "state and outputs of the replay are in %s, the pipeline's own are not touched\n",
			p.StateDir())
	}
	a.Hide = p.Hide
	if p.WritesToStdout() {
		if flags.output == "json" {
			return nil, usageError{errors.New("--output json and the sink stdout would both write to standard output")}
		}
		out = a.Err
	}
	// Loading has printed the file's own level.
	if level, confined := p.Sandbox(); !confined && !p.SandboxByFile() {
		fmt.Fprintf(a.Err, "plugins run at the sandbox level %q: the kernel does not confine them; "+
			"see `scrapekit doctor`\n", level)
	}
	w := a.Watcher(flags.output)
	run, err := p.Start(ctx, core.RunOptions{Full: flags.full, OneTry: flags.oneTry,
		Listeners: []observe.Listener{w.Event}})
	if err != nil {
		return nil, err
	}
	w.Begin(ctx, run)
	report, err := run.Wait(ctx)
	w.End()
	err = errors.Join(err, run.Close())
	if report == nil {
		return nil, err
	}
	if e := w.Report(out, report); e != nil {
		err = errors.Join(err, e)
	}
	if err == nil && report.Outcome != core.Complete {
		err = outcomeError{report.Outcome}
	}
	return report, err
}
