// The small commands: validate, plan, preview, state, version.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk/printable"
)

func (a *app) validateCommand() *cobra.Command {
	var f fileFlags
	var check bool
	cmd := &cobra.Command{
		Use: "validate FILE", Short: "Check a pipeline file without running it", Args: args,
		Long: "Checks a pipeline file: its syntax, its names, and every setting against the plugin's schema.\nNothing is requested and nothing is written, unless --check is given.",
		RunE: func(cmd *cobra.Command, given []string) error {
			p, err := a.load(cmd.Context(), given[0], f)
			if err != nil {
				return err
			}
			if check {
				if err := p.Check(cmd.Context()); err != nil {
					return err
				}
			}
			fmt.Fprintf(a.out, "%s is right: %s\n", given[0], strings.Join(p.Stages(), " → "))
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "also try the settings against the real systems: reach them, log in")
	return cmd
}

func (a *app) planCommand() *cobra.Command {
	var f fileFlags
	var replies replyFlags
	var full, asJSON bool
	cmd := &cobra.Command{
		Use: "plan FILE", Short: "Show what the next run would read: streams, splits, estimates", Args: args,
		RunE: func(cmd *cobra.Command, given []string) error {
			p, err := a.loadFor(cmd.Context(), given[0], f, replies)
			if err != nil {
				return err
			}
			info, err := p.Plan(cmd.Context(), full)
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(info)
			}
			return a.printPlan(info)
		},
	}
	f.add(cmd)
	replies.add(cmd)
	cmd.Flags().BoolVar(&full, "full", false, "plan a run that starts over")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the plan as JSON")
	return cmd
}

// shownSplits is how many splits a plan lists.
const shownSplits = 20

