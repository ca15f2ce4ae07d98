// The table: what no plugin may do, by what it is about.

package probe

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

func attempts() []attempt {
	return slices.Concat(surroundings(), fileAttempts(), grantedAttempts(), networkAttempts(), processAttempts(),
		kernelAttempts(), limitAttempts(), foreign())
}

// reached turns the error of a call that went as far as to the kernel's own judgement into success:
// a sandbox would have ended it before, with another one.
func reached(err error, judged ...unix.Errno) error {
	for _, e := range judged {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// sys makes a call of which only the error counts.
func sys(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

var errNothing = errors.New("nothing there")
