// Commands for the keys of publishers.

package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core/plugins"
)

func (a *app) trustCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "trust", Short: "Give, list and remove keys of publishers", RunE: subcommand,
		Long: "Every release of a plugin is signed by its publisher. The first key that is seen of a publisher is\n" +
			"remembered, and another key later is refused. A key that you give yourself decides alone.",
	}
	cmd.AddCommand(a.trustAddCommand(), a.trustListCommand(), a.trustRemoveCommand())
	return cmd
}

func (a *app) trustAddCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "add PATTERN KEY", Short: "Trust a key for the plugins whose names match a pattern", Args: args,
		Long: "" +
			"PATTERN is the name of a plugin, or the beginning of names followed by /*. KEY is the public key that\n" +
			"the publisher announces, RW…, or a file with it. A pattern may have several keys, for example while a\n" +
			"publisher changes them. The closest pattern decides.",
		Example: "  scrapekit plugins trust add 'registry.example.com/acme/*' acme.pub",
		RunE: func(_ *cobra.Command, given []string) error {
			e, err := plugins.ParseTrust(given[0], given[1])
			if err != nil {
				return usageError{err}
			}
			if err := plugins.AddTrust(e); err != nil {
				return err
			}
			if asJSON {
				return a.json(e)
			}
			fmt.Fprintf(a.Out, "trusted for %s: %s\n", e.Pattern, e.Key.Fingerprint())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what is trusted now as JSON")
	return cmd
}

func (a *app) trustListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List trusted keys, and keys that were remembered at first use", Args: args,
		RunE: func(*cobra.Command, []string) error {
			all, path, err := plugins.TrustedKeys()
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(append([]plugins.TrustEntry{}, all...))
			}
			if len(all) == 0 {
				fmt.Fprintf(a.Out, "no keys in %s\n", path)
				return nil
			}
			w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "PATTERN\tKEY\tSINCE\tBY")
			for _, e := range all {
				by := "you"
				if e.FirstUse {
					by = "first use"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", e.Pattern, e.Key.Fingerprint(), e.Since, by)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print them as JSON")
	return cmd
}

func (a *app) trustRemoveCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "remove PATTERN [KEY]", Short: "Stop trusting the keys of a pattern, or one of them",
		RunE: func(_ *cobra.Command, given []string) error {
			if len(given) == 0 || len(given) > 2 {
				return usageError{errors.New(
					"want PATTERN, and KEY for one of several; `scrapekit plugins trust list` shows them")}
			}
			key := ""
			if len(given) == 2 {
				e, err := plugins.ParseTrust(given[0], given[1])
				if err != nil {
					return usageError{err}
				}
				key = string(e.Key)
			}
			gone, err := plugins.RemoveTrust(given[0], key)
			if err != nil {
				return err
			}
			if len(gone) == 0 {
				return usageError{fmt.Errorf("no such key is trusted for %q; `scrapekit plugins trust list` shows them",
					given[0])}
			}
			if asJSON {
				return a.json(gone)
			}
			fmt.Fprintf(a.Out, "%s removed\n", show.Many(int64(len(gone)), "key"))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what is no longer trusted as JSON")
	return cmd
}
