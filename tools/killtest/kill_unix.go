//go:build !windows

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// group makes the command the first of a process group, so that its children can be killed with it.
func group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// kill is kill -9.
func kill(p *os.Process, alone bool) error {
	if alone {
		return p.Kill()
	}
	return syscall.Kill(-p.Pid, syscall.SIGKILL)
}
