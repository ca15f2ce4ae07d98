// System: what this kernel supports.

package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Support is what the system supports.
type Support struct {
	Kernel   string
	Landlock int  // ABI version; 0: none
	Seccomp  bool // with filters
	Root     bool
	SetUID   bool // may switch to another user

	landlock, seccomp error
}

// System returns what the system supports. The result is cached.
func System() Support { return system() }

var system = sync.OnceValue(func() Support {
	s := Support{Root: os.Geteuid() == 0}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		s.Kernel = string(bytes.TrimRight(name.Release[:], "\x00"))
	}
	s.Landlock, s.landlock = landlockABI()
	s.seccomp = filterAvailable()
	s.Seccomp = s.seccomp == nil
	s.SetUID = s.Root && has(unix.CAP_SETUID) && has(unix.CAP_SETGID) && hasNobody()
	return s
})

// Namespaces returns why a process cannot have namespaces: as root or, for other users, in a user
// namespace. It tries once.
func (s Support) Namespaces() error {
	if s.Root {
		return namespacesOfRoot()
	}
	return namespacesOfUser()
}

var (
	namespacesOfRoot = sync.OnceValue(func() error { return tryNamespaces(true) })
	namespacesOfUser = sync.OnceValue(func() error { return tryNamespaces(false) })
)

// has reports whether this process has a capability.
func has(capability uint) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<capability) != 0
}

// hasNobody reports whether this user namespace contains the user and group of root's plugins, and
// allows setting groups. An unprivileged user namespace contains only one user.
func hasNobody() bool {
	for _, name := range []string{"uid_map", "gid_map"} {
		raw, err := os.ReadFile("/proc/self/" + name)
		if err != nil || !mapsID(string(raw), nobody) {
			return false
		}
	}
	raw, err := os.ReadFile("/proc/self/setgroups")
	return err != nil || strings.TrimSpace(string(raw)) != "deny"
}

// mapsID reports whether an id map in the format of /proc contains an id of this namespace.
func mapsID(idMap string, id uint64) bool {
	for line := range strings.Lines(idMap) {
		var inside, outside, count uint64
		if n, _ := fmt.Sscan(line, &inside, &outside, &count); n == 3 && id >= inside && id-inside < count {
			return true
		}
	}
	return false
}

// reservedPIDs are pids that a pid namespace does not reuse after a wrap-around.
const reservedPIDs = 300

// boundsProcesses reports whether a pid namespace has its own limit of processes, as since Linux
// 6.14. Before, writing the limit changes that of the machine. It is the only limit of threads that
// applies to root.
func (s Support) boundsProcesses() bool {
	var major, minor int
	n, _ := fmt.Sscanf(s.Kernel, "%d.%d", &major, &minor)
	return n == 2 && (major > 6 || major == 6 && minor >= 14)
}

// BoundsThreads reports whether threads are limited for a plugin of root with files, which stays
// root.
func (s Support) BoundsThreads() bool { return s.Namespaces() == nil && s.boundsProcesses() }

// tryNamespaces starts a process in namespaces, which ends immediately.
func tryNamespaces(root bool) error {
	attr := &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	if !root {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{shimName, "null"}, Env: []string{}, SysProcAttr: attr}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil // it started
	}
	return err
}

// Check returns what the system lacks for a level, and what to do.
func (s Support) Check(l Level) error {
	var missing []string
	if l.Confines() {
		if s.landlock != nil {
			missing = append(missing, s.landlock.Error())
		}
		if s.seccomp != nil {
			missing = append(missing, s.seccomp.Error())
		}
	}
	if l == Full {
		if err := s.Namespaces(); err != nil {
			missing = append(missing, fmt.Sprintf("namespaces are not available: %v", err))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &MissingError{l, strings.Join(missing, "; ")}
}

// Best returns the strictest level that is used by default.
func (s Support) Best() Level {
	if s.Check(Strong) == nil {
		return Strong
	}
	return Env
}
