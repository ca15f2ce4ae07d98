// Watch: the filter by which a program stops at what changes files, and runs on at full speed
// otherwise.

//go:build linux && (amd64 || arm64)

package crashtest

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// watchEnv is set for programs that are to be watched.
const watchEnv = "SCRAPEKIT_CRASHTEST"

const (
	seccompModeFilter = 1 // of the system call seccomp
	filterAllThreads  = 1
	retTrace          = 0x7ff00000
	retAllow          = 0x7fff0000
	setNoNewPrivs     = 38
)

// Watch has this process stop for who started it by [Program.Run], and does nothing otherwise. A
// test binary calls it first where it is such a program; for other programs see the command in the
// folder launch.
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

// filter stops at the calls of the table. openat stops only where it may change something: it is
// called all the time.
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

// openChanges are the flags of an open that may make or cut a file.
const openChanges = syscall.O_CREAT | syscall.O_TRUNC
