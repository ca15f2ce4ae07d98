// Package lock reads and writes scrapekit.lock.hcl, the file beside pipeline files with the exact
// plugins that they run: versions, signers, digests of the programs for every platform, and granted
// permissions. It belongs in version control. `scrapekit init` and `scrapekit plugins` write it; a
// run starts only programs in it.
//
// The file is deterministic, so a change of the file is a change of what runs.
package lock

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/sdk"
)

// FileName is the name of lock files.
const FileName = "scrapekit.lock.hcl"

// version is the version of the format.
const version = 1

// Beside returns the path of a pipeline file's lock file.
func Beside(pipelineFile string) string { return filepath.Join(filepath.Dir(pipelineFile), FileName) }

// File is the content of a lock file.
type File struct {
	Plugins []Plugin // sorted by source
}

// Plugin is the entry of one plugin.
type Plugin struct {
	Source      string // as in pipeline files
	PublishedAs string // name in the statement; "": Source
	Version     artifact.Version
	Constraints string // constraint in the pipeline file; "": none
	Name        string // the plugin's own name
	Kind        sdk.Kind
	Protocol    int
	Index       digest.Digest // identifies the release
	Targets     map[artifact.Platform]Target
	Signer      Signer
	Permissions sdk.Permissions // asked for, and granted at its installation
	Paths       artifact.Paths  // path settings
	Line        int             // line in the file; 0: not from a file
}

// Target is the program for one platform.
type Target struct {
	Archive digest.Digest
	Binary  digest.Digest
}

// Signer is who signed the release; zero: unsigned.
type Signer struct {
	Key   artifact.Key
	Since string // date on which the key was first accepted: 2026-11-23
}

// Day formats a date for Since.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// PublishedName returns the name in the statement.
func (p Plugin) PublishedName() string { return cmp.Or(p.PublishedAs, p.Source) }

// Get returns the plugin with a source.
func (f *File) Get(source string) (Plugin, bool) {
	i, ok := f.index(source)
	if !ok {
		return Plugin{}, false
	}
	return f.Plugins[i], true
}

// Put adds or replaces a plugin.
func (f *File) Put(p Plugin) {
	i, ok := f.index(p.Source)
	if ok {
		f.Plugins[i] = p
		return
	}
	f.Plugins = slices.Insert(f.Plugins, i, p)
}

// Remove removes the plugin with a source, and reports whether there was one.
func (f *File) Remove(source string) bool {
	i, ok := f.index(source)
	if ok {
		f.Plugins = slices.Delete(f.Plugins, i, i+1)
	}
	return ok
}

func (f *File) index(source string) (int, bool) {
	return slices.BinarySearchFunc(f.Plugins, source, func(p Plugin, s string) int { return cmp.Compare(p.Source, s) })
}

// Named returns the plugins with this source, own name, or last part of the source.
func (f *File) Named(word string) []Plugin {
	if p, ok := f.Get(word); ok {
		return []Plugin{p}
	}
	var out []Plugin
	for _, p := range f.Plugins {
		if p.Name == word || artifact.ShortName(p.PublishedName()) == word {
			out = append(out, p)
		}
	}
	return out
}

// Equal reports whether two entries are written identically.
func (p Plugin) Equal(q Plugin) bool {
	return string((&File{[]Plugin{p}}).Bytes()) == string((&File{[]Plugin{q}}).Bytes())
}

func (t Target) check() error {
	for _, d := range []digest.Digest{t.Archive, t.Binary} {
		if err := artifact.CheckDigest(d); err != nil {
			return err
		}
	}
	return nil
}

func (p Plugin) checkSource() error {
	if _, err := artifact.ParseSource(p.Source); err != nil {
		return err
	}
	if p.PublishedAs == "" {
		return nil
	}
	s, err := artifact.ParseSource(p.PublishedAs)
	if err == nil && s.Kind == artifact.Layout {
		err = fmt.Errorf("published_as: %q is a folder, not the name of a plugin", p.PublishedAs)
	}
	return err
}
