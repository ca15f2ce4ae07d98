// state: shows, prunes or resets what is kept between runs.

package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk/printable"
)

func (a *app) stateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "state", Short: "Show or remove what is kept between runs", RunE: subcommand}
	cmd.AddCommand(a.stateShowCommand(), a.statePruneCommand(), a.stateResetCommand(), a.stateRmCommand())
	return cmd
}

// shownRuns is the number of runs shown.
const shownRuns = 10

func (a *app) stateShowCommand() *cobra.Command {
	var f fileFlags
	var asJSON, all bool
	o := core.StateOptions{Runs: shownRuns, Splits: shownSplits}
	cmd := &cobra.Command{
		Use: "show FILE", Short: "Show runs, open splits and where the next run begins", Args: args,
		Long: "" +
			"Shows the newest runs, the splits of an unfinished run that are not done (broken ones first), and the\n" +
			"splits from which the next run goes on.",
		RunE: func(cmd *cobra.Command, given []string) error {
			p, err := a.load(cmd.Context(), given[0], f)
			if err != nil {
				return err
			}
			if asJSON && !cmd.Flags().Changed("splits") {
				o.Splits = -1
			}
			if all {
				o = core.StateOptions{Runs: -1, Splits: -1}
			}
			s, err := p.State(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(s)
			}
			return a.printState(s)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&o.Runs, "runs", o.Runs, "how many runs to show")
	cmd.Flags().IntVar(&o.Splits, "splits", o.Splits, "how many splits to show of each kind")
	cmd.Flags().BoolVar(&all, "all", false, "show all runs and splits")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with all splits unless --splits says how many")
	return cmd
}

func (a *app) printState(s *core.State) error {
	fmt.Fprintf(a.Out, "pipeline %s, kept in %s\n", s.Pipeline, s.Dir)
	if len(s.Runs) == 0 {
		fmt.Fprintln(a.Out, "no run yet")
		return nil
	}
	w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "\nRUN\tSTARTED\tOUTCOME\tSTARTS\tSPLITS DONE\tOPEN\tBROKEN")
	for _, r := range s.Runs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\n", r.ID, r.Started.Local().Format("2006-01-02 15:04:05"), r.Outcome,
			r.Starts,
			r.Splits[core.SplitFinished]+r.Splits[core.SplitLeft], r.Splits[core.SplitOpen], r.Splits[core.SplitFailed])
	}
	if s.MoreRuns {
		fmt.Fprintln(w, "… and older ones; --runs shows more\t\t\t\t\t\t")
	}
	if len(s.Open) > 0 {
		fmt.Fprintln(w, "\nOPEN SPLIT\tSTATUS\tRECORDS\tPROBLEM")
		for _, o := range s.Open {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", o.ID, o.Status, o.Records, printable.Line(o.Problem))
		}
	}
	if s.MoreOpen > 0 {
		fmt.Fprintf(w, "… and %d more; --splits shows more\t\t\t\n", s.MoreOpen)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.printFinished(s)
	return nil
}

func (a *app) printFinished(s *core.State) {
	n := len(s.Finished) + s.MoreFinished
	if n == 0 {
		return
	}
	fmt.Fprintf(a.Out, "\nThe next run goes on from %d finished splits:\n", n)
	for _, id := range s.Finished {
		fmt.Fprintf(a.Out, "  %s\n", id)
	}
	if s.MoreFinished > 0 {
		fmt.Fprintf(a.Out, "  … and %d more; --splits shows more\n", s.MoreFinished)
	}
}

func (a *app) statePruneCommand() *cobra.Command {
	var f fileFlags
	cmd := &cobra.Command{
		Use: "prune FILE", Short: "Remove what is older than the retention block allows", Args: args,
		Long: "Removes runs, their reports and dead letters, and cached replies that are older than the retention\n" +
			"block of the pipeline file allows; also the caches of removed blocks, and unused space of the state\n" +
			"file. Every run does most of that itself. What the next run needs stays.",
		RunE: func(cmd *cobra.Command, given []string) error {
			p, err := a.load(cmd.Context(), given[0], f)
			if err != nil {
				return err
			}
			done, err := p.Prune(cmd.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Out, "pipeline %s: removed %s and %s, %s\n", p.Name(),
				show.Many(int64(max(done.Runs, done.Folders)), "run"), show.Many(int64(done.Replies), "cached reply"),
				show.Size(done.Bytes))
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) stateResetCommand() *cobra.Command {
	var f fileFlags
	var yes bool
	cmd := &cobra.Command{
		Use: "reset FILE", Short: "Forget everything: the next run is the first", Args: args,
		Long: "Forgets cursors, tokens, runs, reports, dead letters, the private folders of stages, and the learned\n" +
			"limits of hosts. The output of sinks stays, so the next run delivers everything again. To start over\n" +
			"with the output too, use `scrapekit run --full`.",
		RunE: func(cmd *cobra.Command, given []string) error {
			p, err := a.load(cmd.Context(), given[0], f)
			if err != nil {
				return err
			}
			if !yes {
				return usageError{fmt.Errorf("this forgets what pipeline %s has delivered; add --yes", p.Name())}
			}
			if err := p.Reset(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintf(a.Out, "pipeline %s: everything is forgotten\n", p.Name())
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

func (a *app) stateRmCommand() *cobra.Command {
	var f fileFlags
	var giveUp bool
	cmd := &cobra.Command{
		Use: "rm FILE SPLIT", Short: "Forget one split: it is read anew", Args: args,
		RunE: func(cmd *cobra.Command, given []string) error {
			p, err := a.load(cmd.Context(), given[0], f)
			if err != nil {
				return err
			}
			if giveUp {
				if err := p.GiveUp(cmd.Context(), given[1]); err != nil {
					return err
				}
				fmt.Fprintf(a.Out, "split %s is given up: what was delivered of it stays, the rest is not read\n",
					given[1])
				return nil
			}
			if err := p.Forget(cmd.Context(), given[1]); err != nil {
				return err
			}
			fmt.Fprintf(a.Out, "split %s is forgotten and will be read anew\n", given[1])
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&giveUp, "give-up", false,
		"do not read the split any more in the unfinished run, because it cannot be read")
	return cmd
}
