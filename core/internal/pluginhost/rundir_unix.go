// The run directory on systems with unix sockets and owners.

//go:build unix

package pluginhost

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// maxSocketPath is the longest name of a unix socket, without its zero byte.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// overTCP is false: plugins listen on unix sockets.
const overTCP = false

// checkSocket returns an error if path is not a socket, such as a link to elsewhere.
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

// ownedByUs returns an error unless dir is a folder, not a link, and belongs to this user.
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
