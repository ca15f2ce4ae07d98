// Hide: a root folder of the process's own, in which there is what it was granted and nothing else. Landlock forbids to open
// files; with this, their names are not there either.

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// places are where the new root may be mounted until it is one.
var places = []string{"/tmp", "/var", "/mnt", "/run"}

// hide makes the new root and goes there. It needs a namespace of mounts and the power to mount.
func (o *order) hide(program int) error {
	at := slices.IndexFunc(places, func(p string) bool {
		info, err := os.Stat(p)
		return err == nil && info.IsDir()
	})
	if at < 0 {
		return errors.New("there is no folder to mount a new root at")
	}
	base := places[at]
	parts, err := o.parts(program)
	defer closeParts(parts)
	if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("scrapekit", base, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0755,size=64k"); err != nil {
		return fmt.Errorf("mount a new root: %w", err)
	}
	if err := enter(base, parts); err != nil {
		return errors.Join(err, unix.Unmount(base, unix.MNT_DETACH))
	}
	return nil
}

// part is what the new root has of the old one.
type part struct {
	path string
	fd   int
	dir  bool
}

// parts opens what was granted, as far as it is there, each folder without what is granted in it once more.
func (o *order) parts(program int) (parts []part, err error) {
	paths := slices.Concat(o.Libraries, o.Read, o.Write, []string{o.Sockets, o.Loader})
	for path := range devices {
		paths = append(paths, path)
	}
	// Some programs have their parts behind themselves and open what they are.
	self, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", program))
	if err == nil {
		paths = append(paths, self)
	}
	for i, path := range paths {
		paths[i] = filepath.Clean("/" + path)
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		within := func(p part) bool { return p.dir && strings.HasPrefix(path, strings.TrimSuffix(p.path, "/")+"/") }
		if path == "/" || slices.ContainsFunc(parts, within) {
			continue
		}
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && path == self {
			continue
		}
		if err != nil {
			return parts, &os.PathError{Op: "grant", Path: path, Err: err}
		}
		var stat unix.Stat_t
		err = unix.Fstat(fd, &stat)
		parts = append(parts, part{path, fd, stat.Mode&unix.S_IFMT == unix.S_IFDIR})
		if err != nil {
			return parts, err
		}
	}
	return parts, nil
}

func closeParts(parts []part) {
	for _, p := range parts {
		_ = unix.Close(p.fd) // it was only a name
	}
}

// enter puts the parts in their places below base and makes base the root.
func enter(base string, parts []part) error {
	for _, p := range parts {
		if err := p.put(base + p.path); err != nil {
			return fmt.Errorf("%s in a new root: %w", p.path, err)
		}
	}
	// Its own process, by which some runtimes find their program. Where parts of /proc are covered, as containers do, a new one is
	// refused; nobody needs it.
	if err := os.Mkdir(base+"/proc", 0o555); err != nil {
		return err
	}
	_ = unix.Mount("proc", base+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err := unix.Chdir(base); err != nil {
		return err
	}
	// The old root is mounted over the new one, and then is not.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("go to a new root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	return unix.Chdir("/")
}

func (p part) put(at string) error {
	var err error
	if p.dir {
		err = os.MkdirAll(at, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
		err = os.WriteFile(at, nil, 0o644)
	}
	if err != nil {
		return err
	}
	return unix.Mount(fmt.Sprintf("/proc/self/fd/%d", p.fd), at, "", unix.MS_BIND|unix.MS_REC, "")
}
