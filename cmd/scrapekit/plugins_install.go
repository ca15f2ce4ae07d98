// Commands that change which plugins are installed.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core/plugins"
)

// userCommands are the commands for users of plugins.
func (a *app) userCommands() []*cobra.Command {
	return []*cobra.Command{
		a.pluginsInstallCommand(), a.pluginsUpdateCommand(), a.pluginsRemoveCommand(), a.pluginsOutdatedCommand(),
		a.pluginsInfoCommand(),
		a.pluginsSearchCommand(), a.pluginsVerifyCommand(), a.pluginsLockCommand(), a.pluginsMirrorCommand(),
		a.pluginsPruneCommand(), a.trustCommand(),
	}
}

func (a *app) pluginsInstallCommand() *cobra.Command {
	var f installFlags
	var how plugins.Mode
	cmd := &cobra.Command{
		Use: "install SOURCE[@CONSTRAINT]...", Short: "Install plugins that no pipeline file requires yet",
		Long: "Installs the newest version that the constraint allows, and writes it into " + plugins.LockFileName +
			". SOURCE is\n" +
			"HOST/PATH in an OCI registry, oci-layout:FOLDER, https://HOST/PATH, or github.com/OWNER/REPOSITORY.\n" +
			"A constraint is \"1.4.2\", \"~> 1.4\" or \">= 1.2, < 2.0\".\n\n" + installHelp,
		Example: "  scrapekit plugins install registry.example.com/acme/scrapekit-hello\n" +
			"  scrapekit plugins install 'registry.example.com/acme/scrapekit-hello@~> 1.4'",
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return usageError{errors.New(
					"SOURCE is missing: where the plugin is published, such as " +
						"registry.example.com/acme/scrapekit-hello")}
			}
			var demands []plugins.Demand
			for _, text := range given {
				d, err := plugins.ParseDemand(text)
				if err != nil {
					return usageError{err}
				}
				demands = append(demands, d)
			}
			return a.install(cmd.Context(), demands, f, how)
		},
	}
	f.add(cmd)
	f.addDir(cmd)
	cmd.Flags().BoolVarP(&how.Upgrade, "upgrade", "u", false,
		"take the newest version, even if an older one that is allowed is installed")
	return cmd
}

func (a *app) install(ctx context.Context, demands []plugins.Demand, f installFlags, how plugins.Mode) error {
	in, err := a.installer(f.dir, f)
	if err != nil {
		return err
	}
	plan, err := in.Resolve(ctx, demands, how)
	if err != nil {
		return err
	}
	if err := a.apply(ctx, in, plan, nil, f); err != nil || f.asJSON {
		return err
	}
	fmt.Fprint(a.Out, "\nto use it, write into your pipeline file\n\n  pipeline {\n    required_plugins {\n")
	for _, c := range plan.Changes {
		fmt.Fprintf(a.Out, "      %s = { source = %q, version = %q }\n", c.After.Name, c.Source,
			cmp.Or(c.After.Constraints, c.After.Version.About()))
	}
	fmt.Fprintf(a.Out, "    }\n  }\n\n")
	for _, c := range plan.Changes {
		fmt.Fprintf(a.Out, "  %s %q {\n  }\n", c.After.Kind, c.After.Name)
	}
	return nil
}

func (a *app) pluginsUpdateCommand() *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use: "update [NAME...]", Short: "Update installed plugins as far as their constraints allow",
		Long: "Takes the newest versions that the constraints in " + plugins.LockFileName +
			" allow. The constraints are those\n" +
			"of the pipeline files when `scrapekit init` ran last.\n\n" + installHelp,
		RunE: func(cmd *cobra.Command, given []string) error {
			chosen, err := lockedPlugins(f.dir, given)
			if err != nil {
				return err
			}
			var demands []plugins.Demand
			for _, p := range chosen {
				demands = append(demands, plugins.Demand{Source: p.Source, Constraint: p.Constraints})
			}
			in, err := a.installer(f.dir, f)
			if err != nil {
				return err
			}
			plan, err := in.Resolve(cmd.Context(), demands, plugins.Mode{Upgrade: true})
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

// lockedPlugins returns the plugins in a folder's lock file with these names, or all.
func lockedPlugins(dir string, names []string) ([]plugins.Locked, error) {
	all, err := plugins.AllLocked(dir)
	if err != nil || len(names) == 0 {
		return all, err
	}
	var out []plugins.Locked
	for _, name := range names {
		found, err := plugins.LockedNamed(dir, name)
		if err != nil {
			return nil, err
		}
		switch len(found) {
		case 1:
			if !slices.ContainsFunc(out, func(p plugins.Locked) bool { return p.Source == found[0].Source }) {
				out = append(out, found[0])
			}
		case 0:
			return nil, usageError{fmt.Errorf("%s has no plugin %q; %s", plugins.LockFileName, name, thereAre(all))}
		default:
			return nil, usageError{fmt.Errorf("%q is the name of several plugins: say which by its source; %s", name,
				thereAre(found))}
		}
	}
	return out, nil
}

func thereAre(all []plugins.Locked) string {
	if len(all) == 0 {
		return "it has none: `scrapekit init` and `scrapekit plugins install` put them there"
	}
	var out []string
	for _, p := range all {
		out = append(out, fmt.Sprintf("%s (%s)", p.Name, p.Source))
	}
	return "there are " + strings.Join(out, ", ")
}

func (a *app) pluginsRemoveCommand() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "remove NAME...", Short: "Take plugins out of " + plugins.LockFileName,
		Long: "Takes plugins out of " + plugins.LockFileName +
			". The next `scrapekit init` installs and locks anew what a\n" +
			"pipeline file requires. Programs stay in the store until `scrapekit plugins prune`.",
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return usageError{errors.New("NAME is missing: `scrapekit plugins list` names them")}
			}
			chosen, err := lockedPlugins(dir, given)
			if err != nil {
				return err
			}
			in, err := a.installer(dir, installFlags{})
			if err != nil {
				return err
			}
			return a.remove(cmd.Context(), in, dir, chosen, asJSON)
		},
	}
	addDir(cmd, &dir)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was removed as JSON")
	return cmd
}

// removedJSON is a removed plugin in JSON output.
type removedJSON struct {
	Source     string   `json:"source"`
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	RequiredBy []string `json:"required_by,omitempty"` // places in pipeline files that still require it
}

func (a *app) remove(ctx context.Context, in *plugins.Installer, dir string, chosen []plugins.Locked,
	asJSON bool) error {
	var sources []string
	for _, p := range chosen {
		sources = append(sources, p.Source)
	}
	if err := in.Remove(ctx, sources...); err != nil {
		return err
	}
	files, err := plugins.PipelineFiles(dir)
	if err != nil {
		return err
	}
	demands, _, _ := plugins.Demands(ctx, files, nil) // errors in a file appear when it is run
	rows := []removedJSON{}
	for _, p := range chosen {
		row := removedJSON{Source: p.Source, Name: p.Name, Version: p.Version.String()}
		for _, d := range demands {
			if d.Source == p.Source {
				row.RequiredBy = append(row.RequiredBy, d.Where)
			}
		}
		rows = append(rows, row)
	}
	if asJSON {
		return a.json(rows)
	}
	for _, r := range rows {
		fmt.Fprintf(a.Out, "removed %s %s (%s)\n", r.Name, r.Version, r.Source)
	}
	for _, r := range rows {
		for _, where := range r.RequiredBy {
			fmt.Fprintf(a.Err, "%s %s requires %s\n", a.Style(show.Yellow, "note:"), where, r.Source)
		}
	}
	return nil
}
