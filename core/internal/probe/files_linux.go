package probe

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// surroundings is what a process may have from its parent.
func surroundings() []attempt {
	const group = "surroundings"
	return []attempt{
		{group: group, name: "see the host's environment", plain: true, try: func(settings) error {
			for _, v := range os.Environ() {
				if name, _, _ := strings.Cut(v, "="); name == "PATH" || name == "HOME" || name == "USER" {
					return nil
				}
			}
			return errNothing
		}},
		{group: group, name: "read the host's standard input", try: func(settings) error {
			n, err := os.Stdin.Read(make([]byte, 1))
			if n == 0 && err == nil {
				err = io.EOF
			}
			return err
		}},
		{group: group, name: "read the environment of the host's process", plain: true,
			try: func(s settings) error { return read(proc(s, "environ")) }},
		{group: group, name: "read the memory of the host's process", try: func(s settings) error {
			f, err := os.Open(proc(s, "mem"))
			if err != nil {
				return err
			}
			return f.Close()
		}},
		{group: group, name: "see what the host's process executes", plain: true, try: func(s settings) error {
			_, err := os.Readlink(proc(s, "exe"))
			return err
		}},
	}
}

func proc(s settings, name string) string { return fmt.Sprintf("/proc/%d/%s", s.Host, name) }

func read(path string) error {
	_, err := os.ReadFile(path)
	return err
}

func fileAttempts() []attempt {
	const group = "files"
	in := func(name string, try func(path string) error) func(settings) error {
		return func(s settings) error { return try(filepath.Join(s.Folder, name)) }
	}
	return []attempt{
		{group: group, name: "read a file of the user's", plain: true, try: in("secret", read)},
		{group: group, name: "read /etc/passwd", plain: true, try: func(settings) error { return read("/etc/passwd") }},
		{group: group, name: "list a folder", plain: true, try: in("", func(path string) error {
			_, err := os.ReadDir(path)
			return err
		})},
		{group: group, name: "see whether a file exists", plain: true, try: in("secret", func(path string) error {
			_, err := os.Stat(path)
			return err
		}), known: "Landlock forbids to open files, not to ask for their names; the level full, and a host that is " +
			"root, hide them"},
		{group: group, name: "write a file of the user's", plain: true, try: in("write", func(path string) error {
			return os.WriteFile(path, []byte("x"), 0o600)
		})},
		{group: group, name: "truncate a file", plain: true,
			try: in("truncate", func(path string) error { return os.Truncate(path, 0) })},
		{group: group, name: "truncate a file by opening it to be read", plain: true,
			try: in("truncate", func(path string) error {
				return opened(unix.Open(path, unix.O_RDONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0))
			})},
		{group: group, name: "make a file", plain: true,
			try: in("made", func(path string) error { return os.WriteFile(path, nil, 0o600) })},
		{group: group, name: "make a file in /tmp", plain: true, try: func(s settings) error {
			path := filepath.Join("/tmp", filepath.Base(s.Folder)+"-made")
			defer func() { _ = os.Remove(path) }() // if it was made
			return os.WriteFile(path, nil, 0o600)
		}},
		{group: group, name: "make a folder", plain: true,
			try: in("folder", func(path string) error { return os.Mkdir(path, 0o700) })},
		{group: group, name: "make a symbolic link", plain: true,
			try: in("symlink", func(path string) error { return os.Symlink("secret", path) })},
		{group: group, name: "make a hard link", plain: true,
			try: in("link", func(path string) error { return os.Link(path, path+"ed") })},
		{group: group, name: "make a named pipe", plain: true,
			try: in("fifo", func(path string) error { return unix.Mkfifo(path, 0o600) })},
		{group: group, name: "rename a file", plain: true,
			try: in("rename", func(path string) error { return os.Rename(path, path+"d") })},
		{group: group, name: "remove a file", plain: true, try: in("remove", os.Remove)},
		{group: group, name: "change who may use a file", plain: true,
			try: in("mode", func(path string) error { return os.Chmod(path, 0o644) })},
		{group: group, name: "change who may use a file, by a descriptor", try: in("mode", func(path string) error {
			fd, err := unix.Open(path, unix.O_ACCMODE|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer func() { _ = unix.Close(fd) }()
			return unix.Fchmod(fd, 0o644)
		}), plain: true},
		{group: group, name: "change a file's time", plain: true,
			try: in("time", func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) })},
		{group: group, name: "set an attribute of a file", try: in("attribute", func(path string) error {
			return reached(unix.Setxattr(path, "user.probe", []byte("x"), 0), unix.ENOTSUP)
		}), plain: true},
		{group: group, name: "read an attribute of a file", try: in("secret", func(path string) error {
			_, err := unix.Getxattr(path, originAttribute, make([]byte, 256))
			return reached(err, unix.ENODATA)
		})},
		{group: group, name: "list the attributes of a file", try: in("secret", func(path string) error {
			_, err := unix.Listxattr(path, make([]byte, 256))
			return err
		})},
		{group: group, name: "see where a link leads", plain: true,
			try: in("link to a secret", func(path string) error {
				_, err := os.Readlink(path)
				return err
			}), known: "Landlock does not look at it, and runtimes find their own program so; " +
				"the level full, and a host that is root, hide links"},
		{group: group, name: "open a file by its handle", try: in("secret", func(path string) error {
			_, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
			return err
		})},
		{group: group, name: "watch a folder", plain: true, try: in("", func(path string) error {
			fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
			if err != nil {
				return err
			}
			defer func() { _ = unix.Close(fd) }()
			_, err = unix.InotifyAddWatch(fd, path, unix.IN_ALL_EVENTS)
			return err
		})},
		{group: group, name: "mount something", try: in("", func(path string) error {
			// There is no such kind: nothing is mounted even if it may.
			return reached(unix.Mount("none", path, "no-such-filesystem", 0, ""), unix.ENODEV)
		})},
		{group: group, name: "open a terminal's master", try: func(settings) error {
			return opened(unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0))
		}},
		{group: group, name: "open the terminal", plain: true, try: func(settings) error {
			// there is none, but the kernel looked
			return reached(opened(unix.Open("/dev/tty", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)), unix.ENXIO)
		}},
	}
}

