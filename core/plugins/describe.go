// Descriptions of plugins, read from their programs.

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

// Describe starts a program and returns its description.
func Describe(ctx context.Context, program string, o core.Options) (sdk.Info, error) {
	return describe(ctx, o, program, "")
}

// DescribeLocked starts the installed program of a plugin in the lock file of a folder and returns
// its description. warning is a warning about the program for the user; "": none.
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

// describe starts a program in the sandbox, without settings and permissions, and returns its
// description.
func describe(ctx context.Context, o core.Options, path, digest string) (sdk.Info, error) {
	level, err := sandbox.LevelOf(o.Sandbox, "")
	if err != nil {
		return sdk.Info{}, err
	}
	logger := (&redact.Set{}).Logger(o.Log, o.Level)
	return pluginhost.DescribeProgram(ctx, pluginhost.Options{Logger: logger, Sandbox: level}, path, digest)
}
