// Watch: what changes in a plugin's folder.

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

// watchEvery is how often the folder is looked at. Looking works on every system and every kind of
// disk.
const watchEvery = 300 * time.Millisecond

// made are folders whose content is made of the rest.
var made = []string{"bin", "build", "dist", "out", "node_modules", "__pycache__"}

// sources are how the names of files end that are written by hand, and not by a program that runs.
var sources = []string{
	".go", ".mod", ".sum", ".tmpl", ".hcl", ".proto",
	".ts", ".tsx", ".js", ".mjs", ".cjs", "package.json", "tsconfig.json",
	".py", ".c", ".h", ".rs", ".sh", ".toml", ".yaml", ".yml",
}

// isSource reports whether a file is one of them.
func isSource(file string) bool {
	return slices.ContainsFunc(sources, func(end string) bool { return strings.HasSuffix(file, end) })
}

// Settles is how long after the end of a run what it has written may be seen yet.
const Settles = 4 * watchEvery

// Snapshot is what a folder's files looked like.
type Snapshot map[string]stamp

type stamp struct {
	size     int64
	modified time.Time
}

// Snapshot looks at the files from which the plugin is built, and at the pipeline file.
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

// shown reports whether a file is where this process writes: somebody keeps what it shows in the
// folder that it watches.
func (p *Project) shown(d fs.DirEntry) bool {
	info, err := d.Info()
	if err != nil {
		return false // it is gone again
	}
	return slices.ContainsFunc(p.Shown, func(f *os.File) bool {
		own, err := f.Stat()
		return err == nil && os.SameFile(own, info)
	})
}

func (s Snapshot) add(path string) {
	if info, err := os.Stat(path); err == nil { // or it is gone again
		s[path] = stamp{info.Size(), info.ModTime()}
	}
}

// Changed waits until the folder is not as it was, and then until it is quiet. It returns the file
// that changed first by name, or "" if ctx ends. A file that changes while the plugin runs, and is
// no source text, is what it writes: it is not watched from then on.
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
			return short(file) // an editor writes several files, one after another
		}
		last = now
	}
}

// differs returns a file that is not as it was, or "".
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
