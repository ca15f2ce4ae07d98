// Installation: combines the parts of internal/registry for a folder of pipeline files.

package plugins

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
	"github.com/scrapekit/scrapekit/core/internal/registry/store"
	"github.com/scrapekit/scrapekit/sdk"
)

// Installer installs plugins for the pipeline files of one folder.
type Installer = install.Installer

// Demand is a plugin that pipeline files or a user require.
type Demand = install.Demand

// Mode says what an installation may change.
type Mode = install.Mode

// Plan is what an installation does with all demanded plugins.
type Plan = install.Plan

// Change is what it does with one plugin.
type Change = install.Change

// About describes a published plugin.
type About = install.About

// Locked is a plugin's entry in a lock file.
type Locked = lock.Plugin

// PathSettings are the settings of a plugin that name files.
type PathSettings = artifact.Paths

// Platform is an operating system and an architecture.
type Platform = artifact.Platform

// NotLockedError says that the lock file would have to change, which the mode forbids.
type NotLockedError = install.LockedError

// ConfigVar is the environment variable with the folder of a user's settings and trusted keys.
const ConfigVar = install.ConfigVar

// Kinds of changes.
const (
	Kept      = install.Kept
	Fetched   = install.Fetched
	Added     = install.Added
	Updated   = install.Updated
	Downgrade = install.Downgrade
)

// LockFileName is the name of lock files.
const LockFileName = lock.FileName

// ParsePlatform reads a platform such as linux_amd64.
func ParsePlatform(text string) (Platform, error) { return artifact.ParsePlatform(text) }

// ThisPlatform is the platform of this machine.
func ThisPlatform() Platform { return artifact.Here() }

// NewInstaller returns an installer for the pipeline files in a folder. The caller sets its Consent
// and Note.
func NewInstaller(dir string, o core.Options) (*Installer, error) {
	settings, err := install.UserSettings()
	if err != nil {
		return nil, err
	}
	config, err := install.ConfigDir()
	if err != nil {
		return nil, err
	}
	at, err := store.DefaultDir()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	in := &Installer{
		LockFile: filepath.Join(dir, lock.FileName), KeysFile: filepath.Join(config, keys.FileName),
		Store: store.At(at), Settings: settings,
		Open: func(s artifact.Source) (remote.Remote, error) {
			return remote.Open(s, remote.Options{Dir: dir, GitHubToken: os.Getenv("GITHUB_TOKEN")})
		},
		Describe: func(ctx context.Context, path, digest string) (sdk.Info, error) {
			return describe(ctx, o, path, digest)
		}, Protocol: core.ProtocolVersion, Platforms: []Platform{artifact.Here()}, Now: time.Now,
	}
	for _, p := range o.Plugins {
		in.Shipped = append(in.Shipped, p.Name)
	}
	return in, nil
}

// LocalPlugin is a local program that a pipeline file names. It is not locked.
type LocalPlugin struct{ Name, Path, Where string }

// Demands returns the published plugins and the local programs that pipeline files require.
func Demands(ctx context.Context, files []string, vars map[string]string) (demands []Demand, local []LocalPlugin,
	found core.Diagnostics) {
	for _, file := range files {
		required, diags := config.Requirements(ctx, file, config.Options{Vars: vars, Getenv: os.LookupEnv})
		found = append(found, diags...)
		for _, r := range required {
			if r.Path != "" {
				local = append(local, LocalPlugin{r.Name, r.Source, r.Pos})
				continue
			}
			demands = append(demands, Demand{Source: r.Source, Constraint: r.Constraint, Where: r.Pos})
		}
	}
	return demands, local, found
}

// PipelineFiles returns the files in a folder that may be pipeline files.
func PipelineFiles(dir string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range all {
		name := f.Name()
		if f.Type().IsRegular() && strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(name, ".") &&
			name != lock.FileName {
			out = append(out, filepath.Join(dir, name))
		}
	}
	return out, nil
}

// ParseDemand parses SOURCE or SOURCE@CONSTRAINT.
func ParseDemand(text string) (Demand, error) {
	source, constraint, _ := strings.Cut(text, "@")
	if path, local := artifact.LocalPath(source); local {
		return Demand{}, fmt.Errorf("%s is a local file: it needs no installation; write its path as the source in "+
			"the pipeline file", path)
	}
	if _, err := artifact.ParseSource(source); err != nil {
		return Demand{}, err
	}
	if _, err := artifact.ParseConstraint(constraint); err != nil {
		return Demand{}, err
	}
	return Demand{Source: source, Constraint: constraint}, nil
}

// AllLocked returns the plugins of the lock file in a folder.
func AllLocked(dir string) ([]Locked, error) {
	f, err := lock.Read(filepath.Join(dir, lock.FileName))
	if err != nil {
		return nil, err
	}
	return f.Plugins, nil
}

// LockedNamed returns the locked plugins with a source or name.
func LockedNamed(dir, word string) ([]Locked, error) {
	f, err := lock.Read(filepath.Join(dir, lock.FileName))
	if err != nil {
		return nil, err
	}
	return f.Named(word), nil
}

// IndexEntry is a result of a search.
type IndexEntry = install.Entry

// Search searches the given indexes, or those of the settings if none is given.
func Search(ctx context.Context, dir string, indexes []string, term string) ([]IndexEntry, error) {
	if len(indexes) == 0 {
		settings, err := install.UserSettings()
		if err != nil {
			return nil, err
		}
		indexes = slices.Clone(settings.Indexes)
	}
	if len(indexes) == 0 {
		config, err := install.ConfigDir()
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("no index of plugins is known, and there is no common one: name one with --index, or "+
			"write indexes = [\"…\"] into %s; an index is a JSON file, its URL, or a folder, oci-layout:PATH",
			filepath.Join(config, install.SettingsFile))
	}
	return install.Search(ctx, indexes, dir, term)
}
