// Package lock is scrapekit.lock.hcl, the file beside pipeline files that says exactly which
// plugins they run: versions, who signed them, the digests of their programs for every platform,
// and what they were allowed when they were installed. It belongs into version control. `scrapekit
// init` and `scrapekit plugins` write it; a run reads it and starts nothing else.
//
// The file is the same for the same plugins, on every machine, so that a change of it is a change
// of what will run.
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

// version is that of the file's form.
const version = 1

// Beside is the path of the lock file of a pipeline file.
func Beside(pipelineFile string) string { return filepath.Join(filepath.Dir(pipelineFile), FileName) }

// File is the content of a lock file.
type File struct {
	Plugins []Plugin // sorted by source
}

// Plugin is what is locked of one plugin.
type Plugin struct {
	Source      string // as pipeline files name it
	PublishedAs string // the name that the publisher signed; "" where that is Source
	Version     artifact.Version
	Constraints string // what the pipeline file demanded of the version; "": nothing
	Name        string // as the plugin calls itself
	Kind        sdk.Kind
	Protocol    int
	Index       digest.Digest // the identity of the release
	Targets     map[artifact.Platform]Target
	Signer      Signer
	Permissions sdk.Permissions // what it asks for, and was granted at its installation
	Paths       artifact.Paths  // its settings that name files
	Line        int             // where it stands in the file; 0: not read from one
}

// Target is a plugin for one platform.
type Target struct {
	Archive digest.Digest
	Binary  digest.Digest
}

// Signer is whose signature is under the release. Its zero value is nobody's.
type Signer struct {
	Key   artifact.Key
	Since string // the day on which this key was first accepted here: 2026-11-23
}

// Day is a day as Since has it.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// PublishedName is the name under which the plugin is signed.
func (p Plugin) PublishedName() string { return cmp.Or(p.PublishedAs, p.Source) }

// Get returns the plugin of a source.
func (f *File) Get(source string) (Plugin, bool) {
	i, ok := f.index(source)
	if !ok {
		return Plugin{}, false
	}
	return f.Plugins[i], true
}

// Put adds a plugin, or replaces the one of its source.
func (f *File) Put(p Plugin) {
	i, ok := f.index(p.Source)
	if ok {
		f.Plugins[i] = p
		return
	}
	f.Plugins = slices.Insert(f.Plugins, i, p)
}

// Remove takes the plugin of a source out. It reports whether there was one.
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

// Named returns the plugins that a person means by a word: the source, or the name that the plugin
// has for itself, or the last part of the source.
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

// Equal reports whether two plugins are written alike.
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
