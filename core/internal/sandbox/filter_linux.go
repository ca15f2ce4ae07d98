// The seccomp filter: which system calls a plugin has.

//go:build linux && (amd64 || arm64)

package sandbox

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data. Arguments have 64 bits; both architectures are little-endian.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

func low(arg int) bpf.Instruction { return bpf.LoadAbsolute{Off: uint32(offArgs + 8*arg), Size: 4} }
func high(arg int) bpf.Instruction {
	return bpf.LoadAbsolute{Off: uint32(offArgs + 8*arg + 4), Size: 4}
}

var (
	allow = bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	kill  = bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS}
)

func refuse(errno unix.Errno) bpf.RetConstant {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)}
}

// filterInput is what a filter depends on beside the architecture.
type filterInput struct {
	pid    int  // the only process it may signal: itself
	execFD int  // the only descriptor it may execute
	abi    int  // of Landlock
	writes bool // it has been granted files to write
}

// rule decides about one system call. body ends in a return on every way.
type rule struct {
	number uintptr
	body   []bpf.Instruction
}

// newFilter makes the filter. A call that no rule names is allowed, if it is one that is known here; one that came into the
// kernel later does not exist.
func newFilter(in filterInput) ([]bpf.RawInstruction, error) {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		kill, // another architecture has other numbers
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
	}
	program = append(program, archPrologue()...)
	program = append(program, bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: lastKnown, SkipFalse: 1}, refuse(unix.ENOSYS))
	for _, r := range slices.Concat(conditional(in), unconditional(in)) {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(r.number), SkipTrue: uint8(len(r.body))})
		program = append(program, r.body...)
	}
	return bpf.Assemble(append(program, allow))
}

// lastKnown is the newest system call that was looked at for this filter. From 424 on all architectures count alike.
const lastKnown = unix.SYS_RSEQ_SLICE_YIELD

// conditional are the calls that are allowed in part.
func conditional(in filterInput) []rule {
	pid := uint32(in.pid)
	rules := []rule{
		// Unix stream sockets, to serve the host. A datagram socket could send to any daemon's without connect.
		{unix.SYS_SOCKET, streamsOnly()},
		{unix.SYS_SOCKETPAIR, streamsOnly()},
		// Threads, but no processes. The flags of clone3 are out of a filter's sight: without it, libraries use clone.
		{unix.SYS_CLONE, []bpf.Instruction{low(0), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.CLONE_THREAD, SkipFalse: 1}, allow, refuse(unix.EPERM)}},
		{unix.SYS_CLONE3, []bpf.Instruction{refuse(unix.ENOSYS)}},
		// The one exec that makes this process the plugin. See the package comment on why there is no second.
		{unix.SYS_EXECVEAT, []bpf.Instruction{
			low(0), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(in.execFD), SkipTrue: 3},
			low(4), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.AT_EMPTY_PATH, SkipTrue: 1}, allow, refuse(unix.EPERM)}},
		// Signals to itself: runtimes interrupt their own threads so.
		{unix.SYS_KILL, argIs(0, pid)},
		{unix.SYS_TGKILL, argIs(0, pid)},
		{unix.SYS_TKILL, argIs(0, pid)},
		{unix.SYS_RT_SIGQUEUEINFO, argIs(0, pid)},
		{unix.SYS_RT_TGSIGQUEUEINFO, argIs(0, pid)},
		// A descriptor can be made to send any signal to any process of the same user.
		{unix.SYS_FCNTL, argIsNot(1, unix.F_SETOWN, unix.F_SETOWN_EX, unix.F_SETSIG, unix.F_NOTIFY)},
		{unix.SYS_IOCTL, argIsNot(1, unix.TIOCSTI, tiocLinux, unix.TIOCSCTTY, fioSetOwn, siocSetPgrp)},
		// It could outlive its host.
		{unix.SYS_PRCTL, argIsNot(0, unix.PR_SET_PDEATHSIG)},
		// Limits and priorities, which could be those of any process of the same user: read, not set.
		{unix.SYS_PRLIMIT64, null(2)},
		{unix.SYS_SCHED_SETAFFINITY, argIs(0, 0)},
		{unix.SYS_SCHED_SETSCHEDULER, argIs(0, 0)},
		{unix.SYS_SCHED_SETPARAM, argIs(0, 0)},
		{unix.SYS_SCHED_SETATTR, argIs(0, 0)},
		{unix.SYS_PERSONALITY, argIs(0, 0xffffffff)}, // asks, does not set
		// What Landlock sees of an open is whether it reads or writes. See openFlags.
		{unix.SYS_OPENAT, openFlags(2)},
		{unix.SYS_OPENAT2, []bpf.Instruction{refuse(unix.ENOSYS)}},
		// Memory that is shared counts for no limit. Files may be mapped so, but nothing else.
		{unix.SYS_MMAP, []bpf.Instruction{
			low(3), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_ANONYMOUS, SkipFalse: 2},
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_SHARED, SkipFalse: 1}, refuse(unix.EPERM), allow}},
	}
	if in.writes {
		rules = append(rules, rule{unix.SYS_UTIMENSAT, null(1)}) // of an open file
	}
	return append(rules, archConditional()...)
}

func streamsOnly() []bpf.Instruction {
	return []bpf.Instruction{
		low(0), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.AF_UNIX, SkipTrue: 4},
		low(1), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf}, // without SOCK_CLOEXEC and SOCK_NONBLOCK
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SOCK_STREAM, SkipTrue: 1}, allow, refuse(unix.EAFNOSUPPORT),
	}
}

