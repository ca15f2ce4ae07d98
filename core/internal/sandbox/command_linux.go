// Command: starts a confined process.

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// nobody is the user of a plugin without files if the host is root.
const nobody = 65534

// Start starts the program confined. cmd has its path, arguments and environment. The open file is
// executed. Call it on a thread that lives as long as the process. If the system does not support a
// part of the policy, Start returns an error; it never omits a part silently.
func Start(cmd *exec.Cmd, file *os.File, p Policy) error {
	system := System()
	if err := system.Check(p.Level); err != nil {
		return err
	}
	kind, err := inspect(file)
	if err != nil {
		return err
	}
	o := order{Policy: p, Args: cmd.Args, ABI: system.Landlock, Libraries: kind.libraries, Loader: kind.loader}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if o.Program, err = programFD(o.Limits); err != nil {
		return err
	}
	// The process stays in the host's session, because the kernel schedules sessions as groups
	// (sched_autogroup): two processes in different sessions that exchange pages would wait for
	// each other at every step. It cannot reach the terminal all the same: it has no descriptor of
	// it and can open none.
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := onTop(&o, attr, system, file); err != nil {
		return err
	}
	// Place the descriptors before the first stage runs, because growing the descriptor table of a
	// process with threads is slow.
	cmd.ExtraFiles = make([]*os.File, o.Program-firstFD+1)
	cmd.ExtraFiles[o.Program-firstFD] = file
	// Abstract sockets belong to a network namespace. Without a namespace of its own, the plugin
	// gets its socket from the host.
	if p.Sockets != "" && attr.Cloneflags&syscall.CLONE_NEWNET == 0 {
		ours, theirs, err := socketPair()
		if err != nil {
			return err
		}
		defer func() { _ = theirs.Close() }() // the process has a copy
		o.Ask, cmd.ExtraFiles[0] = firstFD, theirs
		defer func() {
			if cmd.Process == nil {
				_ = ours.Close() // the process did not start
				return
			}
			go bindFor(ours, p.Sockets)
		}()
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	cmd.Path, cmd.Args = "/proc/self/exe", []string{shimName, string(raw)}
	cmd.Env = append(slices.Clip(cmd.Env), shimEnv...)
	cmd.SysProcAttr = attr
	cmd.Dir = "/" // not the host's working directory
	return cmd.Start()
}

// firstFD is the first descriptor after the standard ones.
const firstFD = 3

// programFD returns the number of the program's descriptor: the first above the plugin's limit, or
// less if the host's own limit is lower.
func programFD(l Limits) (int, error) {
	const spare = 32 // for descriptors in transit
	var host unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &host); err != nil {
		return 0, fmt.Errorf("limit of descriptors: %w", err)
	}
	if host.Cur < 3*spare {
		return 0, fmt.Errorf("the limit of %d descriptors is too low: raise it, with ulimit -n", host.Cur)
	}
	return int(min(l.Files, host.Cur-spare)), nil
}

const namespaces = syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC |
	syscall.CLONE_NEWUTS | syscall.CLONE_NEWNS

// onTop adds what a privileged host can do, and what Full requires.
func onTop(o *order, attr *syscall.SysProcAttr, s Support, program *os.File) error {
	switch {
	case s.Root && s.Namespaces() == nil:
		attr.Cloneflags = namespaces
	case o.Level == Full:
		attr.Cloneflags = namespaces | syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	if attr.Cloneflags != 0 {
		o.Hide, o.Bound = true, s.Root && s.boundsProcesses()
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN} // kept over the exec, to mount
	}
	if !s.Root {
		return nil
	}
	// Another user cannot use the granted files. So a plugin with files keeps its user, and of
	// root's capabilities only the one to use them.
	o.Own = len(o.Read)+len(o.Write) > 0
	if o.Own || !s.SetUID || !open(o.Sockets) || !forEverybody(program) {
		return nil
	}
	if o.Sockets != "" {
		if err := os.Chown(o.Sockets, nobody, nobody); err != nil {
			return err
		}
	}
	attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	return nil
}

// forEverybody reports whether another user may execute the program, and this executable, which is
// the first stage.
func forEverybody(program *os.File) bool {
	info, err := program.Stat()
	self, selfErr := os.Stat("/proc/self/exe")
	return err == nil && selfErr == nil && info.Mode().Perm()&self.Mode().Perm()&0o005 == 0o005
}

// open reports whether everybody may enter dir.
func open(dir string) bool {
	for dir != "" && dir != "/" && dir != "." {
		dir = filepath.Dir(dir)
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
	}
	return true
}

// Refusal returns the error of the first stage, if the process ended with one: that of the exec or
// of the sandbox.
func Refusal(exitCode int, lines []string) error {
	if exitCode != refusalCode {
		return nil
	}
	for _, line := range lines {
		text, ok := strings.CutPrefix(line, refusalPrefix)
		if !ok {
			continue
		}
		if number, isExec := strings.CutPrefix(text, "exec "); isExec {
			if n, err := strconv.Atoi(number); err == nil {
				return syscall.Errno(n)
			}
		}
		return errors.New("the sandbox could not be set up: " + text)
	}
	return nil
}

// Protect keeps processes of the same user from this process's memory and environment. It matters
// for plugins that are not confined.
func Protect() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
