package probe

import (
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of ioctl that package unix does not name.
const fsIocSetVersion = 0x40087602

// ownProgram is the name of the row about a file that may be another user's.
const ownProgram = "change who may use its own program"

// grantedAttempts are about a folder that the plugin may read, and one that it may write.
func grantedAttempts() []attempt {
	const group = "granted files"
	// read opens a file that the plugin may read.
	read := func(name string, try func(fd int) error) func(settings) error {
		return func(s settings) error { return withFile(filepath.Join(s.Read, name), try) }
	}
	// write makes a file in the folder that the plugin may write.
	write := func(name string, try func(path string) error) func(settings) error {
		return func(s settings) error {
			path := filepath.Join(s.Write, name)
			if err := os.WriteFile(path, []byte("x"), 0o755); err != nil {
				return err
			}
			return try(path)
		}
	}
	made := func(name string, try func(path string) error) func(settings) error {
		return func(s settings) error { return try(filepath.Join(s.Write, name)) }
	}
	rows := []attempt{
		{name: "make a program that runs as its owner", try: write("setuid", func(path string) error {
			return withFile(path, func(fd int) error { return unix.Fchmod(fd, 0o4755) })
		})},
		{name: "make a program that runs as its group", try: write("setgid", func(path string) error {
			return withFile(path, func(fd int) error { return unix.Fchmod(fd, 0o2755) })
		})},
		{name: "make a program that runs as its owner, in one step", try: made("setuid2", func(path string) error {
			return opened(unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o4755))
		})},
		{name: "make a program that runs as its owner, without a name", try: made("", func(path string) error {
			return opened(unix.Open(path, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o4755))
		})},
		{name: "make a program that runs as its owner, as a node", try: made("setuid3", func(path string) error {
			return unix.Mknod(path, unix.S_IFREG|0o4755, 0)
		})},
		{name: "give a file away", try: write("given", func(path string) error {
			return withFile(path, func(fd int) error { return unix.Fchown(fd, os.Getuid(), os.Getgid()) })
		})},
		{name: "make a symbolic link among its files",
			try: made("symlink", func(path string) error { return os.Symlink("/etc/passwd", path) })},
		{name: "make a named pipe among its files",
			try: made("fifo", func(path string) error { return unix.Mkfifo(path, 0o600) })},
		{name: "make a device among its files, by a rename", try: write("moved", func(path string) error {
			return unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, path+" away", unix.RENAME_WHITEOUT)
		})},
		{name: "take a file that it may read by a hard link", try: func(s settings) error {
			return os.Link(filepath.Join(s.Read, "link"), filepath.Join(s.Write, "linked"))
		}},
		{name: "write to a file that it may read", try: func(s settings) error {
			return os.WriteFile(filepath.Join(s.Read, "write"), []byte("x"), 0o600)
		}},
		{name: "truncate a file that it may read",
			try: func(s settings) error { return os.Truncate(filepath.Join(s.Read, "truncate"), 0) }},
		{name: "remove a file that it may read",
			try: func(s settings) error { return os.Remove(filepath.Join(s.Read, "remove")) }},
		{name: "move a file that it may read", try: func(s settings) error {
			return os.Rename(filepath.Join(s.Read, "rename"), filepath.Join(s.Write, "renamed"))
		}},
		{name: "change who may use a file that it may read",
			try: read("mode", func(fd int) error { return unix.Fchmod(fd, 0o4777) })},
		{name: "change the time of a file that it may read", try: read("time", func(fd int) error {
			times := []unix.Timespec{{Sec: 1}, {Sec: 1}}
			return sys(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times[0])), 0)
		})},
		{name: "set an attribute of a file that it may read", try: read("attribute", func(fd int) error {
			return reached(unix.Fsetxattr(fd, "user.probe", []byte("x"), 0), unix.ENOTSUP)
		})},
		{name: "change the flags of a file that it may read", try: read("attribute", func(fd int) error {
			flags := int32(0x40) // not to be backed up
			return control(fd, unix.FS_IOC_SETFLAGS, &flags)
		})},
		{name: "change the version of a file that it may read", try: read("attribute", func(fd int) error {
			version := int32(7)
			return control(fd, fsIocSetVersion, &version)
		})},
		{name: "keep others from a file that it may read, by a lease", try: read("secret", func(fd int) error {
			return sys(unix.SYS_FCNTL, uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
		})},
		{name: "keep others from a file that it may read, by a lock", try: read("secret", func(fd int) error {
			return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		}), known: "sinks lock what they write, and the kernel lets a lock be had of what is open to be read; " +
			"a plugin without a folder to write has none", always: true},
		{name: "keep others from writing a file that it may read, by a lock of a part",
			try: read("secret", func(fd int) error {
				lock := unix.Flock_t{Type: unix.F_RDLCK, Len: 1}
				return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &lock)
			}), known: "whoever reads a database locks it so", always: true},
		{name: ownProgram, try: func(settings) error {
			return withFile("/proc/self/exe", func(fd int) error {
				var now unix.Stat_t
				if err := unix.Fstat(fd, &now); err != nil {
					return err
				}
				return unix.Fchmod(fd, now.Mode&0o7777) // to what it is: the probe may be anybody's program
			})
		}},
	}
	for i := range rows {
		rows[i].group, rows[i].granted, rows[i].plain = group, true, rows[i].name != ownProgram
	}
	return rows
}

// control asks a file system to change what it keeps of a file. One that keeps no such thing was
// asked all the same.
func control(fd int, request uintptr, value *int32) error {
	err := sys(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(value)))
	return reached(err, unix.ENOTTY, unix.ENOTSUP)
}

// withFile opens a file to be read.
func withFile(path string, do func(fd int) error) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return do(fd)
}
