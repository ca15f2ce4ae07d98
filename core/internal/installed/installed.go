// Package installed finds the programs of locked plugins in the store.
package installed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/registry/store"
	"github.com/scrapekit/scrapekit/sdk"
)

// Plugins finds the plugins in a lock file, which it reads on first use.
type Plugins struct {
	LockFile string

	once     sync.Once
	locked   *lock.File
	settings install.Settings
	store    *store.Store
	err      error
}

func (i *Plugins) read() error {
	i.once.Do(func() {
		var dir string
		if i.locked, i.err = lock.Read(i.LockFile); i.err != nil {
			return
		}
		if i.settings, i.err = install.UserSettings(); i.err != nil {
			return
		}
		dir, i.err = store.DefaultDir()
		i.store = store.At(dir)
	})
	return i.err
}

// Program finds the program of a plugin. Its digest is checked when it starts.
func (i *Plugins) Program(r config.Requirement) (config.Program, error) {
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
		return config.Program{}, &config.NotInstalledError{Text: fmt.Sprintf("%s is not in %s", r.Source,
			lock.FileName)}
	}
	allowed, err := artifact.ParseConstraint(r.Constraint)
	if err != nil {
		return config.Program{}, err
	}
	if !allowed.Allows(p.Version) {
		return config.Program{}, &config.NotInstalledError{Text: fmt.Sprintf("version %s is wanted, and %s has %s",
			r.Constraint, lock.FileName, p.Version)}
	}
	here := artifact.Here()
	t, ok := p.Targets[here]
	if !ok {
		return config.Program{}, fmt.Errorf("version %s is not published for %s", p.Version, here)
	}
	path, err := i.store.Program(t.Binary.String(), here.Program())
	if errors.Is(err, store.ErrNotThere) {
		return config.Program{}, &config.NotInstalledError{Text: fmt.Sprintf(
			"version %s, which %s names, is not on this machine", p.Version, lock.FileName)}
	}
	return config.Program{Path: path, Digest: t.Binary.String(), Version: p.Version.String()}, err
}

// devOverride returns the local program that replaces a published one. On a CI machine (CI=true),
// an override is an error.
func devOverride(o install.Override) (config.Program, error) {
	if os.Getenv("CI") == "true" {
		return config.Program{}, fmt.Errorf("dev_override for %s: not where CI=true", o.Source)
	}
	path, err := filepath.Abs(o.Path)
	return config.Program{Path: path, Version: "dev",
		Warning: fmt.Sprintf("%s runs in place of %s, by a dev_override in your settings", path, o.Source)}, err
}

// OwnFolders are the folders of this user's settings, keys and programs, as far as they can be
// determined.
func OwnFolders() []string {
	var out []string
	for _, find := range []func() (string, error){install.ConfigDir, store.DefaultDir} {
		if dir, err := find(); err == nil {
			out = append(out, dir)
		}
	}
	return out
}

// Paths are the settings that named files when a plugin was installed.
func (i *Plugins) Paths(b config.BlockRef) artifact.Paths {
	if b.Source == "" || i.read() != nil {
		return artifact.Paths{}
	}
	p, _ := i.locked.Get(b.Source)
	return p.Paths
}

// Granted is what a plugin was granted at its installation: everything that it asked for then.
func (i *Plugins) Granted(b config.BlockRef) sdk.Permissions {
	if b.Source == "" || i.read() != nil {
		return sdk.Permissions{}
	}
	p, _ := i.locked.Get(b.Source)
	return p.Permissions
}
