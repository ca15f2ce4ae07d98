// Making the state file: it appears whole, or not at all.
//
// An empty file is damage, then, and never one that is just being made: whoever takes damage for a
// new store delivers everything again. So the tables are made in a file of another name, which gets
// its own when it is done.

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

// unfinishedMark is between the state file's name and a random part in the name of a file that is
// not done.
const unfinishedMark = ".new-"

// create makes the state file. It is no error if another process was faster.
func create(ctx context.Context, path string) error {
	if err := refuseOrphan(path); err != nil {
		return err
	}
	if err := build(ctx, path); err != nil && !exists(path) {
		return err
	}
	return syncParents(path)
}

// refuseOrphan looks for the log of a state file that is gone. SQLite would take it for the new
// file's.
func refuseOrphan(path string) error {
	for _, log := range []string{path + "-wal", path + "-journal"} {
		if exists(log) && !exists(path) { // in this order: a file that is just being made comes before its log
			return &FileError{
				Path: path, Problem: "it is gone, but its log " + filepath.Base(log) + " is there",
				Advice: "put it back, or move the log away too and " + startOver,
			}
		}
	}
	return nil
}

// build makes the tables under another name and gives the file its own, unless there is one of that
// name.
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
	// Some disks know no links. A rename replaces what is there; that two processes do not get here
	// at once is the matter of the lock that each run holds.
	return os.Rename(unfinished, path)
}

// makeOwn makes an empty file that nobody else may read: cursors and the data of splits may say
// what nobody else should know. SQLite gives its logs the same mode.
func makeOwn(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// keepOwn takes the state file from others, with its logs: earlier versions let them read it. Whose
// it is not leaves it as it is.
func keepOwn(path string, mode os.FileMode) {
	if mode.Perm()&0o077 == 0 {
		return
	}
	for _, tail := range []string{"", "-wal", "-shm"} {
		_ = os.Chmod(path+tail, 0o600) // the logs are there only while it is open
	}
}

// clearUnfinished removes what processes left that were killed in build. The state file is there:
// who is in build still finds it made, and needs its own no more.
func clearUnfinished(path string) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	all, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil // who may not look in need not clear up
	}
	if err != nil {
		return err
	}
	for _, e := range all {
		if strings.HasPrefix(e.Name(), name+unfinishedMark) {
			_ = os.Remove(filepath.Join(dir, e.Name())) // Windows keeps it while it is used: then it is not left over
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
