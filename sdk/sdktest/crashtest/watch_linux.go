// Watch: the seccomp filter that stops a program at calls that change files, and lets others run at
// full speed.

//go:build linux && (amd64 || arm64)

package crashtest

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// watchEnv is set in the environment of programs that are traced.
const watchEnv = "SCRAPEKIT_CRASHTEST"

const (
	seccompModeFilter = 1 // an argument of seccomp(2)
	filterAllThreads  = 1
	retTrace          = 0x7ff00000
	retAllow          = 0x7fff0000
	setNoNewPrivs     = 38
)

// Watch makes this process stop for the tracer that started it by [Program.Run]; otherwise it does
// nothing. A test binary that is such a program calls it first. For other programs see the command
// in the folder launch.
func Watch() error {
	if os.Getenv(watchEnv) == "" {
		return nil
	}
	program := filter()
	prog := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("no new privileges: %w", errno)
	}
	_, _, errno := syscall.RawSyscall(sysSeccomp, seccompModeFilter, filterAllThreads, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("seccomp filter: %w", errno)
	}
	return nil
}

// filter stops at the calls of the table. It stops at openat only with flags that may change
// something, because openat is frequent.
func filter() []syscall.SockFilter {
	load := func(offset uint32) syscall.SockFilter {
		return syscall.SockFilter{Code: syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS, K: offset}
	}
	ret := func(k uint32) syscall.SockFilter {
		return syscall.SockFilter{Code: syscall.BPF_RET | syscall.BPF_K, K: k}
	}
	equal := func(k uint32, yes uint8) syscall.SockFilter {
		return syscall.SockFilter{Code: syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K, K: k, Jt: yes}
	}
	const nr, arch, arg1, arg2 = 0, 4, 16 + 8, 16 + 16
	changes := syscall.SockFilter{Code: syscall.BPF_JMP | syscall.BPF_JSET | syscall.BPF_K, K: openChanges, Jt: 1}
	out := []syscall.SockFilter{load(arch), equal(auditArch, 1), ret(retAllow), load(nr)}
	for _, open := range []struct {
		nr    int
		flags uint32
	}{{syscall.SYS_OPENAT, arg2}, {sysOpen, arg1}} {
		if open.nr >= 0 {
			skip := equal(uint32(open.nr), 0)
			skip.Jf = 4
			out = append(out, skip, load(open.flags), changes, ret(retAllow), ret(retTrace))
		}
	}
	for n := range calls {
		stop := equal(uint32(n), 0)
		stop.Jf = 1
		out = append(out, stop, ret(retTrace))
	}
	return append(out, ret(retAllow))
}

// openChanges are the flags of an open that may create or truncate a file.
const openChanges = syscall.O_CREAT | syscall.O_TRUNC
