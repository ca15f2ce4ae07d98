// Systems on which plugins are not confined.

//go:build !linux

package sandbox

import (
	"os"
	"os/exec"
	"runtime"
)

// Support is what a system has for a sandbox.
type Support struct {
	Kernel   string
	Landlock int
	Seccomp  bool
	Root     bool
	SetUID   bool
}

// System looks at the system.
func System() Support { return Support{Kernel: runtime.GOOS} }

// Check says that a level that confines is not to be had.
func (Support) Check(l Level) error {
	if l.Confines() {
		return &MissingError{l, "it needs Linux, and this is " + runtime.GOOS}
	}
	return nil
}

// Namespaces are Linux's.
func (s Support) Namespaces() error { return s.Check(Full) }

// Best returns the most that there is.
func (Support) Best() Level { return Env }

// SocketName is Linux's.
const SocketName = ""

// BoundsThreads is Linux's.
func (Support) BoundsThreads() bool { return false }

// Start is for Linux alone.
func Start(_ *exec.Cmd, _ *os.File, p Policy) error { return System().Check(p.Level) }

// Refusal is for Linux alone.
func Refusal(int, []string) error { return nil }

// Protect has nothing to do.
func Protect() error { return nil }
