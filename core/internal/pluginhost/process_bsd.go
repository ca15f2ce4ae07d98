// macOS and the BSDs: nothing kills a child with its parent, so sdk/serve watches the parent
// itself.

//go:build unix && !linux

package pluginhost

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate puts the process into a group of its own, so that Ctrl-C at the terminal does not reach
// it.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// wait waits for the process's end and calls ended right after.
func wait(cmd *exec.Cmd, ended func()) error {
	err := cmd.Wait()
	ended()
	return err
}

// byDescriptor is not to be had here: the path is run right after it was looked at.
func byDescriptor(*exec.Cmd, *os.File) {}
