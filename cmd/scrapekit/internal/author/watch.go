// Watch: what changes in a plugin's folder.

package author

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// watchEvery is how often the folder is looked at. Looking works on every system and every kind of disk.
const watchEvery = 300 * time.Millisecond

// made are folders whose content is made of the rest.
var made = []string{"bin", "build", "dist", "out", "node_modules", "__pycache__"}

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
		case d.Type().IsRegular() && path != p.Program:
			s.add(path)
		}
		return nil
	})
	return s
}

func (s Snapshot) add(path string) {
	if info, err := os.Stat(path); err == nil { // or it is gone again
		s[path] = stamp{info.Size(), info.ModTime()}
	}
}

// Changed waits until the folder is not as it was, and then until it is quiet. It returns the file that changed first by name, or "" if ctx ends.
func (p *Project) Changed(ctx context.Context, before Snapshot) string {
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
