package probe

import (
	"context"
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

func networkAttempts() []attempt {
	const group = "network"
	loopback := func(port int) unix.Sockaddr { return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}} }
	return []attempt{
		{group: group, name: "connect by TCP", plain: true, try: func(s settings) error {
			return connect(unix.AF_INET, unix.SOCK_STREAM, 0, loopback(s.TCP))
		}},
		{group: group, name: "connect by TCP over IPv6", try: func(s settings) error {
			to := &unix.SockaddrInet6{Port: s.TCP6}
			to.Addr[15] = 1
			return connect(unix.AF_INET6, unix.SOCK_STREAM, 0, to)
		}},
		{group: group, name: "connect by MPTCP", try: func(s settings) error {
			return connect(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP, loopback(s.TCP))
		}},
		{group: group, name: "connect by sending (TCP Fast Open)", try: func(s settings) error {
			return send(unix.AF_INET, unix.SOCK_STREAM, unix.MSG_FASTOPEN, loopback(s.TCP))
		}},
		{group: group, name: "listen at a TCP port", plain: true,
			try: func(settings) error { return listen(unix.AF_INET, 0, loopback(0)) }},
		{group: group, name: "send a UDP packet", plain: true,
			try: func(s settings) error { return send(unix.AF_INET, unix.SOCK_DGRAM, 0, loopback(s.UDP)) }},
		{group: group, name: "a raw socket",
			try: func(settings) error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) }},
		{group: group, name: "a socket for ping",
			try: func(settings) error { return socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP) }},
		{group: group, name: "a socket for whole packets",
			try: func(settings) error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) }},
		{group: group, name: "a socket to the kernel (netlink)", plain: true,
			try: func(settings) error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, 0) }},
		{group: group, name: "a socket to the machine's host (vsock)",
			try: func(settings) error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) }},
		{group: group, name: "the kernel's ciphers by a socket",
			try: func(settings) error { return socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0) }},
		{group: group, name: "connect to a daemon's unix socket", plain: true, try: func(s settings) error {
			return connect(unix.AF_UNIX, unix.SOCK_STREAM, 0, &unix.SockaddrUnix{Name: s.Unix})
		}},
		{group: group, name: "connect to a unix socket without a path", plain: true, try: func(s settings) error {
			return connect(unix.AF_UNIX, unix.SOCK_STREAM, 0, &unix.SockaddrUnix{Name: s.Abstract})
		}},
		{group: group, name: "send to a daemon's unix socket", plain: true, try: func(s settings) error {
			return send(unix.AF_UNIX, unix.SOCK_DGRAM, 0, &unix.SockaddrUnix{Name: s.Datagram})
		}},
		{group: group, name: "listen at a unix socket in /tmp", plain: true, try: func(s settings) error {
			path := s.Folder + ".sock"
			defer func() { _ = unix.Unlink(path) }() // if it was made
			return listen(unix.AF_UNIX, 0, &unix.SockaddrUnix{Name: path})
		}},
		{group: group, name: "be reached at a unix socket without a path", plain: true, try: func(s settings) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			if err := unix.Bind(fd, &unix.SockaddrUnix{Name: s.Listen}); err != nil {
				return errors.Join(err, unix.Close(fd))
			}
			return unix.Listen(fd, 1) // it stays open, for the host to try
		}, seen: func(ctx context.Context, b *bait) error {
			c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "unix", b.settings.Listen)
			if err != nil {
				return err
			}
			return c.Close()
		}, known: "another program round scrapekit listens to its system calls, and the kernel lets no second one; " +
			"the level full has a network of its own"},
	}
}

func socket(family, kind, protocol int) error {
	return opened(unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol))
}

func with(family, kind, protocol int, do func(fd int) error) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	// Nothing here takes long, unless something is very wrong.
	timeout := unix.NsecToTimeval(int64(10 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err != nil {
		return err
	}
	return do(fd)
}

func connect(family, kind, protocol int, to unix.Sockaddr) error {
	return with(family, kind, protocol, func(fd int) error { return unix.Connect(fd, to) })
}

func send(family, kind, flags int, to unix.Sockaddr) error {
	return with(family, kind, 0, func(fd int) error { return unix.Sendto(fd, []byte("x"), flags, to) })
}

func listen(family, protocol int, at unix.Sockaddr) error {
	return with(family, unix.SOCK_STREAM, protocol, func(fd int) error {
		if err := unix.Bind(fd, at); err != nil {
			return err
		}
		return unix.Listen(fd, 1)
	})
}
