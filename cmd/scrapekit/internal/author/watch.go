// Watch: detects changes in a plugin's folder.

package author

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// watchEvery is the interval of polling, which works on every system and file system.
const watchEvery = 300 * time.Millisecond

// made are folders of generated files.
var made = []string{"bin", "build", "dist", "out", "node_modules", "__pycache__"}

// sources are suffixes of files that people write, not running programs.
var sources = []string{
	".go", ".mod", ".sum", ".tmpl", ".hcl", ".proto",
	".ts", ".tsx", ".js", ".mjs", ".cjs", "package.json", "tsconfig.json",
	".py", ".c", ".h", ".rs", ".sh", ".toml", ".yaml", ".yml",
}

// isSource reports whether a file has such a suffix.
func isSource(file string) bool {
	return slices.ContainsFunc(sources, func(end string) bool { return strings.HasSuffix(file, end) })
}

// Settles is how long after a run its written files may still appear.
const Settles = 4 * watchEvery

// Snapshot is the state of a folder's files.
type Snapshot map[string]stamp

type stamp struct {
	size     int64
	modified time.Time
}

// Snapshot records the plugin's source files and the pipeline file.
func (p *Project) Snapshot() Snapshot {
	s := Snapshot{}
	s.add(p.Example)
	if p.build == nil {
		s.add(p.Program)
	}
	if !p.isDir && p.build == nil {
		return s
	}
	_ = filepath.WalkDir(p.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read is not watched
		}
		switch {
		case d.IsDir() && path != p.Dir && (slices.Contains(made, d.Name()) || d.Name()[0] == '.'):
			return fs.SkipDir
		case d.Type().IsRegular() && path != p.Program && !p.outputs[path] && !p.shown(d):
			s.add(path)
		}
		return nil
	})
	return s
}

// shown reports whether this process writes to the file, because its output is redirected into the
// watched folder.
func (p *Project) shown(d fs.DirEntry) bool {
	info, err := d.Info()
	if err != nil {
		return false // it is gone already
	}
	return slices.ContainsFunc(p.Shown, func(f *os.File) bool {
		own, err := f.Stat()
		return err == nil && os.SameFile(own, info)
	})
}

func (s Snapshot) add(path string) {
	if info, err := os.Stat(path); err == nil { // otherwise it is gone already
		s[path] = stamp{info.Size(), info.ModTime()}
	}
}

// Changed waits until a file changes, then until the folder is quiet. It returns the first changed
// file by name, or "" if ctx is done. A file that changes while the plugin runs, and is no source
// text, is its output: it is not watched any more.
func (p *Project) Changed(ctx context.Context, before Snapshot, runs func() bool) string {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	last := before
	for {
		select {
		case <-ctx.Done():
			return ""
		case <-tick.C:
		}
		now := p.Snapshot()
		file := before.differs(now)
		for file != "" && file != p.Example && runs() && !isSource(file) {
			if p.outputs == nil {
				p.outputs = map[string]bool{}
			}
			p.outputs[file] = true
			delete(before, file)
			delete(last, file)
			delete(now, file)
			file = before.differs(now)
		}
		if file != "" && last.differs(now) == "" {
			return short(file) // editors write several files in succession
		}
		last = now
	}
}

// differs returns a file that differs, or "".
func (s Snapshot) differs(now Snapshot) string {
	var files []string
	for file, stamp := range now {
		if s[file] != stamp {
			files = append(files, file)
		}
	}
	for file := range s {
		if _, there := now[file]; !there {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return ""
	}
	return slices.Min(files)
}
