// The final report in the terminal.

package show

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/scrapekit/scrapekit/core"
)

// printReport prints how a run ended, what it delivered and what to do next, within the terminal's
// width.
func (a *Console) printReport(w io.Writer, r *core.Report) error {
	text, err := a.reportText(r, ColumnsOf(w), IsTerminal(w))
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

func (a *Console) reportText(r *core.Report, columns int, inColor bool) (string, error) {
	var out strings.Builder
	a.printOutcome(&out, r, inColor)
	if err := printStages(&out, r, columns); err != nil {
		return "", err
	}
	printWrites(&out, r)
	printHTTP(&out, r.HTTP)
	printConnections(&out, r.Connections)
	printCounters(&out, r.Counters)
	fmt.Fprintf(&out, "\nReport: %s\n", filepath.Join(r.Dir, core.ReportFile))
	if r.DeadLetters != "" {
		fmt.Fprintf(&out, "Dead letters: %s\n", r.DeadLetters)
	}
	if r.Crashes != "" {
		fmt.Fprintf(&out, "Stack traces of plugins that died: %s\n", r.Crashes)
	}
	return fit(out.String(), columns, func(string) int { return -1 }), nil
}

// printStages prints the stages as a table, unless nothing was delivered. Streams go below each
// other, and details are omitted, if the terminal is too narrow.
func printStages(w io.Writer, r *core.Report, columns int) error {
	if r.Outcome != core.Complete && empty(r) {
		return nil
	}
	const streams = "STREAMS"
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\nSTAGE\tIN\tOUT\tREJECTED\tBYTES OUT\t"+streams)
	for _, s := range r.Stages {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, Count(s.In), Count(s.Out), Count(s.Rejected),
			Size(s.BytesOut), byName(s.Streams))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	head, _, _ := strings.Cut(strings.TrimPrefix(table.String(), "\n"), "\n")
	if at := strings.Index(head, streams); columns > 0 && at > columns-minColumn {
		table.Reset()
		table.WriteByte('\n')
		for _, s := range r.Stages {
			fmt.Fprintf(&table, "%s: %s in, %s out, %s rejected, %s, %s\n", s.Name, Count(s.In), Count(s.Out),
				Count(s.Rejected), Size(s.BytesOut), byName(s.Streams))
		}
		fmt.Fprint(w, fit(table.String(), columns, func(string) int { return -1 }))
	} else {
		fmt.Fprint(w, fit(table.String(), columns, func(string) int { return at }))
	}
	for _, s := range r.Stages {
		for _, reason := range byCount(s.Reasons) {
			fmt.Fprintf(w, "  %s rejected %s: %s\n", s.Name, Count(s.Reasons[reason]), reason)
		}
	}
	return nil
}

// printWrites prints how long batches took to write, and commits.
func printWrites(w io.Writer, r *core.Report) {
	for _, sink := range Sorted(r.Writes) {
		h := r.Writes[sink]
		fmt.Fprintf(w, "  %s, %s: %s\n", sink, Many(h.Count, "write"), strings.Join(spread(h), ", "))
	}
	if h := r.CommitTook; !h.IsZero() {
		fmt.Fprintf(w, "  %s: %s\n", Many(h.Count, "commit"), strings.Join(spread(h), ", "))
	}
}

// empty reports whether the run had no record.
func empty(r *core.Report) bool {
	return !slices.ContainsFunc(r.Stages, func(s core.StageReport) bool { return s.In+s.Out+s.Rejected > 0 })
}

func (a *Console) printOutcome(w io.Writer, r *core.Report, inColor bool) {
	ink := map[core.Outcome]Ink{core.Complete: Green, core.Interrupted: Yellow, core.Incomplete: Yellow,
		core.Failed: Red}[r.Outcome]
	text := "Run " + r.Run + " " + ended(r.Outcome)
	if inColor {
		text = a.Style(ink, text)
	}
	fmt.Fprintf(w, "\n%s after %s", text, Brief(time.Duration(r.Seconds*float64(time.Second))))
	if r.Resumed {
		fmt.Fprintf(w, " (resumed; first started %s)", r.Started.Local().Format("2006-01-02 15:04:05"))
	}
	fmt.Fprintf(w, ". Splits: %d done", r.Splits[core.SplitFinished])
	if n := r.Splits[core.SplitOpen]; n > 0 {
		fmt.Fprintf(w, ", %d open", n)
	}
	if n := r.Splits[core.SplitFailed]; n > 0 {
		fmt.Fprintf(w, ", %d broken", n)
	}
	if n := r.Splits[core.SplitLeft]; n > 0 {
		fmt.Fprintf(w, ", %d skipped", n)
	}
	fmt.Fprintln(w, ".")
	if r.Problem != "" && r.Outcome != core.Incomplete { // missing parts show their own problem
		fmt.Fprintf(w, "%s\n", r.Problem)
	}
	printGaps(w, "missing", r.Missing, r.MissingMore, 10)
	printGaps(w, "skipped", r.Skipped, r.SkippedMore, 3)
	switch {
	case r.Outcome == core.Complete:
	case slices.ContainsFunc(a.Args, isReplay):
		fmt.Fprintf(w, "Each replay starts from nothing. To play it again: scrapekit %s\n", a.Hide(commandLine(a.Args)))
	case empty(r):
		fmt.Fprintf(w, "Nothing was delivered. To try again: scrapekit %s\n", a.Hide(commandLine(a.Args)))
	default:
		fmt.Fprintf(w, "What was committed is kept. To go on: scrapekit %s\n", a.Hide(commandLine(a.Args)))
	}
}

// printGaps prints what was not read, by cause. more is the number of splits that the report does
// not name.
func printGaps(w io.Writer, what string, missing []core.Missing, more, most int) {
	all := gaps(missing)
	for i, g := range all {
		if i == most {
			fmt.Fprintf(w, "  … and %s more; the report lists them\n", Many(int64(len(all)-i), "cause"))
			break
		}
		fmt.Fprintf(w, "  %s: %s\n", what, g)
	}
	if more > 0 {
		fmt.Fprintf(w, "  %s: %s more, which are not in the report either\n", what, Many(int64(more), "split"))
	}
}

func isReplay(arg string) bool { return arg == "--replay" || strings.HasPrefix(arg, "--replay=") }

// ended formats an outcome as the end of a sentence.
func ended(o core.Outcome) string {
	switch o {
	case core.Failed:
		return "failed"
	case core.Interrupted:
		return "was interrupted"
	}
	return "is " + string(o)
}

// commandLine quotes arguments for a shell, without the flag to start over.
func commandLine(args []string) string {
	var out []string
	for _, arg := range args {
		if arg == "--full" || arg == "--fresh" {
			continue
		}
		if strings.ContainsAny(arg, " \"'$*?[](){}<>|&;`\\~#!") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		out = append(out, arg)
	}
	return strings.Join(out, " ")
}

// httpTotals are the sums over all hosts.
type httpTotals struct {
	requests, retries, bytes int64
	waited                   time.Duration
}

func totals(s core.HTTPStats) httpTotals {
	var t httpTotals
	for _, h := range s.Hosts {
		t.requests += h.Requests
		t.bytes += h.BytesIn
		for _, n := range h.Retries {
			t.retries += n
		}
		for _, w := range h.Waits {
			t.waited += w.Total
		}
	}
	return t
}

// shownCounters is the number of counters printed under a heading; the report file has all.
const shownCounters = 12

func printCounters(w io.Writer, counters map[string]map[string]int64) {
	for _, heading := range Sorted(counters) {
		names := byCount(counters[heading])
		var parts []string
		for i, name := range names {
			if i == shownCounters {
				parts = append(parts, fmt.Sprintf("… %d more", len(names)-i))
				break
			}
			parts = append(parts, fmt.Sprintf("%s %s", name, Count(counters[heading][name])))
		}
		fmt.Fprintf(w, "\n%s: %s", heading, strings.Join(parts, ", "))
	}
	if len(counters) > 0 {
		fmt.Fprintln(w)
	}
}

// byName formats numbers by name.
func byName(m map[string]int64) string {
	var parts []string
	for _, name := range Sorted(m) {
		parts = append(parts, fmt.Sprintf("%s %s", name, Count(m[name])))
	}
	return strings.Join(parts, ", ")
}

// byCount sorts names by their number, largest first.
func byCount(m map[string]int64) []string {
	names := Sorted(m)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(m[b], m[a]) })
	return names
}
