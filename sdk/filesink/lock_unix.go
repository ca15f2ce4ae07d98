// Locks of open files, where flock is.

//go:build !windows

package filesink

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// A lock library takes the path of a file of its own; this locks the file that is written, as it is
// open.
func tryLock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return err == nil, err
		}
	}
}
