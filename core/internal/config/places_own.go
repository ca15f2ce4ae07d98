// Places of the user's own: what nobody gives away by writing an ordinary word into a setting that
// a plugin calls a path.

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

// ownPlace is a file or folder of the user's own.
type ownPlace struct {
	path string
	what string
	deep bool // what is in it is the user's own too
}

// ownPlaces lists them for a pipeline file.
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

// gives says which of the user's own places a permission gives away; "" if none. What links lead to
// out of the pipeline file's folder is one of them: a link comes with the folder, from whoever made
// that.
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

// realPath returns a path with its links followed as far as it is there, and then all folders above
// it.
func realPath(path string) []string {
	path, rest := filepath.Clean(path), ""
	for at := path; ; at = filepath.Dir(at) {
		if followed, err := filepath.EvalSymlinks(at); err == nil {
			path = filepath.Join(followed, rest)
			break
		}
		if at == filepath.Dir(at) {
			break // nothing of it is there
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

// same reports whether another path leads to the same file, by whichever name.
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

// paths takes note of a setting that names files, and of what follows from it. What would give away
// a place of the user's own, the plugin asks for, if it is not one of ours: that a setting is a
// path is the plugin's word alone.
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
	Setting string // as people write it: tasks[0].file
	Path    string // what the plugin may use by it, absolute
	Write   bool
}

// whyText says why settings need a grant, a line for each.
func (n implied) whyText() string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(n.why))), "\n")
}
