// Linux: the kernel kills a child with its parent, and an end is seen before its id is reused.

package pluginhost

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolate puts the process into its own group, so that Ctrl-C in the terminal does not reach it.
// The kernel kills it when the host ends, even if the plugin is stopped.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// byDescriptor executes the open file, even if its path leads elsewhere by now.
func byDescriptor(cmd *exec.Cmd, program *os.File) {
	cmd.ExtraFiles = []*os.File{program}
	cmd.Path = "/proc/self/fd/3"
}

// wait waits for the end of the process, calls ended while its id is still in use, then releases
// the id.
func wait(cmd *exec.Cmd, ended func()) error {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break // Wait returns the error again
		}
	}
	ended()
	return cmd.Wait()
}
