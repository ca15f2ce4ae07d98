// Creation of the state file, which is atomic.
//
// An empty state file therefore always means damage, never a creation in progress. This matters
// because taking damage for a new store would deliver everything again. So the tables are made in a
// file with another name, which is then renamed.

package checkpoint

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// unfinishedMark separates the state file's name from a random suffix in the name of an unfinished
// file.
const unfinishedMark = ".new-"

// create makes the state file. It returns nil if another process was faster.
func create(ctx context.Context, path string) error {
	if err := refuseOrphan(path); err != nil {
		return err
	}
	if err := build(ctx, path); err != nil && !exists(path) {
		return err
	}
	return syncParents(path)
}

// refuseOrphan returns an error if the log of a missing state file exists, because SQLite would
// apply it to the new file.
func refuseOrphan(path string) error {
	for _, log := range []string{path + "-wal", path + "-journal"} {
		if exists(log) && !exists(path) { // the order matters: a file that is just being made appears before its log
			return &FileError{
				Path: path, Problem: "it is gone, but its log " + filepath.Base(log) + " is there",
				Advice: "put it back, or move the log away too and " + startOver,
			}
		}
	}
	return nil
}

// build makes the tables in a temporary file, and links it to the final name unless that exists.
func build(ctx context.Context, path string) (err error) {
	unfinished := path + unfinishedMark + rand.Text()
	if err := makeOwn(unfinished); err != nil {
		return (&SQLite{path: path}).unwritable(err)
	}
	s, err := connect(unfinished, path, "rwc")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeIfThere(unfinished)) }()
	err = s.write(ctx, durable, createSchema)
	if err == nil {
		err = s.explain(s.keepLog(ctx))
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	if err := os.Link(unfinished, path); err == nil || exists(path) {
		return nil
	}
	// Some file systems have no hard links. A rename replaces an existing file; the lock of a run
	// keeps two processes from getting here at the same time.
	return os.Rename(unfinished, path)
}

// makeOwn makes an empty file with mode 0600, because cursors and the data of splits may be
// confidential. SQLite gives its logs the same mode.
func makeOwn(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// keepOwn sets the mode 0600 on a state file and its logs, which earlier versions left readable. It
// fails silently for another owner's file.
func keepOwn(path string, mode os.FileMode) {
	if mode.Perm()&0o077 == 0 {
		return
	}
	for _, tail := range []string{"", "-wal", "-shm"} {
		_ = os.Chmod(path+tail, 0o600) // the logs exist only while the file is open
	}
}

// clearUnfinished removes the files of processes that were killed in build. It is called when the
// state file exists: a process still in build will find it and no longer needs its own.
func clearUnfinished(path string) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	all, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil // cleaning up is optional
	}
	if err != nil {
		return err
	}
	for _, e := range all {
		if strings.HasPrefix(e.Name(), name+unfinishedMark) {
			_ = os.Remove(filepath.Join(dir, e.Name())) // Windows keeps a file in use, which is no leftover
		}
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
