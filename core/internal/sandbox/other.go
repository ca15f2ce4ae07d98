// Systems without confinement of plugins.

//go:build !linux

package sandbox

import (
	"os"
	"os/exec"
	"runtime"
)

// Support is what the system supports.
type Support struct {
	Kernel   string
	Landlock int
	Seccomp  bool
	Root     bool
	SetUID   bool
}

// System returns what the system supports.
func System() Support { return Support{Kernel: runtime.GOOS} }

// Check returns an error for levels that confine.
func (Support) Check(l Level) error {
	if l.Confines() {
		return &MissingError{l, "it needs Linux, and this is " + runtime.GOOS}
	}
	return nil
}

// Namespaces exist only on Linux.
func (s Support) Namespaces() error { return s.Check(Full) }

// Best returns the strictest supported level.
func (Support) Best() Level { return Env }

// SocketName is used only on Linux.
const SocketName = ""

// BoundsThreads is true only on Linux.
func (Support) BoundsThreads() bool { return false }

// Start works only on Linux.
func Start(_ *exec.Cmd, _ *os.File, p Policy) error { return System().Check(p.Level) }

// Refusal occurs only on Linux.
func Refusal(int, []string) error { return nil }

// Protect does nothing.
func Protect() error { return nil }
