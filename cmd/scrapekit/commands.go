// The small commands: validate, plan, preview, state, version.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk/printable"
)

func (a *app) validateCommand() *cobra.Command {
	var f fileFlags
	var check bool
	cmd := &cobra.Command{
		Use: "validate FILE", Short: "Check a pipeline file without running it", Args: args,
		Long: "Checks a pipeline file: its syntax, its names, and every setting against the schema of its plugin.\n" +
			"Without --check it requests nothing and writes nothing.",
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
			fmt.Fprintf(a.Out, "%s is right: %s\n", given[0], strings.Join(p.Stages(), " → "))
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
			n := shownSplits
			if asJSON {
				n = -1
			}
			info, err := p.Plan(cmd.Context(), full, n)
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

// shownSplits is the number of splits in the output of plan.
const shownSplits = 20

func (a *app) printPlan(info *core.PlanInfo) error {
	fmt.Fprintf(a.Out, "pipeline %s: %s\n", info.Pipeline, strings.Join(info.Stages, " → "))
	switch {
	case info.Unfinished != "":
		fmt.Fprintf(a.Out, "goes on with run %s, which was not finished\n", info.Unfinished)
	case info.Incremental:
		fmt.Fprintln(a.Out, "reads what has changed since the last run")
	default:
		fmt.Fprintln(a.Out, "reads everything")
	}
	w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "\nSTREAM\tREAD\tPRIMARY KEY\tINCREMENTAL BY\tWHAT IT HOLDS")
	for _, s := range info.Streams {
		read := "no"
		if s.Selected {
			read = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Name, read, orDash(printable.Line(strings.Join(s.PrimaryKey, ", "))),
			orDash(printable.Line(s.Cursor)), firstSentence(s.Doc))
	}
	fmt.Fprintf(w, "\nSPLIT\tSTREAM\tABOUT\tDONE\n")
	for _, s := range info.Splits {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", s.ID, s.Stream, estimate(s.Estimate), s.Records)
	}
	if info.More > 0 {
		fmt.Fprintf(w, "… and %d more\t\t\t\n", info.More)
	}
	fmt.Fprintf(w, "\nSINK\tEACH RECORD\tBECAUSE\n")
	for _, s := range info.Sinks {
		fmt.Fprintf(w, "%s\t%s\t%s\n", strings.TrimPrefix(s.Name, "sink "), s.Delivery,
			orDash(strings.Join(strings.Fields(s.Why), " ")))
	}
	for _, s := range info.Sinks {
		printSinkPlan(w, s)
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
	fmt.Fprintf(a.Out, "\n%s, %s records\n", show.Many(int64(len(info.Splits)+info.More), "split"),
		estimate(info.Records))
	return nil
}

// printSinkPlan says what the next run does in a sink, where the sink says so.
func printSinkPlan(w io.Writer, s core.SinkInfo) {
	name := strings.TrimPrefix(s.Name, "sink ")
	if s.Problem != "" {
		fmt.Fprintf(w, "\nIN %s: it is not known what the next run does: %s\n", name, printable.Line(s.Problem))
	}
	if len(s.Effects) > 0 {
		fmt.Fprintf(w, "\nIN %s\n", name)
	}
	for _, line := range s.Effects {
		fmt.Fprintln(w, printable.Line(line))
	}
	if len(s.Statements) > 0 {
		fmt.Fprintf(w, "\nFIRST, IN %s\n", name)
	}
	for _, line := range s.Statements {
		fmt.Fprintln(w, printable.Line(line)+";")
	}
}

func estimate(n int64) string {
	if n == 0 {
		return "?"
	}
	return "~" + show.Count(n)
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
					_, err := fmt.Fprintf(show.JSONOut{To: a.Out}, "%s\n", record)
					return err
				}
				var pretty bytes.Buffer
				if err := json.Indent(&pretty, record, "", "  "); err != nil {
					return fmt.Errorf("%s: a record is not JSON: %w", stream, err)
				}
				_, err := fmt.Fprintf(a.Out, "── %s ──\n%s\n", stream, printable.JSON(pretty.Bytes()))
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
