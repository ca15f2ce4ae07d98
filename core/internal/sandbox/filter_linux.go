// The seccomp filter: the system calls of a plugin.

//go:build linux && (amd64 || arm64)

package sandbox

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data. Arguments have 64 bits. Both architectures are little-endian.
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

// filterInput is what a filter depends on besides the architecture.
type filterInput struct {
	pid    int  // its own pid, the only one that it may signal
	execFD int  // the only descriptor that it may execute
	abi    int  // version of Landlock
	change bool // may change modes, times and attributes of open files, because only its own are writable
	locks  bool // may lock whole files
	ask    bool // the host answers bind
}

// rule decides about one system call. Every path through body ends in a return.
type rule struct {
	number uintptr
	body   []bpf.Instruction
}

// newFilter builds the filter. It allows a call without a rule if the call is known here. Newer
// calls fail as if the kernel did not have them.
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
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(r.number),
			SkipTrue: uint8(len(r.body))})
		program = append(program, r.body...)
	}
	return bpf.Assemble(append(program, allow))
}

// lastKnown is the newest system call that was reviewed for this filter. From 424 on, all
// architectures use the same numbers.
const lastKnown = unix.SYS_RSEQ_SLICE_YIELD

// conditional are the calls that are partly allowed.
func conditional(in filterInput) []rule {
	pid := uint32(in.pid)
	rules := []rule{
		// Allow only unix stream sockets, for serving the host. A datagram socket could send to any
		// daemon without connect.
		{unix.SYS_SOCKET, streamsOnly()},
		{unix.SYS_SOCKETPAIR, streamsOnly()},
		// Allow threads, but no processes. A filter cannot see the flags of clone3; without it,
		// libraries use clone.
		{unix.SYS_CLONE, []bpf.Instruction{low(0),
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.CLONE_THREAD, SkipFalse: 1}, allow, refuse(unix.EPERM)}},
		{unix.SYS_CLONE3, []bpf.Instruction{refuse(unix.ENOSYS)}},
		// Allow the one exec that makes this process the plugin. The package comment says why there
		// is no second one.
		{unix.SYS_EXECVEAT, []bpf.Instruction{
			low(0), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(in.execFD), SkipTrue: 3},
			low(4), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.AT_EMPTY_PATH, SkipTrue: 1}, allow,
			refuse(unix.EPERM)}},
		// Allow signals to itself, with which runtimes interrupt their own threads.
		{unix.SYS_KILL, argIs(0, pid)},
		{unix.SYS_TGKILL, argIs(0, pid)},
		{unix.SYS_TKILL, argIs(0, pid)},
		{unix.SYS_RT_SIGQUEUEINFO, argIs(0, pid)},
		{unix.SYS_RT_TGSIGQUEUEINFO, argIs(0, pid)},
		// Through fcntl, a descriptor can send signals to other processes, block others from a file
		// (lease), or hold much memory.
		{unix.SYS_FCNTL, argIs(1, fcntls...)},
		// Through ioctl, a file opened for reading can have its flags changed, and a terminal can
		// receive input. Each driver adds more.
		{unix.SYS_IOCTL, argIs(1, ioctls...)},
		// Through prctl, it could outlive its host, add filters in front of this one, and share
		// processors or memory pages with others.
		{unix.SYS_PRCTL, argIsNot(0, unix.PR_SET_PDEATHSIG, unix.PR_SET_SECCOMP, unix.PR_SCHED_CORE,
			unix.PR_SET_MEMORY_MERGE)},
		// Limits and priorities can belong to any process of the same user: allow reading, not
		// setting.
		{unix.SYS_PRLIMIT64, append([]bpf.Instruction{
			low(0), bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: pid, SkipTrue: 1}, refuse(unix.EPERM)},
			null(2)...)},
		{unix.SYS_SCHED_SETAFFINITY, argIs(0, 0)},
		{unix.SYS_SCHED_SETSCHEDULER, argIs(0, 0)},
		{unix.SYS_SCHED_SETPARAM, argIs(0, 0)},
		{unix.SYS_SCHED_SETATTR, argIs(0, 0)},
		// Allow queries only about itself, not about other processes.
		{unix.SYS_GETPGID, argIs(0, 0, pid)},
		{unix.SYS_GETSID, argIs(0, 0, pid)},
		{unix.SYS_SCHED_GETSCHEDULER, argIs(0, 0, pid)},
		{unix.SYS_SCHED_GETPARAM, argIs(0, 0, pid)},
		{unix.SYS_SCHED_GETATTR, argIs(0, 0, pid)},
		{unix.SYS_SCHED_RR_GET_INTERVAL, argIs(0, 0, pid)},
		{unix.SYS_GETPRIORITY, ofProcess(unix.PRIO_PROCESS, pid)},
		{unix.SYS_IOPRIO_GET, ofProcess(ioprioProcess, pid)},
		// The C library asks for the processors of its threads, and works without this call.
		{unix.SYS_SCHED_GETAFFINITY, orElse(argIs(0, 0, pid), unix.ENOSYS)},
		{unix.SYS_CLOCK_GETTIME, ownClock()},
		{unix.SYS_CLOCK_GETRES, ownClock()},
		{unix.SYS_CLOCK_NANOSLEEP, ownClock()},
		{unix.SYS_TIMER_CREATE, ownClock()},
		{unix.SYS_PERSONALITY, argIs(0, 0xffffffff)}, // queries only
		// Landlock sees only whether an open reads or writes. See openCall.
		{unix.SYS_OPENAT, openCall(2, 3)},
		{unix.SYS_OPENAT2, []bpf.Instruction{refuse(unix.ENOSYS)}},
		{unix.SYS_MKDIRAT, without(2, setID)},
		// A whiteout is a device file.
		{unix.SYS_RENAMEAT2, without(4, unix.RENAME_WHITEOUT)},
		// Shared memory, and stacks that grow downwards, do not count for the limit. Allow them
		// only for mapped files. mremap could enlarge a stack; allocators work without it.
		{unix.SYS_MMAP, []bpf.Instruction{
			low(3), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_GROWSDOWN, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_ANONYMOUS, SkipFalse: 2},
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_SHARED, SkipFalse: 1}, refuse(unix.EPERM), allow}},
		{unix.SYS_MREMAP, []bpf.Instruction{refuse(unix.ENOMEM)}},
	}
	if in.change {
		rules = append(rules,
			rule{unix.SYS_FCHMOD, without(1, setID)},
			rule{unix.SYS_UTIMENSAT, null(1)}) // only of an open file
	}
	if in.ask {
		rules = append(rules, rule{unix.SYS_BIND, []bpf.Instruction{bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF}}})
	}
	return append(rules, archConditional()...)
}

