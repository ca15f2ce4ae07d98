// Command: how the host starts a confined process.

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

// nobody is who a plugin is where the host is root and the plugin has no files.
const nobody = 65534

// Start starts the program confined: cmd, whose path, arguments and environment are set. The
// program is the open file itself. It is called on a thread that lives as long as the process. What
// the policy asks for and the system has not is an error: nothing is left out silently.
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
	// It stays in the host's session: the kernel shares the processors out among sessions
	// (sched_autogroup), so that two that hand each other every page would wait for their turn at
	// every step. That keeps it no nearer to the terminal: it has no descriptor of it and can open
	// none.
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := onTop(&o, attr, system, file); err != nil {
		return err
	}
	// They are put there before the first stage runs: a process with threads waits for long when
	// its table of descriptors grows.
	cmd.ExtraFiles = make([]*os.File, o.Program-firstFD+1)
	cmd.ExtraFiles[o.Program-firstFD] = file
	// Sockets without a path are each namespace's own. Where there is none, the plugin gets its
	// socket from here.
	if p.Sockets != "" && attr.Cloneflags&syscall.CLONE_NEWNET == 0 {
		ours, theirs, err := socketPair()
		if err != nil {
			return err
		}
		defer func() { _ = theirs.Close() }() // the process has it
		o.Ask, cmd.ExtraFiles[0] = firstFD, theirs
		defer func() {
			if cmd.Process == nil {
				_ = ours.Close() // it was for nobody
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
	cmd.Dir = "/" // the host's folder is none of its business
	return cmd.Start()
}

// firstFD is the first descriptor that a process has beside the standard ones.
const firstFD = 3

// programFD is the number that the program's descriptor gets: the first that the plugin's limit
// rules out, or less if the host may not have so many.
func programFD(l Limits) (int, error) {
	const spare = 32 // for those that are on their way
	var host unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &host); err != nil {
		return 0, fmt.Errorf("limit of descriptors: %w", err)
	}
	if host.Cur < 3*spare {
		return 0, fmt.Errorf("the limit of %d descriptors is too low: raise it, with ulimit -n", host.Cur)
	}
	return int(min(l.Files, host.Cur-spare)), nil
}

const namespaces = syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWNS

// onTop adds what a privileged host can, and what Full asks for.
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
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN} // over the exec, to mount
	}
	if !s.Root {
		return nil
	}
	// Another user cannot use the files that were granted, so a plugin with files stays who it is,
	// and has of all the powers of root the one to use them.
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

// forEverybody reports whether another user may execute the program, and the first stage, which is
// this one.
func forEverybody(program *os.File) bool {
	info, err := program.Stat()
	self, selfErr := os.Stat("/proc/self/exe")
	return err == nil && selfErr == nil && info.Mode().Perm()&self.Mode().Perm()&0o005 == 0o005
}

// open reports whether everybody may go as far as to dir.
func open(dir string) bool {
	for dir != "" && dir != "/" && dir != "." {
		dir = filepath.Dir(dir)
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
	}
	return true
}

// Refusal returns what the first stage said when it could not go on, if that is how the process
// ended: an error of the exec, or of the sandbox.
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

// Protect keeps processes of the same user from this one's memory and environment. They are the
// plugins that are not confined.
func Protect() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
