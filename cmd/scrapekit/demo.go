// demo: runs the shipped pipeline against its own Jira server on loopback.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/examples"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/jirademo"
)

// demoFlags are the settings of the demo's Jira.
type demoFlags struct {
	dir    string
	sink   string
	issues int
	seed   uint64
	rate   float64
	calm   bool
	fresh  bool
	cloud  bool
}

func (a *app) demoCommand() *cobra.Command {
	f := demoFlags{dir: "scrapekit-demo", sink: "jsonl", issues: 3000, seed: 1, rate: 8}
	var flags runFlags
	cmd := &cobra.Command{
		Use: "demo", Short: "Run the Jira pipeline against a built-in Jira, offline", Args: args,
		Long: "Starts a Jira on this machine, with invented issues, a rate limit and faults, and runs the shipped\n" +
			"jira.hcl against it. Training records, report and pipeline file are left in a folder.\n" +
			"Stop it or kill it at any moment and start it again: it goes on.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(flags.check(), f.check()); err != nil {
				return err
			}
			if !cmd.Flags().Changed("dir") && f.sink != "jsonl" {
				f.dir += "-" + f.sink // each has a state of its own
			}
			return a.demo(cmd.Context(), f, flags)
		},
	}
	cmd.Flags().StringVar(&f.dir, "dir", f.dir, "folder for the records, the report and the state")
	cmd.Flags().StringVar(&f.sink, "sink", f.sink, "where the records go: "+demoSinkNames()+
		"; postgres to the database that DATABASE_URL names")
	cmd.Flags().IntVar(&f.issues, "issues", f.issues, "issues in the demo's Jira")
	cmd.Flags().Uint64Var(&f.seed, "seed", f.seed, "seed of the issues and the faults")
	cmd.Flags().Float64Var(&f.rate, "rate", f.rate, "requests a second that the demo's Jira allows; 0: any number")
	cmd.Flags().BoolVar(&f.calm, "calm", false, "switch the faults off")
	cmd.Flags().BoolVar(&f.cloud, "cloud", false, "be a Jira Cloud instead of a Jira Data Center")
	cmd.Flags().BoolVar(&f.fresh, "fresh", false, "start over")
	cmd.Flags().StringVar(&flags.output, "output", "auto", "how to show the run: auto, live, plain, json")
	return cmd
}

func (f demoFlags) check() error {
	if f.issues < 1 || f.rate < 0 {
		return usageError{errors.New("--issues: want 1 or more; --rate: want 0 or more")}
	}
	if _, ok := demoSinks[f.sink]; !ok {
		return usageError{fmt.Errorf("--sink %s: want one of %s", f.sink, demoSinkNames())}
	}
	return nil
}

func (a *app) demo(ctx context.Context, f demoFlags, flags runFlags) error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	url, stop, err := f.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	file := filepath.Join(f.dir, "jira.hcl")
	if err := os.WriteFile(file, demoFile(url, f.sink), 0o644); err != nil {
		return err
	}
	// Set them as variables too, so that no environment variable redirects the demo.
	opts, err := a.options(map[string]string{"url": url, "projects": demoProjects, "out": "corpus"})
	if err != nil {
		return err
	}
	if opts.Sandbox == "" && os.Getenv(core.SandboxVar) == "" {
		// All plugins are first-party, and the demo must run everywhere.
		level, reason := core.BestSandbox()
		if opts.Sandbox = level; reason != nil {
			fmt.Fprintf(a.Err, "The sandbox is reduced for the demo, whose plugins are all scrapekit's own: %v\n",
				reason)
		}
	}
	p, err := a.loadWith(ctx, file, opts)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "A Jira with %s invented issues answers at %s%s.\n", show.Count(int64(f.issues)), url,
		rateText(f.rate))
	flags.full = f.fresh
	report, err := a.runPipeline(ctx, p, flags)
	if report != nil {
		a.demoEnd(f, flags, report)
	}
	return err
}

// demoProjects are the keys of the demo's projects, in the pipeline file's syntax.
const demoProjects = `["ALPHA", "BRAVO", "CHARLIE"]`

