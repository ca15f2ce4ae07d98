// Private places of the user, which no ordinary path setting may open to a plugin.

package config

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/sdk"
)

// ownPlace is a private file or folder of the user.
type ownPlace struct {
	path string
	what string
	deep bool // its content is private too
}

// ownPlaces returns the private places for a pipeline file.
func (l *loader) ownPlaces() []ownPlace {
	places := []ownPlace{
		{l.dir, "the folder of the pipeline file", false},
		{filepath.Join(l.dir, filepath.Base(l.file)), "the pipeline file", false},
		{lock.Beside(filepath.Join(l.dir, filepath.Base(l.file))), "the lock file", false},
		{filepath.Join(l.dir, ".git"), "the git data of the folder", true},
		{cmp.Or(l.options.StateDir, filepath.Join(l.dir, ".scrapekit")), "the state of the pipelines", true},
	}
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, ownPlace{home, "your home folder", false})
	}
	if me, err := user.Current(); err == nil && me.HomeDir != "" {
		places = append(places, ownPlace{me.HomeDir, "your home folder", false})
	}
	for dir := filepath.Dir(l.dir); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if git := filepath.Join(dir, ".git"); exists(git) {
			places = append(places, ownPlace{git, "the git data of the folder", true})
		}
	}
	for _, dir := range l.options.Own {
		places = append(places, ownPlace{dir, "your scrapekit settings and programs", true})
	}
	return places
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// gives says which private place a permission would open; "": none. A link that leads out of the
// pipeline file's folder counts as one, because whoever made the folder made the link.
func (l *loader) gives(p sdk.Permissions) string {
	for _, path := range slices.Concat(p.FSRead, p.FSWrite) {
		chain := realPath(path)
		if len(chain) == 1 {
			return path + " is the whole file system"
		}
		for _, own := range l.own {
			switch ownChain := realPath(own.path); {
			case slices.ContainsFunc(ownChain, same(chain[0])):
				return fmt.Sprintf("%s is %s, or holds it", path, own.what)
			case own.deep && slices.ContainsFunc(chain, same(ownChain[0])):
				return fmt.Sprintf("%s is in %s", path, own.what)
			}
		}
		if strings.HasPrefix(path, l.dir+string(filepath.Separator)) && !slices.ContainsFunc(chain, same(l.dir)) {
			return fmt.Sprintf("%s leads to %s, by a link out of the folder of the pipeline file", path, chain[0])
		}
	}
	return ""
}

// realPath resolves the links of the existing part of a path, and returns it with all folders above
// it.
func realPath(path string) []string {
	path, rest := filepath.Clean(path), ""
	for at := path; ; at = filepath.Dir(at) {
		if followed, err := filepath.EvalSymlinks(at); err == nil {
			path = filepath.Join(followed, rest)
			break
		}
		if at == filepath.Dir(at) {
			break // nothing of it exists
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
	chain := []string{path}
	for path != filepath.Dir(path) {
		path = filepath.Dir(path)
		chain = append(chain, path)
	}
	return chain
}

// same reports whether another path leads to the same file.
func same(path string) func(string) bool {
	info, err := os.Stat(path)
	return func(other string) bool {
		if path == other {
			return true
		}
		if err != nil {
			return false
		}
		otherInfo, err := os.Stat(other)
		return err == nil && os.SameFile(info, otherInfo)
	}
}

// paths handles a setting that names files. For a third-party plugin, a path that would open a
// private place is only requested, because only the plugin's schema says that the setting is a
// path.
func (c *checker) paths(value any, path []string, write, preset bool) {
	p := pathsOf(value, write)
	for _, one := range slices.Concat(p.FSRead, p.FSWrite) {
		c.files = append(c.files, PathSetting{Setting: c.shown(path), Path: one, Write: write})
	}
	if c.stage.ref.Path != "" && !preset {
		if why := c.gives(p); why != "" {
			c.implied.why = append(c.implied.why, fmt.Sprintf("%s is a path to the plugin: %s", c.shown(path), why))
			preset = true
		}
	}
	c.implied.add(p, preset)
}

// PathSetting is a setting that names files.
type PathSetting struct {
	Setting string // formatted for people: tasks[0].file
	Path    string // absolute path that the plugin may use by it
	Write   bool
}

// whyText says why settings need a grant, one line each.
func (n implied) whyText() string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(n.why))), "\n")
}

// implied are the permissions that follow from settings. A value in the file is granted by being
// there; a value that the plugin presets is only requested.
type implied struct {
	given, preset sdk.Permissions
	why           []string // values of the file are treated as requests
}

// pathsOf returns the permissions for a path setting: to read that path, or to write in its folder.
func pathsOf(value any, write bool) sdk.Permissions {
	var p sdk.Permissions
	for _, path := range texts(value) {
		switch {
		case path == "" || path == "-" || strings.Contains(path, "://"):
		case write:
			p.FSWrite = append(p.FSWrite, writeFolder(path))
		default:
			p.FSRead = append(p.FSRead, fixedPart(path))
		}
	}
	return p
}
