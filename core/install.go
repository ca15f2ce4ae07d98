// Installation: the parts of internal/registry put together for a folder of pipeline files.

package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/redact"
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

// Demand is a plugin that pipeline files, or a person, want.
type Demand = install.Demand

// InstallMode says how far an installation may go.
type InstallMode = install.Mode

// InstallPlan is what becomes of all plugins that are demanded.
type InstallPlan = install.Plan

// InstallChange is what becomes of one of them.
type InstallChange = install.Change

// PluginAbout is what there is to say of a published plugin.
type PluginAbout = install.About

// LockedPlugin is what a lock file says of a plugin.
type LockedPlugin = lock.Plugin

// PathSettings are the settings of a plugin that name files.
type PathSettings = artifact.Paths

// Platform is an operating system and an architecture.
type Platform = artifact.Platform

// TrustEntry is the key of a publisher, and what it may sign.
type TrustEntry = keys.Entry

// NotLockedError says that a lock file would have to change, and may not.
type NotLockedError = install.LockedError

// What can become of a plugin.
const (
	PluginKept      = install.Kept
	PluginFetched   = install.Fetched
	PluginAdded     = install.Added
	PluginUpdated   = install.Updated
	PluginDowngrade = install.Downgrade
)

// LockFileName is the name of lock files.
const LockFileName = lock.FileName

// ParsePlatform reads a platform such as linux_amd64.
func ParsePlatform(text string) (Platform, error) { return artifact.ParsePlatform(text) }

// ThisPlatform is that of this machine.
func ThisPlatform() Platform { return artifact.Here() }

// NewInstaller returns what installs plugins for the pipeline files in a folder. Its Consent and Note are the caller's to set.
func NewInstaller(dir string, o Options) (*Installer, error) {
	settings, err := readSettings()
	if err != nil {
		return nil, err
	}
	config, err := configDir()
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
	l := &lookup{opts: o, logger: newLogger(o, &redact.Set{})}
	in := &Installer{
		LockFile: filepath.Join(dir, lock.FileName), KeysFile: filepath.Join(config, keys.FileName), Store: store.At(at), Settings: settings,
		Open: func(s artifact.Source) (remote.Remote, error) {
			return remote.Open(s, remote.Options{Dir: dir, GitHubToken: os.Getenv("GITHUB_TOKEN")})
		},
		Describe: l.describeProgram, Protocol: ProtocolVersion, Platforms: []Platform{artifact.Here()}, Now: time.Now,
	}
	for _, p := range o.Plugins {
		in.Shipped = append(in.Shipped, p.Name)
	}
	return in, nil
}

// describeProgram starts a program in the sandbox, without settings and without anything that it asks for, and asks what it is.
func (l *lookup) describeProgram(ctx context.Context, path, digest string) (sdk.Info, error) {
	return l.describe(ctx, config.BlockRef{Path: path, Digest: digest})
}

// LocalPlugin is a program of this machine that a pipeline file names: nothing locks it.
type LocalPlugin struct{ Name, Path, Where string }