// demoSink is a sink of the demo.
type demoSink struct {
	block string // in the pipeline file
	where string // the records are, within the demo's folder
	text  string // where they are instead, for people
}

var demoSinks = map[string]demoSink{
	"jsonl":   {block: shippedSink, where: "corpus"},
	"csv":     {block: "sink \"csv\" {\n  path = \"${var.out}/{stream}.csv\"\n}\n", where: "corpus"},
	"parquet": {block: "sink \"parquet\" {\n  path = \"${var.out}/{stream}.parquet\"\n}\n", where: "corpus"},
	"sqlite":  {block: "sink \"sqlite\" {\n  path = \"${var.out}.db\"\n}\n", where: "corpus.db"},
	"postgres": {block: "sink \"postgres\" {\n  url    = env(\"DATABASE_URL\")\n  schema = \"demo\"\n}\n",
		text: "schema demo of the database that DATABASE_URL names"},
}

// shippedSink is the sink of the shipped pipeline file.
const shippedSink = "sink \"jsonl\" {\n  path = \"${var.out}/{stream}.jsonl\"\n}\n"

func demoSinkNames() string { return strings.Join(slices.Sorted(maps.Keys(demoSinks)), ", ") }

// demoFile returns the shipped pipeline file with the demo's Jira as its default, and a sink. Run
// without the demo, it finds that server or fails.
func demoFile(url, sink string) []byte {
	text := strings.Replace(string(examples.Jira), shippedSink, demoSinks[sink].block, 1)
	if sink == "sqlite" || sink == "postgres" {
		text = strings.Replace(text, "one file a stream", "one table a stream", 1)
	}
	for shipped, demo := range map[string]string{
		`"https://issues.apache.org/jira"`: strconv.Quote(url),
		`["KAFKA", "SPARK", "CASSANDRA"]`:  demoProjects,
	} {
		text = strings.Replace(text, shipped, demo, 1)
	}
	return []byte(text)
}

func rateText(r float64) string {
	if r == 0 {
		return ""
	}
	return fmt.Sprintf(", at most %g requests a second", r)
}

// demoEnd says where the records are.
func (a *app) demoEnd(f demoFlags, flags runFlags, r *core.Report) {
	w := a.Out
	if flags.output == "json" {
		w = a.Err
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		dir = f.dir
	}
	sink := demoSinks[f.sink]
	fmt.Fprintf(w, "Training records: %s\nPipeline file:    %s\n", cmp.Or(sink.text, filepath.Join(dir, sink.where)),
		filepath.Join(dir, "jira.hcl"))
	if r.Outcome == core.Complete && len(r.Stages) > 0 && r.Stages[0].Out == 0 {
		fmt.Fprintln(w, "Nothing has changed since the last run; --fresh starts over.")
	}
}

// serve starts the demo's Jira. Its port is kept in the folder: records contain the server's URL,
// so a resumed demo needs the same port.
func (f demoFlags) serve(ctx context.Context) (url string, stop func(), err error) {
	jira, path := jirademo.New(jirademo.Options{Cloud: f.cloud, Seed: f.seed, Rate: f.rate, Faults: !f.calm,
		Projects: []jirademo.Project{
			{Key: "ALPHA", Issues: f.issues / 2}, {Key: "BRAVO", Issues: f.issues / 3},
			{Key: "CHARLIE", Issues: f.issues - f.issues/2 - f.issues/3},
		}}), ""
	if !f.cloud {
		jira, path = http.StripPrefix("/jira", jira), "/jira"
	}
	l, err := f.listen(ctx)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: jira, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l) // ends only through Close below
	}()
	return "http://" + l.Addr().String() + path, func() { _ = server.Close(); <-ended }, nil
}

func (f demoFlags) listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	kept := filepath.Join(f.dir, "jira.address")
	if raw, err := os.ReadFile(kept); err == nil {
		addr := strings.TrimSpace(string(raw))
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("the demo's Jira was at %s and cannot be there again: %w; is another demo "+
				"running in %s? --dir chooses another folder", addr, err, f.dir)
		}
		return l, nil
	}
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return l, os.WriteFile(kept, []byte(l.Addr().String()+"\n"), 0o644)
}