func (a *app) printPlan(info *core.PlanInfo) error {
	fmt.Fprintf(a.out, "pipeline %s: %s\n", info.Pipeline, strings.Join(info.Stages, " → "))
	switch {
	case info.Unfinished != "":
		fmt.Fprintf(a.out, "goes on with run %s, which was not finished\n", info.Unfinished)
	case info.Incremental:
		fmt.Fprintln(a.out, "reads what has changed since the last run")
	default:
		fmt.Fprintln(a.out, "reads everything")
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "\nSTREAM\tREAD\tPRIMARY KEY\tINCREMENTAL BY\tWHAT IT HOLDS")
	for _, s := range info.Streams {
		read := "no"
		if s.Selected {
			read = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Name, read, orDash(printable.Line(strings.Join(s.PrimaryKey, ", "))), orDash(printable.Line(s.Cursor)), firstSentence(s.Doc))
	}
	var total int64
	fmt.Fprintf(w, "\nSPLIT\tSTREAM\tABOUT\tDONE\n")
	for i, s := range info.Splits {
		total += s.Estimate
		if i < shownSplits {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", s.ID, s.Stream, estimate(s.Estimate), s.Records)
		}
	}
	if more := len(info.Splits) - shownSplits; more > 0 {
		fmt.Fprintf(w, "… and %d more\t\t\t\n", more)
	}
	fmt.Fprintf(w, "\nSINK\tEACH RECORD\tBECAUSE\n")
	for _, s := range info.Sinks {
		fmt.Fprintf(w, "%s\t%s\t%s\n", strings.TrimPrefix(s.Name, "sink "), s.Delivery, orDash(strings.Join(strings.Fields(s.Why), " ")))
	}
	if len(info.Connects) > 0 {
		fmt.Fprintf(w, "\nSTAGE\tMAY CONNECT TO\n")
	}
	for _, c := range info.Connects {
		fmt.Fprintf(w, "%s\t%s\n", c.Stage, strings.Join(c.Addresses, ", "))
	}
	if len(info.Files) > 0 {
		fmt.Fprintf(w, "\nSTAGE\tMAY\tFILES\tBY\n")
	}
	for _, f := range info.Files {
		may, by := "read", "a grant"
		if f.Write {
			may = "read and write"
		}
		if f.Setting != "" {
			by = "its setting " + f.Setting
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Stage, may, f.Path, by)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\n%s, %s records\n", many(int64(len(info.Splits)), "split"), estimate(total))
	return nil
}

func estimate(n int64) string {
	if n == 0 {
		return "?"
	}
	return "~" + count(n)
}

func (a *app) previewCommand() *cobra.Command {
	var f fileFlags
	var replies replyFlags
	n := 3
	var raw bool
	cmd := &cobra.Command{
		Use: "preview FILE", Short: "Show the first records after all transforms; nothing is kept", Args: args,
		RunE: func(cmd *cobra.Command, given []string) error {
			if n < 1 {
				return usageError{errors.New("--n: want 1 or more")}
			}
			p, err := a.loadFor(cmd.Context(), given[0], f, replies)
			if err != nil {
				return err
			}
			return p.Preview(cmd.Context(), n, func(stream string, record []byte) error {
				if raw {
					_, err := fmt.Fprintf(jsonOut{a.out}, "%s\n", record)
					return err
				}
				var pretty bytes.Buffer
				if err := json.Indent(&pretty, record, "", "  "); err != nil {
					return fmt.Errorf("%s: a record is not JSON: %w", stream, err)
				}
				_, err := fmt.Fprintf(a.out, "── %s ──\n%s\n", stream, printable.JSON(pretty.Bytes()))
				return err
			})
		},
	}
	f.add(cmd)
	replies.add(cmd)
	cmd.Flags().IntVarP(&n, "n", "n", n, "how many records")
	cmd.Flags().BoolVar(&raw, "raw", false, "print JSON Lines, as a sink would get them")
	return cmd
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: args,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(a.out, "scrapekit %s, plugin protocol %d, %s %s/%s\n", version(), core.ProtocolVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

func (a *app) stateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "state", Short: "Look at what is kept between runs, or forget it", RunE: subcommand}
	cmd.AddCommand(a.stateShowCommand(), a.stateResetCommand(), a.stateRmCommand())
	return cmd
}

func (a *app) stateShowCommand() *cobra.Command {
	var f fileFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show FILE", Short: "Show runs, open splits and tokens", Args: args,
		RunE: func(cmd *cobra.Command, given []string) error {
			p, err := a.load(cmd.Context(), given[0], f)
			if err != nil {
				return err
			}
			s, err := p.State(cmd.Context())
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print everything as JSON")
	return cmd
}

func (a *app) printState(s *core.State) error {
	fmt.Fprintf(a.out, "pipeline %s, kept in %s\n", s.Pipeline, s.Dir)
	if len(s.Runs) == 0 {
		fmt.Fprintln(a.out, "no run yet")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "\nRUN\tSTARTED\tOUTCOME\tSTARTS\tSPLITS DONE\tOPEN\tBROKEN")
	for _, r := range s.Runs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\n", r.ID, r.Started.Local().Format("2006-01-02 15:04:05"), r.Outcome, r.Starts,
			r.Splits[core.SplitFinished]+r.Splits[core.SplitLeft], r.Splits[core.SplitOpen], r.Splits[core.SplitFailed])
	}
	if len(s.Open) > 0 {
		fmt.Fprintln(w, "\nOPEN SPLIT\tSTATUS\tRECORDS\tPROBLEM")
		for _, o := range s.Open {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", o.ID, o.Status, o.Records, printable.Line(o.Problem))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.printFinished(s.Finished)
	return nil
}

func (a *app) printFinished(ids []string) {
	if len(ids) == 0 {
		return
	}
	fmt.Fprintf(a.out, "\nThe next run goes on from %d finished splits:\n", len(ids))
	for _, id := range ids[:min(len(ids), shownSplits)] {
		fmt.Fprintf(a.out, "  %s\n", id)
	}
	if more := len(ids) - shownSplits; more > 0 {
		fmt.Fprintf(a.out, "  … and %d more; --json prints all\n", more)
	}
}

func (a *app) stateResetCommand() *cobra.Command {
	var f fileFlags
	var yes bool
	cmd := &cobra.Command{
		Use: "reset FILE", Short: "Forget everything: the next run is the first", Args: args,
		Long: "Forgets cursors, tokens and runs, the private folders of stages, and the limits that hosts have shown. What sinks hold stays as it is, so the next run\ndelivers it again; to start over with the output too, use `scrapekit run --full`.",
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
			fmt.Fprintf(a.out, "pipeline %s: everything is forgotten\n", p.Name())
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
				fmt.Fprintf(a.out, "split %s is given up: what was delivered of it stays, the rest is not read\n", given[1])
				return nil
			}
			if err := p.Forget(cmd.Context(), given[1]); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "split %s is forgotten and will be read anew\n", given[1])
			return nil
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&giveUp, "give-up", false, "do not read the split any more in the unfinished run: for one that cannot be read")
	return cmd
}
