// System: what the kernel at hand can do.

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

// Support is what a system has for a sandbox.
type Support struct {
	Kernel   string
	Landlock int  // version; 0: none
	Seccomp  bool // with filters
	Root     bool
	SetUID   bool // may become another user

	landlock, seccomp error
}

// System looks at the system, once.
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

// Namespaces says why a process cannot have namespaces of its own: with the powers of root or, for
// others, in one of users. It tries, once.
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

// hasNobody reports whether this process's namespace of users knows the user and the group that
// plugins of root are to be, and lets a process choose its groups. One that somebody made without
// privileges has one user alone.
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

// mapsID reports whether a map of ids, as /proc shows it, has an id of this namespace.
func mapsID(idMap string, id uint64) bool {
	for line := range strings.Lines(idMap) {
		var inside, outside, count uint64
		if n, _ := fmt.Sscan(line, &inside, &outside, &count); n == 3 && id >= inside && id-inside < count {
			return true
		}
	}
	return false
}

// reservedPIDs are those that a namespace of processes does not hand out again once it came to its
// end.
const reservedPIDs = 300

// boundsProcesses reports whether a namespace of processes has a bound of its own, as since Linux
// 6.14. Before, what is written there is the machine's. It is the only bound of threads that holds
// for root: a limit of the process does not.
func (s Support) boundsProcesses() bool {
	var major, minor int
	n, _ := fmt.Sscanf(s.Kernel, "%d.%d", &major, &minor)
	return n == 2 && (major > 6 || major == 6 && minor >= 14)
}

// BoundsThreads reports whether a plugin of root that has files, and so stays root, has a bound of
// threads.
func (s Support) BoundsThreads() bool { return s.Namespaces() == nil && s.boundsProcesses() }

// tryNamespaces starts a process in namespaces of its own, which ends at once.
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
		return nil // it ran
	}
	return err
}

// Check says why the system has not what a level needs, and what to do.
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

// Best returns the most that plugins can be confined without asking for it.
func (s Support) Best() Level {
	if s.Check(Strong) == nil {
		return Strong
	}
	return Env
}