// setID are the mode bits with which a program runs as its owner or group.
const setID = unix.S_ISUID | unix.S_ISGID

// fcntls are the allowed commands of fcntl.
var fcntls = []uint32{
	unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL,
	unix.F_GETLK, unix.F_SETLK, unix.F_SETLKW, unix.F_OFD_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW, unix.F_GETPIPE_SZ,
	unix.F_DUPFD_QUERY, unix.F_CREATED_QUERY,
}

// ioctls are the allowed requests of ioctl, which libraries use on any descriptor.
var ioctls = []uint32{
	unix.TCGETS, unix.TIOCGWINSZ, unix.TIOCINQ, unix.TIOCOUTQ,
	fioNonBlock, fioNoCloseOnExec, fioCloseOnExec, fiGetBlockSize,
}

func streamsOnly() []bpf.Instruction {
	return []bpf.Instruction{
		low(0), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.AF_UNIX, SkipTrue: 4},
		low(1), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf}, // ignores SOCK_CLOEXEC and SOCK_NONBLOCK
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SOCK_STREAM, SkipTrue: 1}, allow, refuse(unix.EAFNOSUPPORT),
	}
}

// argIs allows a call if a 32-bit argument has one of the values.
func argIs(arg int, values ...uint32) []bpf.Instruction {
	body := []bpf.Instruction{low(arg)}
	for _, v := range values {
		body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipFalse: 1}, allow)
	}
	return append(body, refuse(unix.EPERM))
}

