// The run directory, which holds the sockets of this process's plugins, and the removal of dead
// ones.

package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/hashicorp/go-hclog"
)

const (
	runPrefix   = "run-"
	lockName    = "lock"
	lockTimeout = 10 * time.Second
	// socketTail is the part of a socket's name after the run directory: a folder made by go-plugin
	// ("/plugin-dir" and ten digits) and a file made by the plugin ("/plugin" and ten digits).
	socketTail = len("/plugin-dir0123456789/plugin0123456789")
)

// dirMode is the mode of run directories and their parents: only this user. Plugins of root run as
// another user, who must be able to enter; their socket's folder is theirs alone.
func dirMode() fs.FileMode {
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

// runDir is a private directory with a locked file. The kernel releases the lock when the process
// ends, and the next run may then remove the directory.
type runDir struct {
	path string
	lock *flock.Flock
}

// openRunDir removes the directories of dead runs in parent and makes one for this run. parent ""
// is the user's default.
func openRunDir(parent string, log hclog.Logger) (*runDir, error) {
	parent, err := runParent(parent)
	if err != nil {
		return nil, err
	}
	unlock, err := lockParent(parent)
	if err != nil {
		return nil, err
	}
	defer unlock()
	sweep(parent, log)
	return makeRunDir(parent)
}

// close removes the directory.
func (d *runDir) close() error {
	unlock, err := lockParent(filepath.Dir(d.path))
	if err != nil {
		return err
	}
	defer unlock()
	// Windows does not remove open files, so the lock is closed first. The parent's lock keeps
	// others away.
	if err := d.lock.Close(); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	return os.RemoveAll(d.path)
}

// lockParent makes sweeping and creation exclusive, because a directory that is not locked yet
// looks like a dead one.
func lockParent(parent string) (unlock func(), err error) {
	l := flock.New(filepath.Join(parent, lockName), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	if _, err := l.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		return nil, fmt.Errorf("run directory: lock %s: %w; end the process that holds it", l.Path(), err)
	}
	return func() { _ = l.Close() }, nil
}

// sweep removes what killed runs have left. It only logs errors.
func sweep(parent string, log hclog.Logger) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		log.Warn("leftovers of earlier runs stay", "dir", parent, "error", err)
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), runPrefix) {
			continue
		}
		if err := sweepOne(filepath.Join(parent, e.Name())); err != nil {
			log.Warn("leftover of an earlier run stays", "error", err)
		}
	}
}

func sweepOne(dir string) error {
	l := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	free, err := l.TryLock()
	if err != nil {
		return err
	}
	if !free {
		return nil // its run is alive
	}
	if err := l.Close(); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func makeRunDir(parent string) (*runDir, error) {
	path, err := os.MkdirTemp(parent, runPrefix) // 0700
	if err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	if err := os.Chmod(path, dirMode()); err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	d := &runDir{path: path, lock: flock.New(filepath.Join(path, lockName), flock.SetPermissions(0o600))}
	locked, err := d.lock.TryLock()
	if err == nil && !locked {
		err = errors.New("somebody else has locked it")
	}
	if err == nil {
		err = checkLength(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("run directory %s: %w", path, err), d.lock.Close(), os.RemoveAll(path))
	}
	return d, nil
}

// checkLength returns an error if a socket's name would be too long. The system would report that
// much later, as a plugin that does not start.
func checkLength(dir string) error {
	if n := len(dir) + socketTail; maxSocketPath > 0 && n > maxSocketPath {
		return fmt.Errorf("too long: sockets in it would have names of %d bytes and %s allows %d; set TMPDIR to a "+
			"shorter folder",
			n, runtime.GOOS, maxSocketPath)
	}
	return nil
}

// runParent chooses and makes the parent of run directories.
func runParent(given string) (string, error) {
	if given != "" {
		if err := os.MkdirAll(given, 0o700); err != nil {
			return "", fmt.Errorf("run directory: %w", err)
		}
		return filepath.Abs(given)
	}
	var first error
	for _, dir := range runPlaces() {
		made, err := private(dir)
		if err == nil {
			return made, nil
		}
		if first == nil {
			first = err
		}
	}
	return "", fmt.Errorf("run directory: %w; set TMPDIR to a folder that is there and that you may write", first)
}

// runPlaces are candidates for the parent, best first. The last is in memory, for a read-only root
// file system. A configured temporary folder is used in any case.
func runPlaces() []string {
	// Under sudo, XDG_RUNTIME_DIR may belong to another user, whom a folder of root would obstruct.
	// Root's own is closed to its plugins.
	if xdg := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(xdg) && ownedByUs(xdg) == nil && dirMode() == 0o700 {
		return []string{filepath.Join(xdg, "scrapekit")}
	}
	name := "scrapekit"
	switch uid := os.Getuid(); {
	case dirMode() != 0o700:
		name += "-root" // others may enter it, unlike a user's own
		if outer := outerRoot(); outer != "0" {
			name += "-" + outer // root of a user namespace; the machine's root has another folder
		}
	case uid >= 0:
		name += "-" + strconv.Itoa(uid)
	}
	dir := filepath.Join(os.TempDir(), name)
	// Temporary folders of macOS have long names.
	if checkLength(filepath.Join(dir, runPrefix+"0123456789")) != nil {
		dir = filepath.Join("/tmp", name)
	}
	if os.Getenv("TMPDIR") != "" || runtime.GOOS != "linux" {
		return []string{dir}
	}
	return []string{dir, filepath.Join("/dev/shm", name)}
}

// outerRoot returns the id of root outside this user namespace.
func outerRoot() string {
	raw, err := os.ReadFile("/proc/self/uid_map")
	if fields := strings.Fields(string(raw)); err == nil && len(fields) >= 3 && fields[0] == "0" {
		return fields[1]
	}
	return "0"
}

// SharedDir returns the parent of the run directories of all this user's processes, in which they
// may share files.
func SharedDir() (string, error) { return runParent("") }

// private makes dir for this user alone. In a shared /tmp, somebody else may have made a folder or
// link with this name: that is an error.
func private(dir string) (string, error) {
	if err := os.Mkdir(dir, dirMode()); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if err := ownedByUs(dir); err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, dirMode())
}
