package probe

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

func processAttempts() []attempt {
	const group = "processes"
	return []attempt{
		{group: group, name: "run a program", plain: true,
			try: func(settings) error { return exec.CommandContext(context.Background(), "/bin/sh", "-c", ":").Run() }},
		{group: group, name: "become another program", plain: true, try: func(settings) error {
			// There is no such program: the probe goes on even if it may.
			return reached(unix.Exec("/no/such/program", []string{"x"}, nil), unix.ENOENT)
		}},
		{group: group, name: "become another program, by a descriptor", plain: true, try: func(settings) error {
			var empty [1]byte
			return reached(sys(unix.SYS_EXECVEAT, ^uintptr(0), uintptr(unsafe.Pointer(&empty)), 0, 0,
				unix.AT_EMPTY_PATH), unix.EBADF)
		}},
		{group: group, name: "make a process", plain: true, try: fork},
		{group: group, name: "send the host a signal", plain: true,
			try: func(s settings) error { return unix.Kill(s.Host, 0) }},
		{group: group, name: "send a thread of the host a signal", plain: true,
			try: func(s settings) error { return unix.Tgkill(s.Host, s.Host, 0) }},
		{group: group, name: "send all processes a signal", plain: true,
			try: func(settings) error { return unix.Kill(-1, 0) }},
		{group: group, name: "have the kernel send the host a signal", plain: true, try: func(s settings) error {
			var ends [2]int
			if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
				return err
			}
			defer func() { _ = unix.Close(ends[0]) }()
			defer func() { _ = unix.Close(ends[1]) }()
			return sys(unix.SYS_FCNTL, uintptr(ends[0]), unix.F_SETOWN, uintptr(s.Host))
		}},
		{group: group, name: "hold the host's process", plain: true,
			try: func(s settings) error { return opened(unix.PidfdOpen(s.Host, 0)) }},
		{group: group, name: "take a descriptor of the host's", try: func(s settings) error {
			pidfd, err := unix.PidfdOpen(s.Host, 0)
			if err != nil {
				return err
			}
			defer func() { _ = unix.Close(pidfd) }()
			return opened(unix.PidfdGetfd(pidfd, 0, 0))
		}},
		{group: group, name: "debug the host", try: debug},
		{group: group, name: "read the host's memory", try: func(s settings) error {
			var got [8]byte
			local := []unix.Iovec{{Base: &got[0]}}
			local[0].SetLen(len(got))
			_, err := unix.ProcessVMReadv(s.Host, local, []unix.RemoteIovec{{Base: 0x1000, Len: len(got)}}, 0)
			return reached(err, unix.EFAULT)
		}},
		{group: group, name: "set the host's limits", try: func(s settings) error {
			var now unix.Rlimit
			if err := unix.Prlimit(s.Host, unix.RLIMIT_CORE, nil, &now); err != nil {
				return err
			}
			return unix.Prlimit(s.Host, unix.RLIMIT_CORE, &now, nil)
		}, plain: true},
		{group: group, name: "raise its own limits", plain: true, try: func(settings) error {
			var now unix.Rlimit
			if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &now); err != nil {
				return err
			}
			return unix.Prlimit(0, unix.RLIMIT_NOFILE, &now, nil)
		}},
		{group: group, name: "set the host's priority", plain: true, try: func(s settings) error {
			now, err := unix.Getpriority(unix.PRIO_PROCESS, s.Host)
			if err != nil {
				return err
			}
			return unix.Setpriority(unix.PRIO_PROCESS, s.Host, 20-now)
		}},
		{group: group, name: "choose the host's processors", plain: true, try: func(s settings) error {
			var now unix.CPUSet
			if err := unix.SchedGetaffinity(s.Host, &now); err != nil {
				return err
			}
			return unix.SchedSetaffinity(s.Host, &now)
		}},
		{group: group, name: "see the host's group of processes", plain: true, try: func(s settings) error {
			return asked(unix.SYS_GETPGID, uintptr(s.Host))
		}},
		{group: group, name: "see the host's session", plain: true, try: func(s settings) error {
			return asked(unix.SYS_GETSID, uintptr(s.Host))
		}},
		{group: group, name: "see the host's limits", plain: true, try: func(s settings) error {
			return unix.Prlimit(s.Host, unix.RLIMIT_CORE, nil, &unix.Rlimit{})
		}},
		{group: group, name: "see the host's priority", plain: true, try: func(s settings) error {
			return asked(unix.SYS_GETPRIORITY, unix.PRIO_PROCESS, uintptr(s.Host))
		}},
		{group: group, name: "see the priority of all of the user's processes", plain: true, try: func(settings) error {
			return asked(unix.SYS_GETPRIORITY, unix.PRIO_USER, uintptr(unix.Getuid()))
		}},
		{group: group, name: "see the host's priority of input and output", plain: true, try: func(s settings) error {
			return asked(unix.SYS_IOPRIO_GET, 1, uintptr(s.Host))
		}},
		{group: group, name: "see how the host is scheduled", plain: true, try: func(s settings) error {
			return asked(unix.SYS_SCHED_GETSCHEDULER, uintptr(s.Host))
		}},
		{group: group, name: "see how the host is scheduled, with its attributes", plain: true,
			try: func(s settings) error {
				_, err := unix.SchedGetAttr(s.Host, 0)
				return err
			}},
		{group: group, name: "see the host's processors", plain: true, try: func(s settings) error {
			return unix.SchedGetaffinity(s.Host, &unix.CPUSet{})
		}},
		{group: group, name: "see the host's capabilities", plain: true, try: func(s settings) error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3, Pid: int32(s.Host)}
			var has [2]unix.CapUserData
			return unix.Capget(&header, &has[0])
		}},
		{group: group, name: "see the host's processor time", plain: true, try: func(s settings) error {
			const scheduled = 2 // the kind of clock
			return unix.ClockGettime(int32(^s.Host<<3|scheduled), &unix.Timespec{})
		}},
		{group: group, name: "outlive the host", plain: true, try: func(settings) error {
			if err := unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
				return err
			}
			return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
		}},
	}
}

// asked makes a call that only asks.
func asked(number uintptr, args ...uintptr) error {
	args = append(args, 0, 0)
	_, _, errno := unix.RawSyscall(number, args[0], args[1], 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// fork makes a process that ends at once.
func fork(settings) error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
		}
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}

// debug stops the host's first thread as a debugger does, and lets it go on. Whoever traces is a
// thread, and a process that is traced waits for it at every signal: so it must not stay so.
func debug(s settings) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := sys(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(s.Host), 0, 0); err != nil {
		return err
	}
	if err := sys(unix.SYS_PTRACE, unix.PTRACE_INTERRUPT, uintptr(s.Host), 0, 0); err != nil {
		return err
	}
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(s.Host, &status, unix.WALL, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	signal := uintptr(0)
	if int(status)>>16 == 0 { // on its way to the host
		signal = uintptr(status.StopSignal())
	}
	return sys(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(s.Host), 0, signal)
}