// PluginDemands reads what pipeline files want of plugins: those that are published, and programs of this machine.
func PluginDemands(ctx context.Context, files []string, vars map[string]string) (demands []Demand, local []LocalPlugin, found Diagnostics) {
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

// PipelineFiles are the files in a folder that may be pipeline files.
func PipelineFiles(dir string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range all {
		name := f.Name()
		if f.Type().IsRegular() && strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(name, ".") && name != lock.FileName {
			out = append(out, filepath.Join(dir, name))
		}
	}
	return out, nil
}

// ParseDemand reads SOURCE or SOURCE@CONSTRAINT, as a person writes it.
func ParseDemand(text string) (Demand, error) {
	source, constraint, _ := strings.Cut(text, "@")
	if path, local := artifact.LocalPath(source); local {
		return Demand{}, fmt.Errorf("%s is a local file: it needs no installation; write its path as the source in the pipeline file", path)
	}
	if _, err := artifact.ParseSource(source); err != nil {
		return Demand{}, err
	}
	if _, err := artifact.ParseConstraint(constraint); err != nil {
		return Demand{}, err
	}
	return Demand{Source: source, Constraint: constraint}, nil
}

// LockedPlugins are the plugins of the lock file in a folder.
func LockedPlugins(dir string) ([]LockedPlugin, error) {
	f, err := lock.Read(filepath.Join(dir, lock.FileName))
	if err != nil {
		return nil, err
	}
	return f.Plugins, nil
}

// LockedNamed are those that a person means by a word: a source, or a name.
func LockedNamed(dir, word string) ([]LockedPlugin, error) {
	f, err := lock.Read(filepath.Join(dir, lock.FileName))
	if err != nil {
		return nil, err
	}
	return f.Named(word), nil
}

// TrustedKeys are the keys of publishers that the user trusts, and the file that they are in.
func TrustedKeys() ([]TrustEntry, string, error) {
	dir, err := configDir()
	if err != nil {
		return nil, "", err
	}
	path := filepath.Join(dir, keys.FileName)
	k, err := keys.Read(path)
	if err != nil {
		return nil, path, err
	}
	return k.Entries, path, nil
}

// ParseTrust checks a pattern and a key; the key may be the path of a file that holds it.
func ParseTrust(pattern, key string) (TrustEntry, error) {
	if err := artifact.CheckPattern(pattern); err != nil {
		return TrustEntry{}, err
	}
	k, err := artifact.ParseKey(key)
	if err != nil {
		raw, readErr := os.ReadFile(key)
		if readErr != nil {
			return TrustEntry{}, fmt.Errorf("%w, or a file with it", err)
		}
		if k, err = artifact.ParseKey(string(raw)); err != nil {
			return TrustEntry{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	return TrustEntry{Pattern: pattern, Key: k, Since: lock.Day(time.Now())}, nil
}

// AddTrust gives the user a key.
func AddTrust(e TrustEntry) error {
	return changeTrust(func(k *keys.Keys) { k.Add(e) })
}

// RemoveTrust takes the keys of a pattern away, or one of them if key is not "". It returns them.
func RemoveTrust(pattern, key string) (gone []TrustEntry, err error) {
	err = changeTrust(func(k *keys.Keys) { gone = k.Remove(pattern, artifact.Key(key)) })
	return gone, err
}

func changeTrust(change func(*keys.Keys)) error {
	dir, err := configDir()
	if err != nil {
		return err
	}
	return keys.Update(filepath.Join(dir, keys.FileName), change)
}

// PrunedPlugin is a program that left the store.
type PrunedPlugin = store.Item

// PrunePlugins removes the programs from the store that no lock file names. With dry it only says which.
func PrunePlugins(ctx context.Context, dry bool) ([]PrunedPlugin, error) {
	at, err := store.DefaultDir()
	if err != nil {
		return nil, err
	}
	return store.At(at).Prune(ctx, dry, install.InUse)
}

// StoredPlugins reads every program in the store and says what is wrong with it.
func StoredPlugins() (items []PrunedPlugin, problems map[string]error, err error) {
	at, err := store.DefaultDir()
	if err != nil {
		return nil, nil, err
	}
	items, err = store.At(at).Items()
	problems = map[string]error{}
	for _, i := range items {
		if err := i.Check(); err != nil {
			problems[i.Digest] = err
		}
	}
	return items, problems, err
}

// IndexEntry is a plugin that a search found.
type IndexEntry = install.Entry

// SearchPlugins looks into the given indexes, or else into those of the settings.
func SearchPlugins(ctx context.Context, dir string, indexes []string, term string) ([]IndexEntry, error) {
	if len(indexes) == 0 {
		settings, err := readSettings()
		if err != nil {
			return nil, err
		}
		indexes = slices.Clone(settings.Indexes)
	}
	if len(indexes) == 0 {
		config, err := configDir()
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("no index of plugins is known, and there is no common one: name one with --index, or write indexes = [\"…\"] into %s; an index is a JSON file, its URL, or a folder, oci-layout:PATH", filepath.Join(config, install.SettingsFile))
	}
	return install.Search(ctx, indexes, dir, term)
}

// IsInstalled reports whether the program of a plugin is on this machine.
func IsInstalled(p LockedPlugin) (bool, error) {
	at, err := store.DefaultDir()
	if err != nil {
		return false, err
	}
	t, ok := p.Targets[artifact.Here()]
	if !ok {
		return false, nil
	}
	_, err = store.At(at).Program(t.Binary.String(), artifact.Here().Program())
	if errors.Is(err, store.ErrNotThere) {
		return false, nil
	}
	return err == nil, err
}
