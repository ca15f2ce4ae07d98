// Installed plugins: from the lock file beside a pipeline file to the programs in the store.

package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/registry/store"
	"github.com/scrapekit/scrapekit/sdk"
)

// ConfigVar is the variable of the environment that names the folder with a user's settings and trusted keys.
const ConfigVar = "SCRAPEKIT_CONFIG_DIR"

// configDir is the folder with the settings and trusted keys of this user.
func configDir() (string, error) {
	if dir := os.Getenv(ConfigVar); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("where your settings are: %w; set %s to a folder", err, ConfigVar)
	}
	return filepath.Join(dir, "scrapekit"), nil
}

func readSettings() (install.Settings, error) {
	dir, err := configDir()
	if err != nil {
		return install.Settings{}, err
	}
	return install.ReadSettings(filepath.Join(dir, install.SettingsFile))
}

// installed finds the plugins that the lock file of a pipeline file names. It reads it when it is asked first.
type installed struct {
	lockFile string

	once     sync.Once
	locked   *lock.File
	settings install.Settings
	store    *store.Store
	err      error
}

func (i *installed) read() error {
	i.once.Do(func() {
		var dir string
		if i.locked, i.err = lock.Read(i.lockFile); i.err != nil {
			return
		}
		if i.settings, i.err = readSettings(); i.err != nil {
			return
		}
		dir, i.err = store.DefaultDir()
		i.store = store.At(dir)
	})
	return i.err
}

// program finds the program of a plugin. That it is the right one is seen when it is started.
func (i *installed) program(r config.Requirement) (config.Program, error) {
	if err := i.read(); err != nil {
		return config.Program{}, err
	}
	for _, o := range i.settings.Dev {
		if o.Source == r.Source {
			return devOverride(o)
		}
	}
	p, ok := i.locked.Get(r.Source)
	if !ok {
		return config.Program{}, &config.NotInstalledError{Text: fmt.Sprintf("%s is not in %s", r.Source, lock.FileName)}
	}
	allowed, err := artifact.ParseConstraint(r.Constraint)
	if err != nil {
		return config.Program{}, err
	}
	if !allowed.Allows(p.Version) {
		return config.Program{}, &config.NotInstalledError{Text: fmt.Sprintf("version %s is wanted, and %s has %s", r.Constraint, lock.FileName, p.Version)}
	}
	here := artifact.Here()
	t, ok := p.Targets[here]
	if !ok {
		return config.Program{}, fmt.Errorf("version %s is not published for %s", p.Version, here)
	}
	path, err := i.store.Program(t.Binary.String(), here.Program())
	if errors.Is(err, store.ErrNotThere) {
		return config.Program{}, &config.NotInstalledError{Text: fmt.Sprintf("version %s, which %s names, is not on this machine", p.Version, lock.FileName)}
	}
	return config.Program{Path: path, Digest: t.Binary.String(), Version: p.Version.String()}, err
}

// DescribeLocked starts the installed program of a plugin that the lock file in a folder has, and asks it what it is. warning is what a
// user should know of that program; "": nothing.
func DescribeLocked(ctx context.Context, dir string, p LockedPlugin, o Options) (info sdk.Info, warning string, err error) {
	plugins := &installed{lockFile: filepath.Join(dir, lock.FileName)}
	program, err := plugins.program(config.Requirement{Name: p.Name, Source: p.Source})
	var absent *config.NotInstalledError
	if errors.As(err, &absent) {
		return sdk.Info{}, "", fmt.Errorf("plugin %s: %w; `scrapekit init` installs it", p.Name, err)
	}
	if err != nil {
		return sdk.Info{}, "", fmt.Errorf("plugin %s: %w", p.Name, err)
	}
	l := &lookup{opts: o, logger: newLogger(o, &redact.Set{})}
	info, err = l.describe(ctx, config.BlockRef{Kind: p.Kind, Path: program.Path, Digest: program.Digest})
	return info, program.Warning, err
}

// devOverride lets a developer run a program in place of what is published. Where nobody develops, it is an error.
func devOverride(o install.Override) (config.Program, error) {
	if os.Getenv("CI") == "true" {
		return config.Program{}, fmt.Errorf("dev_override for %s: not where CI=true", o.Source)
	}
	path, err := filepath.Abs(o.Path)
	return config.Program{Path: path, Version: "dev", Warning: fmt.Sprintf("%s runs in place of %s, by a dev_override in your settings", path, o.Source)}, err
}

// ownFolders are where the settings, keys and programs of this user are. One that is not known is not there either.
func ownFolders() []string {
	var out []string
	for _, find := range []func() (string, error){configDir, store.DefaultDir} {
		if dir, err := find(); err == nil {
			out = append(out, dir)
		}
	}
	return out
}

// paths are the settings that named files when a plugin was installed.
func (i *installed) paths(b config.BlockRef) artifact.Paths {
	if b.Source == "" || i.read() != nil {
		return artifact.Paths{}
	}
	p, _ := i.locked.Get(b.Source)
	return p.Paths
}

// granted is what a plugin was granted at its installation: all that it asked for then.
func (i *installed) granted(b config.BlockRef) sdk.Permissions {
	if b.Source == "" || i.read() != nil {
		return sdk.Permissions{}
	}
	p, _ := i.locked.Get(b.Source)
	return p.Permissions
}
