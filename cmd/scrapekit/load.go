// Loads a pipeline file for a command and prints its diagnostics.

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
)

// fileFlags are the flags of commands that take a pipeline file.
type fileFlags struct {
	vars []string
}

func (f *fileFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.vars, "var", nil, "value of a variable of the file, as name=value; repeatable")
}

func (f *fileFlags) values() (map[string]string, error) {
	out := map[string]string{}
	for _, v := range f.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, usageError{errors.New(
				"--var: want name=value; the value is not shown, because it may be a secret")}
		}
		out[name] = value
	}
	return out, nil
}

func (a *app) options(vars map[string]string) (core.Options, error) {
	o := core.Options{Hosts: a.hosts, Version: version(), Plugins: firstParty(), Serve: serveCommand, Vars: vars,
		Stdout: a.Records(), Sandbox: a.sandbox}
	if a.sandbox != "" && !slices.Contains(core.SandboxLevels(), a.sandbox) {
		return o, usageError{fmt.Errorf("--sandbox %s: want %s", a.sandbox, strings.Join(core.SandboxLevels(), ", "))}
	}
	if a.logLevel == "off" {
		return o, nil
	}
	o.Log, o.Level = a.Err, hclog.LevelFromString(a.logLevel)
	if o.Level == hclog.NoLevel {
		return o, usageError{fmt.Errorf("--log %s: want debug, info, warn, error or off", a.logLevel)}
	}
	return o, nil
}

// load reads a pipeline file and prints its diagnostics.
func (a *app) load(ctx context.Context, file string, f fileFlags) (*core.Pipeline, error) {
	opts, err := a.fileOptions(f)
	if err != nil {
		return nil, err
	}
	return a.loadWith(ctx, file, opts)
}

func (a *app) fileOptions(f fileFlags) (core.Options, error) {
	vars, err := f.values()
	if err != nil {
		return core.Options{}, err
	}
	return a.options(vars)
}

func (a *app) loadWith(ctx context.Context, file string, opts core.Options) (*core.Pipeline, error) {
	p, diags := core.Load(ctx, file, opts)
	if err := ctx.Err(); err != nil {
		return nil, err // interrupted: the diagnostics are no errors of the file
	}
	var err error
	if len(diags) > 0 {
		err = core.WriteDiagnostics(a.Err, diags, a.Paint, show.WidthOf(a.Err))
	}
	if diags.HasErrors() {
		return nil, errors.Join(invalidError{file}, err)
	}
	return p, err
}
