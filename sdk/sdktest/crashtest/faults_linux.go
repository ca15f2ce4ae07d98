// Faults and strikes.

//go:build linux && (amd64 || arm64)

package crashtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// fault applies the fault to an operation, and reports whether the stop is done with; if not, the
// operation is made.
func (t *tracer) fault(thread int, op Op) (bool, error) {
	if t.hits == t.Fault.At {
		t.out.Hit, t.out.Before = &op, len(t.out.Ops)
	}
	switch {
	case t.full && needsSpace(op.Kind):
		return true, t.fail(thread, syscall.ENOSPC)
	case t.hits != t.Fault.At:
		return false, nil
	case t.Fault.Do == Kill:
		pid := t.processOf(thread)
		if pid == 0 {
			return true, syscall.ESRCH
		}
		return true, syscall.Kill(pid, syscall.SIGKILL)
	case t.Fault.Do == KillFirst:
		err := syscall.Kill(t.first, syscall.SIGKILL)
		if !op.First {
			err = errors.Join(err, syscall.PtraceCont(thread, 0)) // this process continues until it notices
		}
		return true, err
	case t.Fault.Do == BrokenDisk:
		return true, t.fail(thread, syscall.EIO)
	}
	t.full = true
	if op.Kind == Write && op.Size > 1 {
		return false, shorten(thread, uint64(op.Size/2))
	}
	if needsSpace(op.Kind) {
		return true, t.fail(thread, syscall.ENOSPC)
	}
	return false, nil
}

// strike does the kill that is due, and reports whether it killed the process that is about to make
// the operation.
func (t *tracer) strike(thread int) (bool, error) {
	if len(t.Strikes) == 0 || t.hits < t.Strikes[0].At {
		return false, nil
	}
	victim := t.first
	if of := t.Strikes[0].Of; of != "" {
		victim = t.processCalled(of)
	}
	if victim == 0 {
		return false, nil
	}
	t.out.Struck = append(t.out.Struck, Struck{Strike: t.Strikes[0], After: len(t.out.Ops)})
	t.Strikes = t.Strikes[1:]
	t.struck[victim] = true
	return t.processOf(thread) == victim, syscall.Kill(victim, syscall.SIGKILL)
}

// processCalled returns one of the other processes, by the base name of one of its arguments, or 0.
func (t *tracer) processCalled(name string) int {
	for thread := range t.alive {
		pid := t.processOf(thread)
		if pid == 0 || pid == t.first || t.struck[pid] {
			continue
		}
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", thread))
		if err != nil {
			continue // it is gone
		}
		for arg := range strings.SplitSeq(string(args), "\x00") {
			if filepath.Base(arg) == name {
				return pid
			}
		}
	}
	return 0
}

func needsSpace(k Kind) bool {
	switch k {
	case Create, Write, Mkdir, Link, Rename:
		return true
	}
	return false
}

func (t *tracer) fail(thread int, errno syscall.Errno) error {
	if err := refuse(thread, errno); err != nil {
		return err
	}
	return syscall.PtraceCont(thread, 0)
}
