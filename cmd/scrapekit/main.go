// Command scrapekit reads records from remote systems and delivers them, transformed, to files and
// databases.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() {
	serve.TuneMemory()
	log.SetOutput(io.Discard) // net/http logs unsolicited data of hosts there
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// app is what the commands share.
type app struct {
	*show.Console
	logLevel string
	sandbox  string
	force    chan struct{}
	hosts    *core.Hosts
}

// run is main without os.Exit.
func run(args []string, out, errOut io.Writer) int {
	out, errOut = show.NewScreen(out), show.NewScreen(errOut)
	a := &app{hosts: core.NewHosts(), Console: &show.Console{
		Out: out, Err: errOut, Color: show.Colorful(errOut), Args: args, Hide: func(s string) string { return s },
	}}
	ctx, stop := a.untilInterrupted(context.Background())
	defer stop()
	root := a.root()
	root.SetArgs(longFlags(args))
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	a.printError(cmd, err)
	return exitCode(err)
}

// longFlags accepts a flag with a single dash, as in Terraform.
func longFlags(args []string) []string {
	out := slices.Clone(args)
	if i := slices.Index(out, "-upgrade"); i > 0 && out[0] == "init" {
		out[i] = "--upgrade"
	}
	return out
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "scrapekit",
		Short: "Read remote systems, reliably and politely",
		Long: "" +
			"scrapekit runs pipelines: a source reads a remote system, transforms change its records, sinks deliver\n" +
			"them. Nothing is lost and nothing is delivered twice, whatever is stopped or killed: run it again and\n" +
			"it goes on.\n\n" +
			"Begin with `scrapekit demo`: it needs no network. `scrapekit help` lists the pages of the manual.\n\n" +
			exitCodes,
		Args:          cobra.ArbitraryArgs, // so that subcommand handles unknown commands
		RunE:          subcommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	root.SetVersionTemplate("scrapekit {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&a.logLevel, "log", "warn",
		"lowest level of log lines on standard error: debug, info, warn, error, off")
	root.PersistentFlags().StringVar(&a.sandbox, "sandbox", "",
		"how much plugins are confined: "+strings.Join(core.SandboxLevels(), ", ")+" (default strong on Linux)")
	root.AddCommand(a.runCommand(), a.initCommand(), a.demoCommand(), a.validateCommand(), a.planCommand(),
		a.previewCommand(),
		a.fetchCommand(), a.stateCommand(), a.recordingCommand(), a.pluginsCommand(), a.doctorCommand(),
		a.versionCommand())
	root.SetHelpCommand(a.helpCommand())
	return root
}

// untilInterrupted returns a context that the first SIGINT or SIGTERM cancels, so that a run drains
// and commits. The second one ends the process and the plugins immediately.
func (a *app) untilInterrupted(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	a.force = make(chan struct{})
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
			return
		}
		select {
		case <-signals:
			fmt.Fprintln(a.Err, "\nstopped at once; run the same command again to go on from the last commit")
			os.Exit(exitInterrupted)
		case <-a.force:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
		close(a.force)
	}
}
