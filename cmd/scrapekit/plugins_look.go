// Commands that show installed and published plugins.

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core/plugins"
	"github.com/scrapekit/scrapekit/sdk"
)

// outdatedError says that newer versions exist. They were printed.
type outdatedError struct{}

func (outdatedError) Error() string { return "there are newer versions" }

func (a *app) pluginsOutdatedCommand() *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use: "outdated", Short: "Show installed plugins with newer versions", Args: args,
		Long: "" +
			"Shows installed plugins with newer versions. WANTED is the newest version that the constraint allows,\n" +
			"NEWEST the newest of all. Ends with code 5 if there are any.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := a.installer(f.dir, f)
			if err != nil {
				return err
			}
			all, err := in.Outdated(cmd.Context())
			if err != nil {
				return err
			}
			type row struct {
				Name    string `json:"name"`
				Source  string `json:"source"`
				Current string `json:"current"`
				Wanted  string `json:"wanted,omitempty"`
				Newest  string `json:"newest,omitempty"`
				Problem string `json:"problem,omitempty"`
			}
			behind, rows := false, []row{}
			var problems []error
			for _, o := range all {
				one := row{Name: o.Plugin.Name, Source: o.Plugin.Source, Current: o.Plugin.Version.String(),
					Wanted: o.Wanted.String(), Newest: o.Newest.String()}
				if o.Problem != nil {
					one.Problem = o.Problem.Error()
					problems = append(problems, o.Problem)
				}
				behind = behind || o.Behind()
				if f.asJSON || o.Behind() {
					rows = append(rows, one)
				}
			}
			if f.asJSON {
				if err := a.json(rows); err != nil {
					return err
				}
			} else if len(rows) > 0 {
				w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "NAME\tCURRENT\tWANTED\tNEWEST\tSOURCE")
				for _, r := range rows {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Name, r.Current, dash(r.Wanted), dash(r.Newest), r.Source)
				}
				if err := w.Flush(); err != nil {
					return err
				}
			} else if problems == nil {
				fmt.Fprintln(a.Out, "all plugins are the newest")
			}
			if err := errors.Join(problems...); err != nil {
				return err
			}
			if behind {
				return outdatedError{}
			}
			return nil
		},
	}
	addDir(cmd, &f.dir)
	cmd.Flags().StringVar(&f.mirror, "mirror", "",
		"look in this mirror: oci-layout:FOLDER, or HOST/PREFIX/{path} of a registry")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print all plugins as JSON")
	return cmd
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) pluginsInfoCommand() *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use: "info NAME|SOURCE[@CONSTRAINT]", Short: "Show a published plugin: versions, permissions, platforms, key",
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) != 1 {
				return usageError{errors.New("name one plugin: an installed one by its name, or any by its source")}
			}
			d, err := plugins.ParseDemand(given[0])
			if found, lockErr := lockedPlugins(f.dir, given); err != nil && lockErr != nil &&
				!strings.ContainsAny(given[0], "/:") {
				return fmt.Errorf("%w; name a plugin that is not installed by its source, HOST/PATH", lockErr)
			} else if lockErr == nil {
				d, err = plugins.Demand{Source: found[0].Source, Constraint: found[0].Constraints}, nil
			}
			if err != nil {
				return usageError{err}
			}
			in, err := a.installer(f.dir, f)
			if err != nil {
				return err
			}
			about, err := in.About(cmd.Context(), d)
			if err != nil {
				return err
			}
			if f.asJSON {
				return a.json(aboutOf(about))
			}
			return a.printAbout(aboutOf(about))
		},
	}
	addDir(cmd, &f.dir)
	cmd.Flags().StringVar(&f.mirror, "mirror", "",
		"look in this mirror: oci-layout:FOLDER, or HOST/PREFIX/{path} of a registry")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print it as JSON")
	return cmd
}

// about is the description of a published plugin.
type about struct {
	Source      string               `json:"source"`
	Name        string               `json:"name"`
	Kind        sdk.Kind             `json:"kind"`
	Description string               `json:"description,omitempty"`
	Version     string               `json:"version"`
	Locked      string               `json:"locked,omitempty"` // the installed version
	Versions    []string             `json:"versions"`
	Protocol    int                  `json:"protocol"`
	Platforms   map[string]int64     `json:"platforms"` // size of the archive in bytes
	Permissions sdk.Permissions      `json:"permissions,omitzero"`
	Paths       plugins.PathSettings `json:"paths,omitzero"`
	Key         string               `json:"key,omitempty"`
	Trust       string               `json:"trust"` // about the key
	LooksLike   []string             `json:"looks_like,omitempty"`
}

