// What programs say of themselves.

package plugins

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/installed"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
)

// Describe starts a program and asks it what it is.
func Describe(ctx context.Context, program string, o core.Options) (sdk.Info, error) {
	return describe(ctx, o, program, "")
}

// DescribeLocked starts the installed program of a plugin that the lock file in a folder has, and
// asks it what it is. warning is what a user should know of that program; "": nothing.
func DescribeLocked(ctx context.Context, dir string, p Locked, o core.Options) (info sdk.Info, warning string,
	err error) {
	all := &installed.Plugins{LockFile: filepath.Join(dir, lock.FileName)}
	program, err := all.Program(config.Requirement{Name: p.Name, Source: p.Source})
	var absent *config.NotInstalledError
	if errors.As(err, &absent) {
		return sdk.Info{}, "", fmt.Errorf("plugin %s: %w; `scrapekit init` installs it", p.Name, err)
	}
	if err != nil {
		return sdk.Info{}, "", fmt.Errorf("plugin %s: %w", p.Name, err)
	}
	info, err = describe(ctx, o, program.Path, program.Digest)
	return info, program.Warning, err
}

// describe starts a program in the sandbox, without settings and without anything that it asks for,
// and asks what it is.
func describe(ctx context.Context, o core.Options, path, digest string) (sdk.Info, error) {
	level, err := sandbox.LevelOf(o.Sandbox, "")
	if err != nil {
		return sdk.Info{}, err
	}
	logger := (&redact.Set{}).Logger(o.Log, o.Level)
	return pluginhost.DescribeProgram(ctx, pluginhost.Options{Logger: logger, Sandbox: level}, path, digest)
}