// orElse changes the error at the end of a body.
func orElse(body []bpf.Instruction, errno unix.Errno) []bpf.Instruction {
	return append(body[:len(body)-1], refuse(errno))
}

// ofProcess allows a call about this process only. The first argument says that the call is about a
// process.
func ofProcess(which, pid uint32) []bpf.Instruction {
	about := []bpf.Instruction{low(0), bpf.JumpIf{Cond: bpf.JumpEqual, Val: which, SkipTrue: 1}, refuse(unix.EPERM)}
	return append(about, argIs(1, 0, pid)...)
}

// ownClock refuses CPU-time clocks of processes by id, and clocks of devices. Both are negative
// numbers without the bit of a thread; threads must be its own.
func ownClock() []bpf.Instruction {
	const negative, thread = 1 << 31, 4
	return []bpf.Instruction{
		low(0), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: negative, SkipFalse: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: thread, SkipTrue: 1}, refuse(unix.EINVAL), allow,
	}
}

// without allows a call if a 32-bit argument has none of the bits.
func without(arg int, bits uint32) []bpf.Instruction {
	return []bpf.Instruction{low(arg), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: bits, SkipTrue: 1}, allow,
		refuse(unix.EPERM)}
}

// argIsNot allows a call unless a 32-bit argument has one of the values.
func argIsNot(arg int, values ...uint32) []bpf.Instruction {
	body := []bpf.Instruction{low(arg)}
	for _, v := range values {
		body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipFalse: 1}, refuse(unix.EPERM))
	}
	return append(body, allow)
}

// null allows a call if an argument is a null pointer.
func null(arg int) []bpf.Instruction {
	return []bpf.Instruction{
		low(arg), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
		high(arg), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1}, allow, refuse(unix.EPERM),
	}
}

// openCall refuses three kinds of open that grant more than they ask for. With access mode 3, a
// file is opened neither for reading nor for writing, which Landlock allows, and its mode can then
// be changed. Landlock before version 3 treats a truncating open as reading. Landlock does not see
// the mode of a new file.
func openCall(flags, mode int) []bpf.Instruction {
	const makes = unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY
	return []bpf.Instruction{
		low(flags), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: unix.O_ACCMODE | unix.O_TRUNC},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.O_TRUNC, SkipTrue: 7}, // with O_RDONLY, which is 0
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: unix.O_ACCMODE},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.O_ACCMODE, SkipTrue: 5},
		low(flags), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: makes, SkipFalse: 2},
		low(mode), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: setID, SkipTrue: 1}, allow, refuse(unix.EPERM),
	}
}

// unconditional are the calls that are refused.
func unconditional(in filterInput) []rule {
	var out []rule
	for _, number := range absent {
		out = append(out, rule{number, []bpf.Instruction{refuse(unix.ENOSYS)}})
	}
	for _, number := range attributes {
		out = append(out, rule{number, []bpf.Instruction{refuse(unix.ENOTSUP)}})
	}
	denied := slices.Concat(denied, archDenied)
	if !in.change {
		denied = append(denied, unix.SYS_FCHMOD, unix.SYS_FSETXATTR, unix.SYS_FREMOVEXATTR, unix.SYS_UTIMENSAT)
	}
	if !in.locks {
		denied = append(denied, unix.SYS_FLOCK)
	}
	if in.abi < 3 {
		denied = append(denied, unix.SYS_TRUNCATE)
	}
	for _, number := range denied {
		out = append(out, rule{number, []bpf.Instruction{refuse(unix.EPERM)}})
	}
	return out
}

// ioctl requests that package unix does not define.
const (
	fiGetBlockSize   = 2
	fioNonBlock      = 0x5421
	fioNoCloseOnExec = 0x5450
	fioCloseOnExec   = 0x5451
)

// ioprioProcess selects a process in ioprio_get.
const ioprioProcess = 1

// absent are calls that fail as if the kernel did not have them. Programs then use alternatives.
var absent = []uintptr{
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_MAP_SHADOW_STACK, // memory that counts for no limit
	// The machine has a limited number, shared by all users.
	unix.SYS_IO_SETUP, unix.SYS_IO_DESTROY, unix.SYS_IO_SUBMIT, unix.SYS_IO_CANCEL,
	unix.SYS_IO_GETEVENTS, unix.SYS_IO_PGETEVENTS,
	// Rules and filters use unbounded kernel memory.
	unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF, unix.SYS_SECCOMP,
}

