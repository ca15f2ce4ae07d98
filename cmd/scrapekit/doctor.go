// Doctor: checks whether this machine can run and confine plugins.

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/plugins"
)

// errUnhealthy is the error of a doctor that found problems. They were printed.
var errUnhealthy = errors.New("not all is well")

func (a *app) doctorCommand() *cobra.Command {
	var f fileFlags
	output := "plain"
	cmd := &cobra.Command{
		Use: "doctor [FILE]", Short: "Check this machine: sandbox, limits, plugins, state",
		Long: "Shows what this machine offers for the sandbox and which levels it has, starts every plugin, checks\n" +
			"the state of the pipeline FILE if one is given, and has a plugin try everything that is forbidden.\n" +
			"Ends with code 1 if something is wrong.",
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) > 1 {
				return usageError{fmt.Errorf("unexpected argument %q: %s", strings.Join(given[1:], " "), cmd.UseLine())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			if !slices.Contains([]string{"plain", "json"}, output) {
				return usageError{fmt.Errorf("--output %s: want plain or json", output)}
			}
			opts, err := a.fileOptions(f)
			if err != nil {
				return err
			}
			var p *core.Pipeline
			if len(given) == 1 {
				if p, err = a.loadWith(cmd.Context(), given[0], opts); err != nil {
					return err
				}
			}
			d, err := plugins.Doctor(cmd.Context(), opts, p)
			if err != nil {
				return err
			}
			if output == "json" {
				err = a.json(d)
			} else {
				err = a.printDiagnosis(d)
			}
			if err == nil && len(d.Problems) > 0 {
				err = errUnhealthy
			}
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&output, "output", output, "plain or json")
	return cmd
}

func (a *app) printDiagnosis(d *plugins.Diagnosis) error {
	w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "scrapekit\t%s, %s\n", d.Version, d.Platform)
	fmt.Fprintf(w, "kernel\t%s, Landlock %s, seccomp filters %s, %s\n", d.Kernel, landlock(d.Landlock), yes(d.Seccomp),
		user(d.Root))
	for _, l := range d.Levels {
		state := "yes"
		if l.Missing != "" {
			state = "no: " + l.Missing
		}
		fmt.Fprintf(w, "sandbox %s\t%s\n", l.Level, state)
	}
	fmt.Fprintf(w, "limits of a plugin\t%s of memory (looked at four times a second where the kernel does not count), "+
		"%s threads beyond those of the machine, %s open files, no core dump\n",
		memory(d.Limits.Memory), show.Count(int64(d.Limits.Threads)), show.Count(int64(d.Limits.Files)))
	for _, p := range d.Plugins {
		state := p.Error
		if state == "" {
			state = fmt.Sprintf("%s, starts in %s", p.Version, p.Start.Round(time.Millisecond))
		}
		fmt.Fprintf(w, "%s %s\t%s\n", p.Kind, p.Name, state)
	}
	if p := d.Pipeline; p != nil {
		fmt.Fprintf(w, "pipeline %s\t%s\n", p.Name, stateText(p))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := a.printProbe(d); err != nil {
		return err
	}
	switch {
	case len(d.Problems) > 0:
	case !d.Confined:
		fmt.Fprintf(a.Out, "\nAll is well, but for what you chose: at the level %s the kernel does not hold plugins.\n",
			d.Level)
	default:
		fmt.Fprintln(a.Out, "\nAll is well.")
	}
	for _, p := range d.Problems {
		fmt.Fprintf(a.Out, "\n%s %s\n", a.Style(show.Red, "problem:"), p)
	}
	return nil
}

// printProbe prints the probe's attempts as a table.
func (a *app) printProbe(d *plugins.Diagnosis) error {
	if len(d.Probe) == 0 {
		return nil
	}
	fmt.Fprintf(a.Out, "\nA plugin at the level %s tries:\n", d.Level)
	w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
	group := ""
	var known []string
	for _, r := range d.Probe {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(w, "%s\t\t\n", group)
		}
		outcome := "denied"
		if r.Allowed {
			outcome = "ALLOWED"
			if r.Known != "" && d.Confined {
				known = append(known, r.Name+": "+r.Known)
			}
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Name, outcome, show.Cut(strings.ReplaceAll(r.Said, "\n", " "), 90))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, k := range known {
		fmt.Fprintf(a.Out, "%s\n", k)
	}
	return nil
}

func stateText(p *plugins.PipelineHealth) string {
	switch {
	case p.Error != "":
		return p.Error
	case p.Runs == 0:
		return p.Dir + ": no run yet"
	}
	return fmt.Sprintf("%s: the latest run is %s", p.Dir, p.Last)
}

func landlock(n int) string {
	if n == 0 {
		return "no"
	}
	return fmt.Sprint(n)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func user(root bool) string {
	if root {
		return "as root"
	}
	return "as an ordinary user"
}

func memory(n uint64) string {
	if n == 0 {
		return "any amount"
	}
	return show.Size(int64(n))
}
