// Commands for installed plugins: verify, lock for other platforms, copy, prune.

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core/plugins"
)

func (a *app) pluginsVerifyCommand() *cobra.Command {
	var dir string
	var all, asJSON bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare installed programs with " + plugins.LockFileName +
			" and their signatures, offline", Args: args,
		RunE: func(*cobra.Command, []string) error {
			in, err := a.installer(dir, installFlags{})
			if err != nil {
				return err
			}
			found, err := in.Verify()
			if err != nil {
				return err
			}
			type row struct {
				Name    string `json:"name"`
				Source  string `json:"source"`
				Version string `json:"version"`
				Status  string `json:"status"` // right, not here, wrong
				Problem string `json:"problem,omitempty"`
			}
			rows := []row{}
			var bad []error
			for _, v := range found {
				r := row{Name: v.Plugin.Name, Source: v.Plugin.Source, Version: v.Plugin.Version.String(),
					Status: "right"}
				for _, p := range v.Missing {
					if p == plugins.ThisPlatform() {
						r.Status = "not here"
					}
				}
				if v.Problem != nil {
					r.Status, r.Problem = "wrong", v.Problem.Error()
					bad = append(bad, fmt.Errorf("%s %s: %w", v.Plugin.Name, v.Plugin.Version, v.Problem))
				}
				rows = append(rows, r)
			}
			stored := 0
			if all {
				items, problems, err := plugins.AllStored()
				if err != nil {
					return err
				}
				stored = len(items)
				for _, p := range problems {
					bad = append(bad, p)
				}
			}
			if asJSON {
				if err := a.json(rows); err != nil {
					return err
				}
			} else {
				for _, r := range rows {
					fmt.Fprintf(a.Out, "%s %s %s  %s\n", r.Name, r.Version, r.Status, a.Style(show.Faint, r.Source))
				}
				if all {
					fmt.Fprintf(a.Out, "%s in the store\n", show.Many(int64(stored), "program"))
				}
			}
			return errors.Join(bad...)
		},
	}
	addDir(cmd, &dir)
	cmd.Flags().BoolVar(&all, "all", false, "verify every program in the store, for all folders")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func (a *app) pluginsLockCommand() *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use: "lock --platform PLATFORM,...", Short: "Fetch and verify locked plugins for other platforms too",
		Args: nil,
		Long: plugins.LockFileName + " has the digests for every platform that the publisher signed, so other " +
			"machines need\n" +
			"nothing else. This command also downloads the programs for other platforms into the store and verifies\n" +
			"them, for example for a container image.",
		RunE: func(cmd *cobra.Command, given []string) error {
			switch {
			case len(given) > 0:
				return usageError{fmt.Errorf("unexpected argument %q: platforms are named by --platform",
					strings.Join(given, " "))}
			case len(f.platforms) == 0:
				return usageError{errors.New(
					"--platform is missing, as in --platform linux_amd64,linux_arm64,darwin_arm64")}
			}
			locked, err := plugins.AllLocked(f.dir)
			if err != nil {
				return err
			}
			var demands []plugins.Demand
			for _, p := range locked {
				demands = append(demands, plugins.Demand{Source: p.Source, Constraint: p.Constraints})
			}
			in, err := a.installer(f.dir, f)
			if err != nil {
				return err
			}
			plan, err := in.Resolve(cmd.Context(), demands, plugins.Mode{Locked: true})
			if err != nil {
				return err
			}
			return a.apply(cmd.Context(), in, plan, nil, f)
		},
	}
	f.add(cmd)
	f.addDir(cmd)
	return cmd
}

func (a *app) pluginsMirrorCommand() *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use: "mirror TO", Short: "Copy locked plugins, for all platforms, to a folder or a registry", Args: args,
		Long: "Copies the plugins of " + plugins.LockFileName +
			" for all platforms, with their signatures. TO is a folder,\n" +
			"which becomes an OCI layout, or oci://HOST/PREFIX in a registry. A machine without a network installs\n" +
			"from it:\n\n" +
			"  scrapekit init --locked --mirror oci-layout:FOLDER\n\n" +
			"or with a mirror in its config.hcl:\n\n" +
			"  mirror \"registry.example.com/*\" {\n    to = \"oci-layout:/srv/plugins\"\n  }",
		RunE: func(cmd *cobra.Command, given []string) error {
			in, err := a.installer(f.dir, f)
			if err != nil {
				return err
			}
			copied, err := in.CopyTo(cmd.Context(), given[0])
			if err != nil {
				return err
			}
			if f.asJSON {
				type row struct {
					Source  string `json:"source"`
					Version string `json:"version"`
					To      string `json:"to"`
				}
				rows := []row{}
				for _, c := range copied {
					rows = append(rows, row{c.Plugin.Source, c.Plugin.Version.String(), c.To})
				}
				return a.json(rows)
			}
			fmt.Fprintf(a.Out, "%s in %s\n", show.Many(int64(len(copied)), "plugin"), given[0])
			return nil
		},
	}
	addDir(cmd, &f.dir)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print what was copied as JSON")
	return cmd
}

func (a *app) pluginsPruneCommand() *cobra.Command {
	var dry, asJSON bool
	cmd := &cobra.Command{
		Use: "prune", Short: "Remove programs from the store that no " + plugins.LockFileName + " names", Args: args,
		Long: "Removes the programs in the store that none of your " + plugins.LockFileName +
			" files names. The store knows\n" +
			"which lock files it was used with. What is removed can be installed again.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			gone, err := plugins.Prune(cmd.Context(), dry)
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(append([]plugins.Stored{}, gone...))
			}
			var bytes int64
			for _, g := range gone {
				bytes += g.Size
				fmt.Fprintln(a.Out, g.Dir)
			}
			what := "removed"
			if dry {
				what = "would be removed"
			}
			fmt.Fprintf(a.Out, "%s %s, %s\n", show.Many(int64(len(gone)), "program"), what, show.Size(bytes))
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be removed")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was removed as JSON")
	return cmd
}