// attributes are the calls that read attributes by file name, which Landlock does not see. Programs
// expect that a file system may not support them.
var attributes = []uintptr{
	unix.SYS_GETXATTR, unix.SYS_LGETXATTR, unix.SYS_LISTXATTR, unix.SYS_LLISTXATTR,
	unix.SYS_GETXATTRAT, unix.SYS_LISTXATTRAT, unix.SYS_FILE_GETATTR,
}

var denied = []uintptr{
	// Other programs and processes.
	unix.SYS_EXECVE, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP,
	unix.SYS_PIDFD_OPEN,
	unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PROCESS_MADVISE, unix.SYS_PROCESS_MRELEASE,
	unix.SYS_MIGRATE_PAGES,
	unix.SYS_MOVE_PAGES, unix.SYS_SETRLIMIT, unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_SET, unix.SYS_GET_ROBUST_LIST,
	unix.SYS_CAPGET,
	unix.SYS_SETSID, unix.SYS_SETPGID,
	// Network, and daemons of this machine.
	unix.SYS_CONNECT,
	// Metadata of files, which Landlock does not see. unconditional adds some calls for open files.
	unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWNAT, unix.SYS_FCHOWN, unix.SYS_SETXATTR, unix.SYS_LSETXATTR,
	unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_SETXATTRAT, unix.SYS_REMOVEXATTRAT, unix.SYS_FILE_SETATTR,
	unix.SYS_MKNODAT,
	unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_FANOTIFY_INIT, unix.SYS_FANOTIFY_MARK,
	unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT,
	// Memory and queues that processes share by key.
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_SHMDT, unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV,
	unix.SYS_MSGCTL,
	unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_SEMCTL, unix.SYS_MQ_OPEN, unix.SYS_MQ_UNLINK,
	unix.SYS_MQ_NOTIFY,
	unix.SYS_MQ_TIMEDSEND, unix.SYS_MQ_TIMEDRECEIVE, unix.SYS_MQ_GETSETATTR,
	// Keys, and parts of the kernel with a history of vulnerabilities.
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_BPF, unix.SYS_USERFAULTFD,
	unix.SYS_PERF_EVENT_OPEN,
	unix.SYS_LSM_SET_SELF_ATTR, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
	// Namespaces and mounts.
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_MOVE_MOUNT,
	unix.SYS_OPEN_TREE, unix.SYS_OPEN_TREE_ATTR, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
	unix.SYS_MOUNT_SETATTR,
	unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT, unix.SYS_LISTNS,
	// The machine as a whole.
	unix.SYS_SYSLOG, unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE,
	unix.SYS_FINIT_MODULE,
	unix.SYS_DELETE_MODULE, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
	unix.SYS_SETHOSTNAME,
	unix.SYS_SETDOMAINNAME, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
	unix.SYS_VHANGUP,
}

// install installs the filter on this thread, and so for what it executes. With
// SECCOMP_FILTER_FLAG_NEW_LISTENER, listener is the descriptor on which the host answers.
func install(filter []bpf.RawInstruction, flags uintptr) (listener int, err error) {
	program := make([]unix.SockFilter, len(filter))
	for i, f := range filter {
		program[i] = unix.SockFilter{Code: f.Op, Jt: f.Jt, Jf: f.Jf, K: f.K}
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags,
		uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return 0, fmt.Errorf("seccomp: %w", errno)
	}
	return int(fd), nil
}

// filterAvailable returns an error if the kernel does not support the filter's actions.
func filterAvailable() error {
	for _, action := range []uint32{unix.SECCOMP_RET_KILL_PROCESS, unix.SECCOMP_RET_ERRNO} {
		if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0,
			uintptr(unsafe.Pointer(&action))); errno != 0 {
			return fmt.Errorf("the kernel takes no seccomp filters: %w", errno)
		}
	}
	return nil
}
