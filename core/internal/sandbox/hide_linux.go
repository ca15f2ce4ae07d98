// Hide: a root file system of the process's own, with only what it was granted. Landlock forbids
// opening files; with this, even their names are absent, and read-only files cannot be changed in
// any way.

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// places are candidate mount points for the new root before the pivot.
var places = []string{"/tmp", "/var", "/mnt", "/run"}

// hide makes the new root and enters it. It needs a mount namespace and the capability to mount.
// sealed says whether the process can change no file through a descriptor opened for reading.
func (o *order) hide() (sealed bool, err error) {
	at := slices.IndexFunc(places, func(p string) bool {
		info, err := os.Stat(p)
		return err == nil && info.IsDir()
	})
	if at < 0 {
		return false, errors.New("there is no folder to mount a new root at")
	}
	base := places[at]
	self, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", o.Program))
	if err != nil {
		return false, err
	}
	parts, err := o.parts(self)
	defer closeParts(parts)
	if err != nil {
		return false, err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return false, fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("scrapekit", base, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC,
		"mode=0755,size=64k"); err != nil {
		return false, fmt.Errorf("mount a new root: %w", err)
	}
	if err := o.enter(base, parts); err != nil {
		return false, errors.Join(err, unix.Unmount(base, unix.MNT_DETACH))
	}
	return o.reopen(self), nil
}

// part is a file or folder of the old root in the new one.
type part struct {
	path   string
	fd     int
	dir    bool
	within bool // inside another part
	write  bool
}

func (p part) holds(path string) bool {
	return p.dir && strings.HasPrefix(path, strings.TrimSuffix(p.path, "/")+"/")
}

// parts opens what was granted and exists. A folder includes granted paths inside it, unless one is
// writable and the folder is not. Some programs carry data in their own file and open it by name,
// so the program is included too.
func (o *order) parts(self string) (parts []part, err error) {
	writes := map[string]bool{}
	for _, path := range slices.Concat(o.Libraries, o.Read, []string{o.Loader}, slices.Collect(maps.Keys(devices))) {
		writes[filepath.Clean("/"+path)] = false
	}
	for _, path := range slices.Concat(o.Write, []string{o.Sockets}) {
		writes[filepath.Clean("/"+path)] = true
	}
	writes[self] = false
	for _, path := range slices.Sorted(maps.Keys(writes)) {
		p := part{path: path, write: writes[path]}
		in := part{}
		for _, earlier := range parts {
			if earlier.holds(path) {
				in, p.within = earlier, true
			}
		}
		if path == "/" || p.within && (in.write || !p.write) && (path != self || !in.write) {
			continue
		}
		p.fd, err = unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && path == self {
			continue
		}
		if err != nil {
			return parts, &os.PathError{Op: "grant", Path: path, Err: err}
		}
		var stat unix.Stat_t
		err = unix.Fstat(p.fd, &stat)
		p.dir = stat.Mode&unix.S_IFMT == unix.S_IFDIR
		parts = append(parts, p)
		if err != nil {
			return parts, err
		}
	}
	return parts, nil
}

func closeParts(parts []part) {
	for _, p := range parts {
		_ = unix.Close(p.fd) // an O_PATH descriptor
	}
}

// enter mounts the parts below base and makes base the root.
func (o *order) enter(base string, parts []part) error {
	for _, p := range parts {
		if err := p.put(base + p.path); err != nil {
			return fmt.Errorf("%s in a new root: %w", p.path, err)
		}
	}
	// A /proc of its own, through which some runtimes find their program. Mounting it is refused
	// where parts of /proc are masked, as in containers; programs work without it.
	if err := os.Mkdir(base+"/proc", 0o555); err != nil {
		return err
	}
	err := unix.Mount("proc", base+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err == nil && o.Bound {
		// The limit belongs to the process's own namespace: see boundsProcesses.
		most := strconv.FormatUint(reservedPIDs+o.Limits.Threads, 10)
		if err := os.WriteFile(base+"/proc/sys/kernel/pid_max", []byte(most), 0); err != nil {
			return fmt.Errorf("limit of threads: %w", err)
		}
	}
	if err := unix.Chdir(base); err != nil {
		return err
	}
	// pivot_root stacks the old root on the new one; then unmount it.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("go to a new root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	return unix.Chdir("/")
}

// put mounts the part, with all mounts inside it: read-only unless it is writable, and nosuid.
func (p part) put(at string) error {
	var err error
	switch {
	case p.within: // its mount point exists and belongs to the user
	case p.dir:
		err = os.MkdirAll(at, 0o755)
	default:
		if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
			err = os.WriteFile(at, nil, 0o644)
		}
	}
	if err == nil {
		err = unix.Mount(fmt.Sprintf("/proc/self/fd/%d", p.fd), at, "", unix.MS_BIND|unix.MS_REC, "")
	}
	if err != nil {
		return err
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_RDONLY}
	if p.write {
		attr.Attr_set = unix.MOUNT_ATTR_NOSUID
	}
	return unix.MountSetattr(unix.AT_FDCWD, at, unix.AT_RECURSIVE, &attr)
}

// reopen opens the program by name in the new root, where it is read-only, if it is the same file.
// The host's descriptor belongs to a writable mount, and the process could reopen it through
// /proc/self/exe.
func (o *order) reopen(self string) bool {
	fd, err := unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }() // it was duplicated
	var given, found unix.Stat_t
	err = errors.Join(unix.Fstat(o.Program, &given), unix.Fstat(fd, &found))
	same := err == nil && given.Dev == found.Dev && given.Ino == found.Ino
	return same && unix.Dup3(fd, o.Program, unix.O_CLOEXEC) == nil
}
