// The system calls by number, and how one is prevented.

package crashtest

import (
	"syscall"
	"unsafe"
)

const (
	auditArch  = 0xc00000b7
	sysSeccomp = 277
	sysOpen    = -1 // there is none
)

// calls are all system calls that change files.
var calls = map[int]reading{
	syscall.SYS_OPENAT: opening(0, 1, 2),
	syscall.SYS_WRITE:  writing, syscall.SYS_PWRITE64: writingAt, syscall.SYS_WRITEV: unknown,
	syscall.SYS_PWRITEV:   unknown,
	syscall.SYS_FTRUNCATE: cutting, syscall.SYS_TRUNCATE: cuttingByName, syscall.SYS_FALLOCATE: unknown,
	syscall.SYS_FSYNC: onFile(Sync), syscall.SYS_FDATASYNC: onFile(Sync), syscall.SYS_SYNC_FILE_RANGE: unknown,
	syscall.SYS_RENAMEAT: two(Rename, 0, 1, 2, 3), 276: two(Rename, 0, 1, 2, 3),
	syscall.SYS_LINKAT: two(Link, 0, 1, 2, 3), syscall.SYS_UNLINKAT: at(Remove, 0, 1),
	syscall.SYS_MKDIRAT:  at(Mkdir, 0, 1),
	syscall.SYS_SENDFILE: unknown, 285: unknown, // copy_file_range
}

const (
	getRegSet  = 0x4204
	setRegSet  = 0x4205
	registers  = 1     // NT_PRSTATUS
	systemCall = 0x404 // NT_ARM_SYSTEM_CALL
)

func regSet(request, thread, set int, data unsafe.Pointer, size uintptr) error {
	v := syscall.Iovec{Base: (*byte)(data), Len: uint64(size)}
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, uintptr(request), uintptr(thread), uintptr(set),
		uintptr(unsafe.Pointer(&v)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func changeRegister(thread, n int, value uint64) error {
	var r syscall.PtraceRegs
	if err := regSet(getRegSet, thread, registers, unsafe.Pointer(&r), unsafe.Sizeof(r)); err != nil {
		return err
	}
	r.Regs[n] = value
	return regSet(setRegSet, thread, registers, unsafe.Pointer(&r), unsafe.Sizeof(r))
}

// refuse makes the call that a stopped thread is about to make fail.
func refuse(thread int, errno syscall.Errno) error {
	none := int32(-1)
	if err := regSet(setRegSet, thread, systemCall, unsafe.Pointer(&none), unsafe.Sizeof(none)); err != nil {
		return err
	}
	return changeRegister(thread, 0, uint64(-int64(errno)))
}

// shorten makes a write write n bytes.
func shorten(thread int, n uint64) error { return changeRegister(thread, 2, n) }