func opened(fd int, err error) error {
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// kernelAttempts are parts of the kernel that a plugin does not need.
func kernelAttempts() []attempt {
	const group = "kernel"
	return []attempt{
		{group: group, name: "io_uring", try: func(settings) error {
			var params [120]byte
			fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
			return held(fd, errno)
		}},
		{group: group, name: "keys of the session", try: func(settings) error {
			_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
			return err
		}},
		{group: group, name: "programs in the kernel (bpf)", try: func(settings) error {
			var attr [16]uint32
			attr[0], attr[1], attr[2], attr[3] = 2, 4, 4, 1 // an array of one value
			fd, _, errno := unix.Syscall(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
			return held(fd, errno)
		}},
		{group: group, name: "page faults in user space", try: func(settings) error {
			fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|1, 0, 0)
			return held(fd, errno)
		}},
		{group: group, name: "performance counters", try: func(settings) error {
			attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK,
				Bits: unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv}
			attr.Size = uint32(unsafe.Sizeof(attr))
			return opened(unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC))
		}},
		{group: group, name: "a user namespace", try: func(settings) error {
			err := unix.Unshare(unix.CLONE_NEWUSER)
			return reached(err, unix.EINVAL) // not with threads; but the kernel has been asked
		}},
		{group: group, name: "another personality", plain: true, try: func(settings) error {
			now, _, errno := unix.Syscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0)
			if errno != 0 {
				return errno
			}
			if err := sys(unix.SYS_PERSONALITY, 0x0008); err != nil { // PER_LINUX32
				return err
			}
			return sys(unix.SYS_PERSONALITY, now)
		}},
		{group: group, name: "type into the terminal", plain: true, try: func(settings) error {
			// The standard input is no terminal, but the kernel was asked.
			char := byte('x')
			return reached(sys(unix.SYS_IOCTL, 0, unix.TIOCSTI, uintptr(unsafe.Pointer(&char))), unix.ENOTTY, unix.EIO)
		}},
		{group: group, name: "memory shared by a key", try: func(settings) error {
			id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, 0o600|unix.IPC_CREAT)
			if err != nil {
				return err
			}
			_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
			return err
		}},
		{group: group, name: "a queue of messages", try: func(settings) error {
			name := []byte("no-such-queue\x00")
			return reached(sys(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&name[0])), unix.O_RDONLY), unix.ENOENT)
		}},
		{group: group, name: "memory that no limit counts, in a file", plain: true, try: func(settings) error {
			return opened(unix.MemfdCreate("probe", unix.MFD_CLOEXEC))
		}},
		{group: group, name: "memory that no limit counts, shared", plain: true, try: func(settings) error {
			m, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
			if err != nil {
				return err
			}
			return unix.Munmap(m)
		}},
	}
}

// held closes a descriptor that a call gave.
func held(fd uintptr, errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}
