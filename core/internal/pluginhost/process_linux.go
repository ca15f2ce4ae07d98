// What only Linux can: a child that dies with its parent, and a death seen before the id is free
// again.

package pluginhost

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolate puts the process into a group of its own, so that Ctrl-C at the terminal does not reach
// it, and has the kernel kill it when the host dies, however the host dies and even if the plugin
// is stopped.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// byDescriptor runs the open file, whatever its path leads to by now.
func byDescriptor(cmd *exec.Cmd, program *os.File) {
	cmd.ExtraFiles = []*os.File{program}
	cmd.Path = "/proc/self/fd/3"
}

// wait waits for the process's end, calls ended while its id is still taken, and releases the id.
func wait(cmd *exec.Cmd, ended func()) error {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break // an error comes again from Wait, which reports it
		}
	}
	ended()
	return cmd.Wait()
}
