// Command killtest kills a program that reads an API into files, again and again, and counts what
// is lost, twice and torn in the files when it has come to its end. It knows the program by its
// command line alone, so that any two can be compared.
//
//	go run ./tools/killtest -- {killtest} naive {url}
//
// It serves a paged JSON API with records of known ids. {url} in the command and in the files of
// -copy is that of the API, {dir} the folder in which the command runs, {root} the folder from
// which killtest was started, {killtest} its own program. GET {url}/items?page=1&per_page=50 (or
// offset= and limit=) answers {"items": [{"id": "items-1", …}], "total": N, "next": URL}, with the
// header Link: <URL>; rel="next". Any name stands for items. Beyond the end a page is empty.
//
// A trial begins with an empty folder. The command is started and killed as often as -kills says,
// then started until it ends by itself with code 0. What its files hold is compared with what was
// served. An undisturbed trial comes first.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

// The exit codes.
const (
	exact  = 0
	broken = 1 // something is lost, twice, torn or foreign, or a trial did not come to its end
	usage  = 2
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "naive" {
		if err := naive(context.Background(), os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are what the flags say.
type settings struct {
	command []string
	copies  []string
	output  string // glob
	ids     string // shell command
	field   string
	streams []string
	records int
	latency time.Duration

	trials, kills int
	seed          uint64
	when, spread  string
	every         float64 // seconds, or requests; 0: as the undisturbed trial tells
	alone         bool    // the started process only
	keep          bool
	patience      time.Duration
}

func parse(args []string, errs io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("killtest", flag.ContinueOnError)
	f.SetOutput(errs)
	f.Usage = func() {
		fmt.Fprintln(errs, "killtest [flags] -- COMMAND ARG…\n\n"+
			"Serves {url}, runs COMMAND in {dir}, kills it, and counts what its files lack and have twice.\n"+
			"{url}, {dir}, {root} and {killtest} are replaced in COMMAND and in the files of -copy.\n"+
			"Ends with 0 if all is there once, 1 if not, 2 for a mistake in its use.")
		f.PrintDefaults()
	}
	f.Func("copy", "a `file` to put into {dir} before each trial; may be repeated",
		func(v string) error { s.copies = append(s.copies, v); return nil })
	f.StringVar(&s.output, "output", "out/*",
		"a `glob` for the files that it writes, from {dir}: JSON Lines, or CSV with a head if they end in .csv; "+
			"also .gz and .zst")
	f.StringVar(&s.ids, "ids", "", "a `command` of the shell that prints the ids of what was delivered, one a line, "+
		"instead of -output")
	f.StringVar(&s.field, "id", "id", "the `field` that holds a record's id")
	streams := f.String("streams", "items", "the `names` that are read, with commas")
	f.IntVar(&s.records, "records", 2000, "records of each name")
	f.DurationVar(&s.latency, "latency", 10*time.Millisecond, "how long the API takes for a page")
	f.IntVar(&s.trials, "trials", 5, "trials")
	f.IntVar(&s.kills, "kills", 4, "kills in each trial")
	f.Uint64Var(&s.seed, "seed", 1, "draws the moments of the kills")
	f.StringVar(&s.when, "when", "time", "what is drawn: time, or requests that were served since the start")
	f.StringVar(&s.spread, "spread", "uniform",
		"how moments spread: uniform from 0 to twice -every, exponential, or fixed")
	f.Float64Var(&s.every, "every", 0, "the mean `number` of seconds, or requests, until a kill; 0: so that the "+
		"kills spread over an undisturbed run")
	f.BoolVar(&s.alone, "alone", false, "kill the started process only, not its children")
	f.BoolVar(&s.keep, "keep", false, "leave the folders of the trials")
	f.DurationVar(&s.patience, "patience", 5*time.Minute, "the longest that one start may take")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.command, s.streams = f.Args(), strings.Split(*streams, ",")
	return s, s.check()
}

func (s settings) check() error {
	switch {
	case len(s.command) == 0:
		return errors.New("name the command after --")
	case s.when != "time" && s.when != "requests":
		return fmt.Errorf("-when %s: it is time or requests", s.when)
	case s.spread != "uniform" && s.spread != "exponential" && s.spread != "fixed":
		return fmt.Errorf("-spread %s: it is uniform, exponential or fixed", s.spread)
	case s.records < 1 || s.trials < 1 || s.kills < 0 || s.every < 0:
		return errors.New("-records and -trials must be 1 or more, -kills and -every not negative")
	}
	return nil
}

// run is main, with what it prints to.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	s, err := parse(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return exact
	}
	if err != nil {
		fmt.Fprintln(errs, err)
		return usage
	}
	code, err := test(ctx, s, out)
	if err != nil {
		fmt.Fprintln(errs, err)
		return usage
	}
	return code
}

// test makes all trials and prints what came of them.
func test(ctx context.Context, s settings, out io.Writer) (int, error) {
	api := serve(s)
	defer api.close()
	b := &bench{settings: s, api: api, random: newRandom(s.seed), out: out}
	if err := b.undisturbed(ctx); err != nil {
		return usage, err
	}
	var sum tally
	for n := range s.trials {
		t, err := b.trial(ctx, n+1)
		if err != nil {
			return usage, err
		}
		fmt.Fprintf(out, "trial %d: %s\n", n+1, t)
		sum.add(t)
	}
	fmt.Fprintf(out, "seed %d, %d records in each of %d trials: %s\n", s.seed, api.total(), s.trials, sum)
	if !sum.exact() {
		return broken, nil
	}
	return exact, nil
}
