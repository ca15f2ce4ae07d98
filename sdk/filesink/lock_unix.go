// Locks of open files, on systems with flock.

//go:build !windows

package filesink

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock libraries lock a file of their own by its path. This locks the output file itself, through
// its open descriptor.
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
