// Exit codes: maps errors to codes, which the help lists.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/plugins"
)

const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitIncomplete  = 3
	exitLocked      = 4
	exitOutdated    = 5
	exitInterrupted = 130
)

const exitCodes = `Exit codes:
  0    done
  1    failed; what was committed is kept, and running it again goes on
  2    wrong usage, or a pipeline file that is not right
  3    ended, but parts could not be read; running it again asks for them again
  4    the pipeline is being run by another process, or was taken over by one
  5    newer versions of plugins are published, or --locked would have to change the lock file
  130  stopped by Ctrl-C or SIGTERM, everything committed; running it again goes on`

// usageError is an invalid command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// invalidError is an invalid pipeline file. Its diagnostics were printed.
type invalidError struct{ file string }

func (e invalidError) Error() string { return e.file + " is not right" }

// outcomeError is a run that is not complete. Its report was printed.
type outcomeError struct{ outcome core.Outcome }

func (e outcomeError) Error() string { return "the run is " + string(e.outcome) }

func exitCode(err error) int {
	var usage usageError
	var invalid invalidError
	var locked *core.LockedError
	var outcome outcomeError
	var outdated outdatedError
	var unlocked *plugins.NotLockedError
	switch {
	case errors.As(err, &usage), errors.As(err, &invalid):
		return exitUsage
	case errors.As(err, &locked), errors.Is(err, core.ErrTakenOver):
		return exitLocked
	case errors.As(err, &outdated), errors.As(err, &unlocked):
		return exitOutdated
	case errors.As(err, &outcome) && outcome.outcome == core.Incomplete:
		return exitIncomplete
	case errors.As(err, &outcome) && outcome.outcome == core.Interrupted, errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}

// printError prints an error, unless that was done already.
func (a *app) printError(cmd *cobra.Command, err error) {
	var invalid invalidError
	var outcome outcomeError
	var outdated outdatedError
	if errors.As(err, &invalid) || errors.As(err, &outcome) || errors.As(err, &outdated) || errors.Is(err, errChecks) ||
		errors.Is(err, errUnhealthy) {
		return
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(a.Err, "stopped")
		return
	}
	a.showError(err)
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(a.Err, "run `%s --help` for the right use\n", cmd.CommandPath())
	}
	var locked *core.LockedError
	if errors.As(err, &locked) {
		fmt.Fprintln(a.Err, "wait for it to end, or stop it; two runs of one pipeline would deliver records twice")
	}
}

// showError prints an error, then what a plugin printed as it died.
func (a *app) showError(err error) {
	fmt.Fprintf(a.Err, "%s %s\n", a.Style(show.Red, "error:"), err)
	for line := range strings.Lines(core.StackOf(err)) {
		fmt.Fprintf(a.Err, "    %s", line)
	}
}

// args accepts exactly the arguments in the command's use line.
func args(cmd *cobra.Command, given []string) error {
	wanted := strings.Fields(cmd.Use)[1:]
	switch {
	case len(given) < len(wanted):
		return usageError{fmt.Errorf("%s is missing: %s", strings.Join(wanted[len(given):], " "), cmd.UseLine())}
	case len(given) > len(wanted):
		return usageError{fmt.Errorf("unexpected argument %q: %s", strings.Join(given[len(wanted):], " "),
			cmd.UseLine())}
	}
	return nil
}

// subcommand runs a command that only has subcommands: it shows help, or an error for an unknown
// subcommand.
func subcommand(cmd *cobra.Command, given []string) error {
	if len(given) == 0 {
		return cmd.Help()
	}
	cmd.SuggestionsMinimumDistance = 2
	message := fmt.Sprintf("unknown command %q for %q", given[0], cmd.CommandPath())
	if near := cmd.SuggestionsFor(given[0]); len(near) > 0 {
		message += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usageError{errors.New(message)}
}
