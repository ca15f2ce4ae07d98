// The filter on arm64, which has only the newer system calls.

package sandbox

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const auditArch = unix.AUDIT_ARCH_AARCH64

func archPrologue() []bpf.Instruction { return nil }

func archConditional() []rule { return nil }

var archDenied []uintptr
