// macOS and the BSDs: the system does not kill a child with its parent, so sdk/serve watches the
// parent.

//go:build unix && !linux

package pluginhost

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate puts the process into its own group, so that Ctrl-C in the terminal does not reach it.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// wait waits for the end of the process and calls ended immediately after.
func wait(cmd *exec.Cmd, ended func()) error {
	err := cmd.Wait()
	ended()
	return err
}

// byDescriptor does nothing here: the path is executed immediately after it was checked.
func byDescriptor(*exec.Cmd, *os.File) {}
