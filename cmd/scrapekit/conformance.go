// plugins test: runs the conformance checks on a plugin in any language.

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/plugins"
	"github.com/scrapekit/scrapekit/sdk"
)

// testFlags say how to test a plugin and how to show the results.
type testFlags struct {
	projectFlags
	output string
	o      plugins.TestOptions
}

// errChecks is the error of a plugin that fails checks. The results were printed.
var errChecks = errors.New("the plugin fails checks")

func (a *app) pluginsTestCommand() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use: "test PLUGIN", Short: "Test a plugin in any language: the conformance suite", Args: args,
		Example: "  scrapekit plugins test ./my-plugin --replay testdata/replies.jsonl\n" +
			"  scrapekit plugins test ./bin/my-plugin --build make --check resume --check killed",
		Long: "Tests a plugin as a process: starts it, calls it, interrupts it and kills it. PLUGIN is a program, a\n" +
			"folder in Go or with a package.json (which is built first), or the name of a shipped plugin.\n\n" +
			"Its settings come from a pipeline file that uses it. A source is read as in that file, with its\n" +
			"limits, and no request is made twice. A transform gets the records that reach it in that file. A sink\n" +
			"writes into a temporary folder; what it wrote is read as JSON Lines from the files with the name of\n" +
			"the stream in their paths, or with the program of --read. A plugin may connect to what the pipeline\n" +
			"file grants; --place tells a sink of a database where each check writes.\n\n" +
			"Ends with code 1 if a check fails, and says which promise that breaks.",
		RunE: func(cmd *cobra.Command, given []string) error { return a.testPlugin(cmd.Context(), given[0], f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.output, "output", "plain", "how to show the results: plain, json")
	flags.StringArrayVar(&f.o.Checks, "check", nil, "run only this check, and those that it needs; repeatable")
	flags.IntVar(&f.o.MaxResumes, "max-resumes", 20,
		"of a source: from how many cursors of a split it is resumed; 0: all")
	flags.IntVar(&f.o.Records, "records", 0,
		"records for a transform (default 200), or at most of a source (default 20,000)")
	flags.StringVar(&f.o.Sink.Read, "read", "",
		"of a sink: a program that prints the records of a stream as JSON Lines; its arguments are\n"+
			"the folder, the stream and the place")
	flags.StringVar(&f.o.Sink.Place, "place", "",
		"of a sink without files: the setting that says where it writes, such as a table;\n"+
			"each check appends a name of its own")
	flags.BoolVar(&f.o.Sink.Replaces, "replaces", false, "of a sink: a run replaces what earlier ones wrote")
	flags.BoolVar(&f.o.Sink.Keyed, "keyed", false, "of a sink: it keeps the last record of each key")
	flags.IntVar(&f.o.Sink.Rounds, "rounds", 60, "of a sink: steps of the random walk")
	return cmd
}

func (a *app) testPlugin(ctx context.Context, name string, f testFlags) error {
	if !slices.Contains([]string{"plain", "json"}, f.output) {
		return usageError{fmt.Errorf("--output %s: want plain or json", f.output)}
	}
	dir, remove, err := scratch()
	if err != nil {
		return err
	}
	defer remove()
	p, err := a.project(ctx, name, f.projectFlags, dir)
	if err != nil {
		return err
	}
	show := &checksShown{app: a, plain: f.output == "plain"}
	if err := a.startsAtAll(ctx, p, f); err != nil {
		return show.end([]plugins.CheckResult{show.noStart(ctx, err)})
	}
	pipeline, err := a.loadProject(ctx, p, f.projectFlags, dir)
	if err != nil {
		return err
	}
	a.Hide = pipeline.Hide
	f.o.Plugin, f.o.Begin, f.o.Done = p.Program, show.begin, show.done
	results, err := plugins.Test(ctx, pipeline, f.o)
	if errors.Is(err, plugins.ErrNotTested) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	return show.end(results)
}