func aboutOf(in *plugins.About) about {
	s := in.Statement
	out := about{
		Source: in.Source, Name: s.Manifest.Name, Kind: s.Manifest.Kind, Description: s.Manifest.Description,
		Version: s.Manifest.Version,
		Locked:  in.Locked.Version.String(), Protocol: s.Manifest.Protocol, Platforms: map[string]int64{},
		Permissions: s.Manifest.Permissions, Paths: s.Manifest.Paths,
		LooksLike: in.LooksLike, Trust: "known",
	}
	for _, v := range in.Versions {
		out.Versions = append(out.Versions, v.String())
	}
	for p, t := range s.Targets {
		out.Platforms[string(p)] = t.Size
	}
	if s.Key != "" {
		out.Key = s.Key.Fingerprint()
	}
	switch {
	case in.KeyError != nil:
		out.Trust = "refused: " + in.KeyError.Error()
	case in.Vouched:
		out.Trust = "you trust it"
	case in.FirstUse:
		out.Trust = "not known yet"
	}
	return out
}

func (a *app) printAbout(i about) error {
	w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s, %s\n", i.Name, i.Kind, i.Source)
	for _, like := range i.LooksLike {
		fmt.Fprintf(w, "warning\tits name looks like %s\n", like)
	}
	if i.Description != "" {
		fmt.Fprintf(w, "what it does\t%s\n", firstSentence(i.Description))
	}
	fmt.Fprintf(w, "version\t%s\n", i.Version)
	if i.Locked != "" {
		fmt.Fprintf(w, "installed\t%s\n", i.Locked)
	}
	shown := i.Versions[:min(len(i.Versions), 10)]
	text := strings.Join(shown, ", ")
	if more := len(i.Versions) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d older ones", more)
	}
	fmt.Fprintf(w, "versions\t%s\n", text)
	var platforms []string
	for p, n := range i.Platforms {
		platforms = append(platforms, fmt.Sprintf("%s (%s)", p, show.Size(n)))
	}
	slices.Sort(platforms)
	fmt.Fprintf(w, "platforms\t%s\n", strings.Join(platforms, ", "))
	permissions := slices.Concat(i.Permissions.Lines(), i.Paths.Lines())
	if len(permissions) == 0 {
		permissions = []string{"none beyond what its settings name"}
	}
	for _, line := range permissions {
		fmt.Fprintf(w, "may\t%s\n", line)
	}
	if i.Key == "" {
		i.Key = "nobody"
	}
	fmt.Fprintf(w, "signed by\t%s\n", i.Key)
	fmt.Fprintf(w, "key\t%s\n", strings.ReplaceAll(i.Trust, "\n", "\n\t"))
	return w.Flush()
}

func (a *app) pluginsSearchCommand() *cobra.Command {
	var indexes []string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "search TERM...", Short: "Search the indexes of plugins that you name",
		Long: "" +
			"Searches for plugins with all the words in their source, name, kind or description; without a word it\n" +
			"lists all. There is no index that everybody shares: --index names the indexes to search, or else\n" +
			"indexes = [\"…\"] in config.hcl. An index is a JSON file or its URL,\n" +
			`{"plugins": [{"source": "…", "name": "…", "kind": "source", "description": "…"}]},` + "\n" +
			"or a folder, oci-layout:PATH, such as a mirror. Nothing in an index is verified.",
		Example: "" +
			"  scrapekit plugins search --index https://example.com/plugins.json jira\n" +
			"  scrapekit plugins search --index oci-layout:mirror",
		RunE: func(cmd *cobra.Command, given []string) error {
			found, err := plugins.Search(cmd.Context(), ".", indexes, strings.Join(given, " "))
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(slices.Concat([]plugins.IndexEntry{}, found))
			}
			if len(found) == 0 {
				fmt.Fprintln(a.Out, "nothing was found")
				return nil
			}
			w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
			for _, e := range found {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", dash(string(e.Kind)), e.Name, e.Source, firstSentence(e.Description))
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringArrayVar(&indexes, "index", nil, "an index to search instead of those in config.hcl; repeatable")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was found as JSON")
	return cmd
}
