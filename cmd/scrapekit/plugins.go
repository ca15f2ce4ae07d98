// The first-party plugins: the list of them, their reference, and the hidden command that serves one.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/plugins/sinks/jsonl"
	"github.com/scrapekit/scrapekit/plugins/sources/generate"
	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/transforms/llm"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

// firstParty lists the plugins that are inside this program.
func firstParty() []sdk.Plugin {
	return []sdk.Plugin{generate.Plugin(), jira.Plugin(), llm.Plugin(), jsonl.Plugin()}
}

// serveCommand is the command that serves a first-party plugin: this program, started again.
func serveCommand(name string) (string, []string) {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return self, []string{"plugins", "serve", name}
}

func (a *app) pluginsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "plugins", Short: "Install plugins of others; write, test and publish your own; list them, print their reference", RunE: subcommand}
	cmd.AddCommand(a.userCommands()...)
	cmd.AddCommand(a.writingCommands()...)
	cmd.AddCommand(a.authorCommands()...)
	cmd.AddCommand(a.pluginsListCommand(), a.pluginsDocsCommand(), &cobra.Command{
		Use: "serve NAME", Hidden: true, Args: args,
		RunE: func(_ *cobra.Command, given []string) error {
			if probe := core.ProbePlugin(); given[0] == probe.Name {
				serve.Main(probe) // no plugin of anybody's pipeline
				return nil
			}
			p, err := pluginNamed(given[0])
			if err == nil {
				serve.Main(p)
			}
			return err
		},
	})
	return cmd
}

func pluginNamed(name string) (sdk.Plugin, error) {
	all := firstParty()
	i := slices.IndexFunc(all, func(p sdk.Plugin) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range all {
			names = append(names, p.Name)
		}
		return sdk.Plugin{}, usageError{fmt.Errorf("no plugin %q; there are %s", name, strings.Join(names, ", "))}
	}
	return all[i], nil
}

// listed is a plugin of the list.
type listed struct {
	sdk.Info
	Source    string `json:"source,omitempty"`    // of one that is installed
	Installed *bool  `json:"installed,omitempty"` // its program is on this machine
}

func (a *app) pluginsListCommand() *cobra.Command {
	var asJSON bool
	var dir string
	cmd := &cobra.Command{
		Use: "list", Short: "List the plugins of this program, and those of " + core.LockFileName, Args: args,
		RunE: func(*cobra.Command, []string) error {
			all, err := a.listed(dir)
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(all)
			}
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			for _, p := range all {
				what := firstSentence(p.Doc)
				if p.Source != "" {
					what = fmt.Sprintf("%s of %s", p.Version, p.Source)
				}
				if p.Installed != nil && !*p.Installed {
					what += ", not on this machine: run scrapekit init"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", p.Kind, p.Name, what)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print everything that is known of them as JSON")
	addDir(cmd, &dir)
	return cmd
}

// listed are the plugins of this program, then those of a folder's lock file.
func (a *app) listed(dir string) ([]listed, error) {
	var out []listed
	for _, p := range firstParty() {
		out = append(out, listed{Info: p.Info})
	}
	locked, err := core.LockedPlugins(dir)
	if err != nil {
		return nil, err
	}
	for _, p := range locked {
		here, err := core.IsInstalled(p)
		if err != nil {
			return nil, err
		}
		info := sdk.Info{Name: p.Name, Version: p.Version.String(), Kind: p.Kind, Permissions: p.Permissions}
		out = append(out, listed{Info: info, Source: p.Source, Installed: &here})
	}
	return out, nil
}

func (a *app) pluginsDocsCommand() *cobra.Command {
	var f projectFlags
	format := "markdown"
	cmd := &cobra.Command{
		Use: "docs [PLUGIN...]", Short: "Print the reference of plugins: settings and streams",
		Long: "Prints the reference of plugins, from the schema of their settings and what they say of their streams. PLUGIN is the name of a shipped\n" +
			"plugin, a program in any language, or a folder that is built first; without one, all shipped plugins are meant.",
		RunE: func(cmd *cobra.Command, given []string) error {
			write, ok := map[string]func(io.Writer, sdk.Info) error{"markdown": writeReference, "man": writeManual}[format]
			if !ok {
				return usageError{fmt.Errorf("--format %s: want markdown or man", format)}
			}
			if len(given) == 0 {
				for _, p := range firstParty() {
					given = append(given, p.Name)
				}
			}
			for i, name := range given {
				info, err := a.infoOf(cmd.Context(), name, f)
				if err != nil {
					return err
				}
				if i > 0 {
					fmt.Fprintln(a.out)
				}
				if err := write(a.out, info); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "markdown, or man for a page of section 7")
	cmd.Flags().StringVar(&f.build, "build", "", "a command that builds PLUGIN, which then names a program")
	return cmd
}

// infoOf is what a plugin says of itself: a shipped one, a program, or what a folder is built into.
func (a *app) infoOf(ctx context.Context, name string, f projectFlags) (sdk.Info, error) {
	p, err := pluginNamed(name)
	if _, missing := os.Stat(name); err == nil || missing != nil {
		return p.Info, err
	}
	dir, remove, err := scratch()
	if err != nil {
		return sdk.Info{}, err
	}
	defer remove()
	built, err := a.project(ctx, name, f, dir)
	if err != nil {
		return sdk.Info{}, err
	}
	opts, err := a.fileOptions(f.fileFlags)
	if err != nil {
		return sdk.Info{}, err
	}
	return a.describe(ctx, built, opts)
}

// json prints a value for programs.
func (a *app) json(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func firstSentence(doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	if i := strings.Index(doc, ". "); i >= 0 {
		return doc[:i+1]
	}
	return doc
}
