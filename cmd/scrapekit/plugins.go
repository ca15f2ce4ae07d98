// The first-party plugins: their list, their reference, and the hidden command that serves one.

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/plugins"
	"github.com/scrapekit/scrapekit/plugins/sinks/csv"
	httpsink "github.com/scrapekit/scrapekit/plugins/sinks/http"
	"github.com/scrapekit/scrapekit/plugins/sinks/jsonl"
	"github.com/scrapekit/scrapekit/plugins/sinks/mysql"
	"github.com/scrapekit/scrapekit/plugins/sinks/parquet"
	"github.com/scrapekit/scrapekit/plugins/sinks/postgres"
	"github.com/scrapekit/scrapekit/plugins/sinks/sqlite"
	"github.com/scrapekit/scrapekit/plugins/sources/generate"
	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/transforms/llm"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

// firstParty returns the plugins inside this program.
func firstParty() []sdk.Plugin {
	return []sdk.Plugin{generate.Plugin(), jira.Plugin(), llm.Plugin(), jsonl.Plugin(), csv.Plugin(), httpsink.Plugin(),
		mysql.Plugin(), parquet.Plugin(), postgres.Plugin(), sqlite.Plugin()}
}

// shipped returns the descriptions of the first-party plugins and the host's own sink.
func shipped() []sdk.Info {
	var out []sdk.Info
	for _, p := range firstParty() {
		out = append(out, p.Info)
	}
	return append(out, core.StdoutSink())
}

// serveCommand returns the command that serves a first-party plugin: this program.
func serveCommand(name string) (string, []string) {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return self, []string{"plugins", "serve", name}
}

func (a *app) pluginsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "plugins", Short: "Install plugins; write, test and publish your own", RunE: subcommand}
	cmd.AddCommand(a.userCommands()...)
	cmd.AddCommand(a.writingCommands()...)
	cmd.AddCommand(a.authorCommands()...)
	cmd.AddCommand(a.pluginsListCommand(), a.pluginsDocsCommand(), &cobra.Command{
		Use: "serve NAME", Hidden: true, Args: args,
		RunE: func(_ *cobra.Command, given []string) error {
			if probe := plugins.Probe(); given[0] == probe.Name {
				serve.Main(probe) // not part of any pipeline
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

// infoNamed returns the description of a first-party plugin or the host's own sink.
func infoNamed(name string) (sdk.Info, error) {
	if own := core.StdoutSink(); name == own.Name {
		return own, nil
	}
	p, err := pluginNamed(name)
	return p.Info, err
}

// listed is a plugin of the list.
type listed struct {
	sdk.Info
	Source    string `json:"source,omitempty"`    // of an installed one
	Installed *bool  `json:"installed,omitempty"` // its program is installed
}

func (a *app) pluginsListCommand() *cobra.Command {
	var asJSON bool
	var dir string
	cmd := &cobra.Command{
		Use: "list", Short: "List the shipped plugins, and those in " + plugins.LockFileName, Args: args,
		RunE: func(*cobra.Command, []string) error {
			all, err := a.listed(dir)
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(all)
			}
			w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print everything about them as JSON")
	addDir(cmd, &dir)
	return cmd
}

// listed returns the first-party plugins, then those in a folder's lock file.
func (a *app) listed(dir string) ([]listed, error) {
	var out []listed
	for _, info := range shipped() {
		out = append(out, listed{Info: info})
	}
	locked, err := plugins.AllLocked(dir)
	if err != nil {
		return nil, err
	}
	for _, p := range locked {
		here, err := plugins.IsInstalled(p)
		if err != nil {
			return nil, err
		}
		info := sdk.Info{Name: p.Name, Version: p.Version.String(), Kind: p.Kind, Permissions: p.Permissions}
		out = append(out, listed{Info: info, Source: p.Source, Installed: &here})
	}
	return out, nil
}

// json prints a value as JSON.
func (a *app) json(v any) error { return show.WriteJSON(a.Out, v) }

func firstSentence(doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	if i := strings.Index(doc, ". "); i >= 0 {
		return doc[:i+1]
	}
	return doc
}
