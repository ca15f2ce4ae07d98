//go:build unix

package core

import (
	"errors"
	"syscall"
)

// alive reports whether there is a process with this id.
func alive(pid int) bool {
	return pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
