// plugins docs: prints the reference of any plugin.

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core/plugins"
	"github.com/scrapekit/scrapekit/sdk"
)

// docsFlags say where plugins are, and how to build one.
type docsFlags struct {
	projectFlags
	dir string
}

func (a *app) pluginsDocsCommand() *cobra.Command {
	var f docsFlags
	format := "markdown"
	cmd := &cobra.Command{
		Use: "docs [PLUGIN...]", Short: "Print the reference of plugins: settings and streams",
		Long: "" +
			"Prints the reference of plugins, from the schema of their settings and the " +
			"description of their streams.\n" +
			"PLUGIN is the name of a shipped or installed plugin, a program in any language, or a folder, which is\n" +
			"built first. Without PLUGIN it prints all shipped and installed plugins.",
		Example: "  scrapekit plugins docs jira\n  scrapekit plugins docs ./bin/my-plugin --format man | man -l -",
		RunE: func(cmd *cobra.Command, given []string) error {
			write, ok := map[string]func(io.Writer, sdk.Info) error{"markdown": writeReference, "man": writeManual,
				"json": writeInfo}[format]
			if !ok {
				return usageError{fmt.Errorf("--format %s: want markdown, man or json", format)}
			}
			infos, err := a.infosOf(cmd.Context(), given, f)
			if err != nil {
				return err
			}
			for i, info := range infos {
				if i > 0 {
					fmt.Fprintln(a.Out)
				}
				if err := write(a.Out, info); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", format,
		"markdown, man (a page of section 7), or json with the JSON Schemas of settings and records")
	cmd.Flags().StringVar(&f.build, "build", "", "a command that builds PLUGIN, which then names a program")
	addDir(cmd, &f.dir)
	return cmd
}

// infosOf returns the descriptions of the named plugins, or of all first-party and installed ones.
func (a *app) infosOf(ctx context.Context, names []string, f docsFlags) ([]sdk.Info, error) {
	var out []sdk.Info
	for _, name := range names {
		info, err := a.infoOf(ctx, name, f)
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	if len(names) > 0 {
		return out, nil
	}
	out = append(out, shipped()...)
	locked, err := plugins.AllLocked(f.dir)
	if err != nil {
		return nil, err
	}
	for _, p := range locked {
		if here, err := plugins.IsInstalled(p); err != nil {
			return nil, err
		} else if !here {
			fmt.Fprintf(a.Err, "%s %s is not on this machine, so it is left out: run scrapekit init\n",
				a.Style(show.Yellow, "note:"), p.Name)
			continue
		}
		info, err := a.lockedInfo(ctx, p, f)
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

// infoOf returns the description of a plugin: a first-party one, an installed one, a program, or
// the build of a folder. If a file has the same name, it takes precedence over a first-party
// plugin, but not over an installed one.
func (a *app) infoOf(ctx context.Context, name string, f docsFlags) (sdk.Info, error) {
	shipped, err := infoNamed(name)
	_, missing := os.Stat(name)
	if err == nil && missing != nil {
		return shipped, nil
	}
	locked, lockErr := plugins.LockedNamed(f.dir, name)
	switch {
	case lockErr != nil:
		return sdk.Info{}, lockErr
	case err != nil && len(locked) > 0:
		one, err := lockedPlugins(f.dir, []string{name})
		if err != nil {
			return sdk.Info{}, err
		}
		return a.lockedInfo(ctx, one[0], f)
	case missing != nil:
		return sdk.Info{}, a.noPlugin(name, err, f)
	}
	dir, remove, err := scratch()
	if err != nil {
		return sdk.Info{}, err
	}
	defer remove()
	built, err := a.project(ctx, name, f.projectFlags, dir)
	if err != nil {
		return sdk.Info{}, err
	}
	opts, err := a.fileOptions(f.fileFlags)
	if err != nil {
		return sdk.Info{}, err
	}
	return a.describe(ctx, built, opts)
}

// noPlugin returns the error for an unknown name, with the known ones. err is the error about
// first-party ones.
func (a *app) noPlugin(name string, err error, f docsFlags) error {
	locked, lockErr := plugins.AllLocked(f.dir)
	if lockErr != nil {
		return lockErr
	}
	if strings.ContainsAny(name, `/\`) {
		err = fmt.Errorf("%s: no such file or folder, and no plugin of %s is called so", name, plugins.LockFileName)
	}
	for i, p := range locked {
		separator := ", "
		if i == 0 {
			separator = "; installed: "
		}
		err = fmt.Errorf("%w%s%s", err, separator, p.Name)
	}
	return usageError{err}
}

func (a *app) lockedInfo(ctx context.Context, p plugins.Locked, f docsFlags) (sdk.Info, error) {
	opts, err := a.fileOptions(f.fileFlags)
	if err != nil {
		return sdk.Info{}, err
	}
	info, warning, err := plugins.DescribeLocked(ctx, f.dir, p, opts)
	if warning != "" {
		fmt.Fprintf(a.Err, "%s %s\n", a.Style(show.Yellow, "warning:"), warning)
	}
	return info, err
}

// writeInfo writes a description as JSON.
func writeInfo(w io.Writer, info sdk.Info) error { return show.WriteJSON(w, info) }
