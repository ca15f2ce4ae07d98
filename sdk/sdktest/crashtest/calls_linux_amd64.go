// The system calls by number, and how one is prevented.

package crashtest

import "syscall"

const (
	auditArch  = 0xc000003e
	sysSeccomp = 317
	sysOpen    = syscall.SYS_OPEN
)

// calls are all system calls that change files.
var calls = map[int]reading{
	syscall.SYS_OPENAT: opening(0, 1, 2), syscall.SYS_OPEN: opening(-1, 0, 1), syscall.SYS_CREAT: unknown,
	syscall.SYS_WRITE: writing, syscall.SYS_PWRITE64: writingAt, syscall.SYS_WRITEV: unknown,
	syscall.SYS_PWRITEV:   unknown,
	syscall.SYS_FTRUNCATE: cutting, syscall.SYS_TRUNCATE: cuttingByName, syscall.SYS_FALLOCATE: unknown,
	syscall.SYS_FSYNC: onFile(Sync), syscall.SYS_FDATASYNC: onFile(Sync), syscall.SYS_SYNC_FILE_RANGE: unknown,
	syscall.SYS_RENAME: two(Rename, -1, 0, -1, 1), syscall.SYS_RENAMEAT: two(Rename, 0, 1, 2, 3),
	316:              two(Rename, 0, 1, 2, 3),
	syscall.SYS_LINK: two(Link, -1, 0, -1, 1), syscall.SYS_LINKAT: two(Link, 0, 1, 2, 3),
	syscall.SYS_UNLINK: at(Remove, -1, 0), syscall.SYS_UNLINKAT: at(Remove, 0, 1), syscall.SYS_RMDIR: at(Remove, -1, 0),
	syscall.SYS_MKDIR: at(Mkdir, -1, 0), syscall.SYS_MKDIRAT: at(Mkdir, 0, 1),
	syscall.SYS_SENDFILE: unknown, 326: unknown, // copy_file_range
}

// refuse makes the call that a stopped thread is about to make fail.
func refuse(thread int, errno syscall.Errno) error {
	var r syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(thread, &r); err != nil {
		return err
	}
	r.Orig_rax, r.Rax = ^uint64(0), uint64(-int64(errno))
	return syscall.PtraceSetRegs(thread, &r)
}

// shorten makes a write write n bytes.
func shorten(thread int, n uint64) error {
	var r syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(thread, &r); err != nil {
		return err
	}
	r.Rdx = n
	return syscall.PtraceSetRegs(thread, &r)
}
