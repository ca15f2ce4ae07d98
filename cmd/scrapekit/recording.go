// recording: shows the file that --record made.

package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
)

func (a *app) recordingCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "recording", Short: "Look into recordings of run --record", RunE: subcommand}
	cmd.AddCommand(a.recordingShowCommand())
	return cmd
}

func (a *app) recordingShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show FILE", Short: "List the exchanges of a recording", Args: args,
		Long: "Lists the exchanges of a recording in the order in which they ended. --json prints each of them with\n" +
			"its body, one a line; sdktest.Replay plays these lines in the test of a plugin.",
		RunE: func(_ *cobra.Command, given []string) error {
			if asJSON {
				out := json.NewEncoder(show.JSONOut{To: a.Out})
				out.SetEscapeHTML(false)
				_, err := core.ReadRecording(given[0], true, func(e core.Exchange) error { return out.Encode(e) })
				return err
			}
			return a.printRecording(given[0])
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print every exchange with its body as a line of JSON")
	return cmd
}

func (a *app) printRecording(file string) error {
	w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tTOOK\tSTATUS\tSIZE\tREQUEST")
	info, err := core.ReadRecording(file, false, func(e core.Exchange) error {
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s %s\n", e.Time.Local().Format("15:04:05.000"), show.Brief(e.Took),
			statusOf(e), show.Size(e.Size), e.Method, e.URL)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "\n%s\n", describe(file, info))
	return nil
}

// statusOf returns the result of a request as a word.
func statusOf(e core.Exchange) string {
	switch {
	case e.Withheld != "":
		return "withheld"
	case e.Error != "":
		return "error"
	}
	return fmt.Sprint(e.Status)
}

// describe describes a recording.
func describe(file string, info core.RecordingInfo) string {
	text := fmt.Sprintf("%s: %s of pipeline %s, recorded %s", file, show.Many(int64(info.Exchanges), "exchange"),
		info.Pipeline, info.Started.Local().Format("2006-01-02 15:04:05"))
	if info.Sessions > 1 {
		text += fmt.Sprintf(" and in %s more", show.Many(int64(info.Sessions-1), "session"))
	}
	if !info.Complete {
		text += "; it was cut short, perhaps by a kill"
	}
	return text
}