// startsAtAll checks that the plugin starts, before the pipeline is loaded.
func (a *app) startsAtAll(ctx context.Context, p *project, f testFlags) error {
	opts, err := a.fileOptions(f.fileFlags)
	if err == nil && !p.own {
		_, err = plugins.Describe(ctx, p.Program, opts)
	}
	return err
}

// noStart is the result for a plugin that cannot be tested further.
func (s *checksShown) noStart(ctx context.Context, err error) plugins.CheckResult {
	r := plugins.CheckResult{Check: "handshake", Status: plugins.CheckFailed, Messages: []string{err.Error()}}
	for _, c := range plugins.Checks(sdk.KindSource) {
		if c.Name == r.Check {
			r.Doc, r.Promise = c.Doc, c.Promise
		}
	}
	if ctx.Err() == nil {
		s.done(r)
	}
	return r
}

// checksShown shows the results of checks.
type checksShown struct {
	*app
	plain bool
	info  sdk.Info
}

func (s *checksShown) begin(info sdk.Info) {
	s.info = info
	if s.plain {
		fmt.Fprintf(s.Out, "%s %s, a %s: %s\n\n", info.Name, info.Version, info.Kind,
			show.Many(int64(len(plugins.Checks(info.Kind))), "check"))
	}
}

// done prints a result: the rule and, if it failed, the errors and the broken promise.
func (s *checksShown) done(r plugins.CheckResult) {
	if !s.plain {
		return
	}
	mark := map[plugins.CheckStatus]string{plugins.CheckPassed: "ok", plugins.CheckFailed: "FAIL",
		plugins.CheckSkipped: "skip", plugins.CheckNotRun: "–"}[r.Status]
	fmt.Fprintf(s.Out, "  %-4s  %-24s  %s\n", mark, r.Check, r.Doc)
	for _, m := range r.Messages {
		fmt.Fprintf(s.Out, "        %s\n", strings.ReplaceAll(strings.TrimSpace(s.Hide(m)), "\n", "\n        "))
	}
	if r.Status == plugins.CheckFailed {
		fmt.Fprintf(s.Out, "        this breaks the promise: %s\n", r.Promise)
	}
}

// checksReport is the output of --output json.
type checksReport struct {
	Name     string                `json:"name"`
	Version  string                `json:"version"`
	Kind     sdk.Kind              `json:"kind"`
	Protocol int                   `json:"protocol"`
	Passed   int                   `json:"passed"`
	Failed   int                   `json:"failed"`
	Skipped  int                   `json:"skipped"`
	NotRun   int                   `json:"not_run"`
	Broken   []string              `json:"broken,omitempty"` // promises
	Took     time.Duration         `json:"took_ns"`
	Checks   []plugins.CheckResult `json:"checks"`
}

func (s *checksShown) end(results []plugins.CheckResult) error {
	r := checksReport{Name: s.info.Name, Version: s.info.Version, Kind: s.info.Kind, Protocol: core.ProtocolVersion,
		Checks: results}
	for i, c := range results {
		r.Took += c.Took
		*map[plugins.CheckStatus]*int{plugins.CheckPassed: &r.Passed, plugins.CheckFailed: &r.Failed,
			plugins.CheckSkipped: &r.Skipped, plugins.CheckNotRun: &r.NotRun}[c.Status]++
		if promise := string(c.Promise); c.Status == plugins.CheckFailed && !slices.Contains(r.Broken, promise) {
			r.Broken = append(r.Broken, promise)
		}
		for j, m := range c.Messages {
			results[i].Messages[j] = s.Hide(m)
		}
	}
	if s.plain {
		fmt.Fprintf(s.Out, "\n%s passed, %s failed, %s skipped, %s not run, in %s\n", show.Count(int64(r.Passed)),
			show.Count(int64(r.Failed)), show.Count(int64(r.Skipped)), show.Count(int64(r.NotRun)), show.Brief(r.Took))
		for _, promise := range r.Broken {
			fmt.Fprintf(s.Out, "broken: %s\n", promise)
		}
	} else if err := s.json(r); err != nil {
		return err
	}
	if r.Failed+r.NotRun > 0 {
		return errChecks
	}
	return nil
}
