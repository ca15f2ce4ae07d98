// Socket: provides the socket that a plugin listens on. An ordinary user's plugin could bind an
// abstract socket, which Landlock does not see and to which every process of the machine can
// connect. So it binds none: the host answers its call of bind, once, and replaces the plugin's
// socket with a bound one, whatever name was requested.

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SocketName is the name of the socket in its folder.
const SocketName = "plugin.sock"

// socketPair returns the host's end of a connection, and the process's end.
func socketPair() (ours, theirs *os.File, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket for the sandbox: %w", err)
	}
	return os.NewFile(uintptr(ends[0]), "sandbox"), os.NewFile(uintptr(ends[1]), "sandbox"), nil
}

// bindFor answers the first bind of the process, then closes the listener. The kernel refuses all
// later ones.
func bindFor(ours *os.File, dir string) {
	listener := listenerFrom(ours)
	_ = ours.Close() // no more data follows
	if listener == nil {
		return // the process is gone, or binds itself
	}
	defer func() { _ = listener.Close() }() // nothing was written
	ready(listener, func(fd int) (done bool) {
		events := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(events, 0)
		switch {
		case errors.Is(err, unix.EINTR) || err == nil && n == 0:
			return false
		case err != nil || events[0].Revents&unix.POLLIN == 0:
			return true // the process is gone
		}
		return answer(fd, dir)
	})
}

// ready calls f whenever the file may be readable, until f is done.
func ready(file *os.File, f func(fd int) (done bool)) {
	raw, err := file.SyscallConn()
	if err == nil {
		_ = raw.Read(func(fd uintptr) bool { return f(int(fd)) }) // f keeps the result
	}
}

// listenerFrom receives the listener for calls of bind; nil: there is none.
func listenerFrom(ours *os.File) (listener *os.File) {
	ready(ours, func(fd int) bool {
		rights := make([]byte, unix.CmsgSpace(4))
		_, n, _, _, err := unix.Recvmsg(fd, make([]byte, 1), rights, unix.MSG_CMSG_CLOEXEC)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			return false
		}
		messages, err := unix.ParseSocketControlMessage(rights[:n])
		if err != nil || len(messages) == 0 {
			return true
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		if err == nil && len(fds) == 1 && unix.SetNonblock(fds[0], true) == nil {
			listener = os.NewFile(uintptr(fds[0]), "seccomp")
		}
		return true
	})
	return listener
}

// The kernel's struct seccomp_notif, seccomp_notif_resp and seccomp_notif_addfd.
type (
	notification struct {
		id    uint64
		pid   uint32
		flags uint32
		nr    int32
		arch  uint32
		ip    uint64
		args  [6]uint64
	}
	response struct {
		id    uint64
		val   int64
		errno int32
		flags uint32
	}
	addition struct {
		id      uint64
		flags   uint32
		from    uint32
		to      uint32
		toFlags uint32
	}
)

// answer answers one call of bind. It returns false if the call was interrupted: then it comes
// again.
func answer(listener int, dir string) (done bool) {
	var n notification
	if err := control(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); err != nil {
		return false
	}
	r := response{id: n.id}
	if err := give(listener, n, dir); err != nil {
		errno := unix.EADDRNOTAVAIL
		_ = errors.As(err, &errno)
		r.errno = -int32(errno)
	}
	return control(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)) == nil && r.errno == 0
}

// give replaces the socket in the call with a bound one.
func give(listener int, n notification, dir string) error {
	flags := unix.SOCK_STREAM | unix.SOCK_CLOEXEC
	if nonblocking(n) {
		flags |= unix.SOCK_NONBLOCK
	}
	socket, err := unix.Socket(unix.AF_UNIX, flags, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(socket) }() // the process has a copy
	path := filepath.Join(dir, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // from an interrupted call
		return err
	}
	if err := unix.Bind(socket, &unix.SockaddrUnix{Name: path}); err != nil {
		return err
	}
	a := addition{
		id: n.id, flags: unix.SECCOMP_ADDFD_FLAG_SETFD,
		from: uint32(socket), to: uint32(n.args[0]), toFlags: unix.O_CLOEXEC,
	}
	return control(listener, unix.SECCOMP_IOCTL_NOTIF_ADDFD, unsafe.Pointer(&a))
}

// control sends a request about pending calls to the kernel.
func control(listener int, request uintptr, about unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), request, uintptr(about)); errno != 0 {
		return errno
	}
	return nil
}

// nonblocking reports whether the socket in the call is non-blocking. If that is unknown, it is
// true, as in most runtimes.
func nonblocking(n notification) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", n.pid, n.args[0]))
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(raw)) {
		if text, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, err := strconv.ParseUint(strings.TrimSpace(text), 8, 32)
			return err != nil || flags&unix.O_NONBLOCK != 0
		}
	}
	return true
}
