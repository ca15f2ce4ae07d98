// Authoring: the common part of commands for plugin authors.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/author"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/plugins"
	"github.com/scrapekit/scrapekit/sdk"
)

// writingCommands are the commands for writing a plugin.
func (a *app) writingCommands() []*cobra.Command {
	return []*cobra.Command{a.pluginsNewCommand(), a.pluginsDevCommand(), a.pluginsTestCommand()}
}

// projectFlags say how to build a plugin, and which pipeline file uses it.
type projectFlags struct {
	fileFlags
	build, config, replay string
	stateDir              string    // not a flag
	output                io.Writer // for the plugin's output; not a flag
}

func (f *projectFlags) add(cmd *cobra.Command) {
	f.fileFlags.add(cmd)
	cmd.Flags().StringVar(&f.config, "config", "",
		"a pipeline file that uses the plugin, for its settings (default example.hcl beside it, or the only one)")
	cmd.Flags().StringVar(&f.replay, "replay", "", "take all replies from this recording, and make no request")
	cmd.Flags().StringVar(&f.build, "build", "",
		"a command that builds PLUGIN, which then names a program (default: go build, or npm run build)")
}

// project is a plugin that was built.
type project struct {
	*author.Project
	name string // as written by the user
	own  bool   // a first-party plugin
}

// project finds the plugin and builds it into dir.
func (a *app) project(ctx context.Context, name string, f projectFlags, dir string) (*project, error) {
	p, err := a.find(name, f, dir)
	if err != nil || p.own {
		return p, err
	}
	return p, p.Build(ctx, a.Err)
}

func (a *app) find(name string, f projectFlags, dir string) (*project, error) {
	if _, err := pluginNamed(name); err == nil {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return &project{Project: &author.Project{Program: name, Example: f.config}, name: name, own: true}, nil
		}
	}
	p, err := author.Find(name, author.Options{Build: f.build, Config: f.config, Out: dir})
	if err != nil {
		return nil, usageError{err}
	}
	return &project{Project: p, name: name}, nil
}

// loadProject loads the pipeline file that uses a plugin, or one generated in dir.
func (a *app) loadProject(ctx context.Context, p *project, f projectFlags, dir string) (*core.Pipeline, error) {
	opts, err := a.fileOptions(f.fileFlags)
	if err != nil {
		return nil, err
	}
	opts.Replay, opts.StateDir, opts.Output = f.replay, f.stateDir, f.output
	if !p.own {
		opts.Program = p.Stands
	}
	if p.Example != "" {
		loaded, err := a.loadWith(ctx, p.Example, opts)
		if err != nil || f.config != "" || loaded.Uses(p.Program) {
			return loaded, err
		}
	}
	info, err := a.describe(ctx, p, opts)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "example.hcl")
	if err := os.WriteFile(file, []byte(madeUp(info, p)), 0o600); err != nil {
		return nil, err
	}
	quiet, console := *a, *a.Console
	quiet.Console, console.Err = &console, io.Discard // hide errors about a generated file
	loaded, err := quiet.loadWith(ctx, file, opts)
	if invalid := (invalidError{}); errors.As(err, &invalid) {
		return nil, usageError{fmt.Errorf("%s needs settings: name a pipeline file that uses it with --config", p.name)}
	}
	return loaded, err
}

// describe returns a plugin's description.
func (a *app) describe(ctx context.Context, p *project, opts core.Options) (sdk.Info, error) {
	if p.own {
		own, err := pluginNamed(p.Program)
		return own.Info, err
	}
	return plugins.Describe(ctx, p.Program, opts)
}

// madeUp returns a minimal pipeline file with the plugin.
func madeUp(info sdk.Info, p *project) string {
	label := strconv.Quote(filepath.ToSlash(p.Program))
	source, transform, sink := "source \"generate\" {\n  records = 200\n}\n", "", "sink \"stdout\" {}\n"
	switch info.Kind {
	case sdk.KindSource:
		source = "source " + label + " {}\n"
	case sdk.KindTransform:
		transform = "transform " + label + " {}\n"
	case sdk.KindSink:
		sink = "sink " + label + " {}\n"
	}
	return source + transform + sink
}

// scratch makes a temporary folder for builds, and returns a function that removes it.
func scratch() (string, func(), error) {
	dir, err := os.MkdirTemp("", "scrapekit-build-")
	if err != nil {
		return "", nil, err
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // best effort
}
