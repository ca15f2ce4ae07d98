// The run directory on systems with unix sockets and owners.

//go:build unix

package pluginhost

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// maxSocketPath is how long the name of a unix socket may be, without the zero byte at its end.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// overTCP: plugins listen on unix sockets here.
const overTCP = false

// checkSocket refuses what is no socket: a link would lead elsewhere.
func checkSocket(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is no socket", path)
	}
	return nil
}

// ownedByUs says what is wrong with dir unless it is a folder, no link, and belongs to this user.
func ownedByUs(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: %s does not tell its owner", dir, runtime.GOOS)
	}
	if int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, not to %d", dir, stat.Uid, os.Geteuid())
	}
	return nil
}