// argIs allows a call if an argument of 32 bits has the value.
func argIs(arg int, value uint32) []bpf.Instruction {
	return []bpf.Instruction{low(arg), bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipFalse: 1}, allow, refuse(unix.EPERM)}
}

// argIsNot allows a call unless an argument of 32 bits has one of the values.
func argIsNot(arg int, values ...uint32) []bpf.Instruction {
	body := []bpf.Instruction{low(arg)}
	for _, v := range values {
		body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipFalse: 1}, refuse(unix.EPERM))
	}
	return append(body, allow)
}

// null allows a call if an argument is no pointer.
func null(arg int) []bpf.Instruction {
	return []bpf.Instruction{
		low(arg), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
		high(arg), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1}, allow, refuse(unix.EPERM),
	}
}

// openFlags refuses two ways to open a file that ask for less than they get. With the access mode 3 a file is opened neither
// to be read nor written, which Landlock lets pass, and can have its mode changed; and Landlock before its version 3 takes
// a truncating open for a reading one.
func openFlags(arg int) []bpf.Instruction {
	return []bpf.Instruction{
		low(arg), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: unix.O_ACCMODE | unix.O_TRUNC},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.O_TRUNC, SkipTrue: 3}, // and O_RDONLY, which is 0
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: unix.O_ACCMODE},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.O_ACCMODE, SkipTrue: 1}, allow, refuse(unix.EPERM),
	}
}

// unconditional are the calls that a plugin has not.
func unconditional(in filterInput) []rule {
	var out []rule
	for _, number := range absent {
		out = append(out, rule{number, []bpf.Instruction{refuse(unix.ENOSYS)}})
	}
	denied := slices.Concat(denied, archDenied)
	if in.writes {
		denied = slices.DeleteFunc(denied, func(n uintptr) bool { return slices.Contains(changesOpenFile, n) || n == unix.SYS_UTIMENSAT })
	}
	if in.abi < 3 {
		denied = append(denied, unix.SYS_TRUNCATE)
	}
	for _, number := range denied {
		out = append(out, rule{number, []bpf.Instruction{refuse(unix.EPERM)}})
	}
	return out
}

// Requests of ioctl that package unix does not name.
const (
	tiocLinux   = 0x541c
	fioSetOwn   = 0x8901
	siocSetPgrp = 0x8902
)

// absent are calls that programs can do without, and look for another way if they are not there.
var absent = []uintptr{
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, // memory that counts for no limit
}

// changesOpenFile are the calls that change what is known of an open file, which a plugin may have if it has files.
var changesOpenFile = []uintptr{unix.SYS_FCHMOD, unix.SYS_FCHOWN, unix.SYS_FSETXATTR, unix.SYS_FREMOVEXATTR}

var denied = []uintptr{
	// Other programs and other processes.
	unix.SYS_EXECVE, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP, unix.SYS_PIDFD_OPEN,
	unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PROCESS_MADVISE, unix.SYS_PROCESS_MRELEASE, unix.SYS_MIGRATE_PAGES,
	unix.SYS_MOVE_PAGES, unix.SYS_SETRLIMIT, unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_SET, unix.SYS_GET_ROBUST_LIST,
	unix.SYS_SETSID, unix.SYS_SETPGID,
	// Network, and daemons of this machine.
	unix.SYS_CONNECT,
	// What is known of files, by their names: Landlock does not see it.
	unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT, unix.SYS_SETXATTR, unix.SYS_LSETXATTR,
	unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_SETXATTRAT, unix.SYS_REMOVEXATTRAT, unix.SYS_FILE_SETATTR,
	unix.SYS_FCHMOD, unix.SYS_FCHOWN, unix.SYS_FSETXATTR, unix.SYS_FREMOVEXATTR,
	unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_FANOTIFY_INIT, unix.SYS_FANOTIFY_MARK,
	unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT,
	// Memory and queues that processes share by a key.
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_SHMDT, unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_MSGCTL,
	unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_SEMCTL, unix.SYS_MQ_OPEN, unix.SYS_MQ_UNLINK, unix.SYS_MQ_NOTIFY,
	unix.SYS_MQ_TIMEDSEND, unix.SYS_MQ_TIMEDRECEIVE, unix.SYS_MQ_GETSETATTR,
	// Keys, and parts of the kernel with a history.
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_BPF, unix.SYS_USERFAULTFD, unix.SYS_PERF_EVENT_OPEN,
	unix.SYS_LSM_SET_SELF_ATTR, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
	// Namespaces and mounts.
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT,
	unix.SYS_OPEN_TREE, unix.SYS_OPEN_TREE_ATTR, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT, unix.SYS_LISTNS,
	// The machine.
	unix.SYS_SYSLOG, unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE,
	unix.SYS_DELETE_MODULE, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SETHOSTNAME,
	unix.SYS_SETDOMAINNAME, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_VHANGUP,
}

// install puts the filter on this thread, and so on what it executes.
func install(filter []bpf.RawInstruction) error {
	program := make([]unix.SockFilter, len(filter))
	for i, f := range filter {
		program[i] = unix.SockFilter{Code: f.Op, Jt: f.Jt, Jf: f.Jf, K: f.K}
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

// filterAvailable asks the kernel whether it takes filters with all that ours returns.
func filterAvailable() error {
	for _, action := range []uint32{unix.SECCOMP_RET_KILL_PROCESS, unix.SECCOMP_RET_ERRNO} {
		if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action))); errno != 0 {
			return fmt.Errorf("the kernel takes no seccomp filters: %w", errno)
		}
	}
	return nil
}
