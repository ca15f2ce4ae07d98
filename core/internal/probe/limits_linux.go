package probe

import (
	"errors"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// limitAttempts are about what a user, or the machine, has a number of.
func limitAttempts() []attempt {
	const group = "limits"
	return []attempt{
		{group: group, name: "memory that no limit counts, growing downwards", plain: true, try: func(settings) error {
			m, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE,
				unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_GROWSDOWN)
			if err != nil {
				return err
			}
			return unix.Munmap(m)
		}},
		{group: group, name: "memory that no limit counts, out of a stack", plain: true, try: func(settings) error {
			// A stack is made larger by the call that makes anything larger.
			m, err := unix.MmapPtr(-1, 0, nil, 4096, unix.PROT_READ|unix.PROT_WRITE,
				unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			if err != nil {
				return err
			}
			larger, _, errno := unix.Syscall6(unix.SYS_MREMAP, uintptr(m), 4096, 1<<20, unix.MREMAP_MAYMOVE, 0, 0)
			if errno != 0 {
				return errors.Join(errno, unix.MunmapPtr(m, 4096))
			}
			return sys(unix.SYS_MUNMAP, larger, 1<<20)
		}},
		{group: group, name: "contexts of asynchronous input and output", try: func(settings) error {
			var context uintptr
			if err := sys(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&context))); err != nil {
				return err
			}
			return sys(unix.SYS_IO_DESTROY, context)
		}},
		{group: group, name: "timers by the thousand", plain: true, try: timers},
		{group: group, name: "filters of its own", plain: true, try: func(settings) error {
			action := uint32(unix.SECCOMP_RET_ALLOW)
			return sys(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
		}},
		{group: group, name: BeyondMemory, plain: true, deadly: true, try: readOnlyMemory},
		{group: group, name: "more threads than its limit", plain: true, deadly: true, try: threads,
			known: "the kernel counts no threads of root; from Linux 6.14 on, a namespace of processes counts them, " +
				"where one is to be had", always: true},
	}
}

func timers(settings) (err error) {
	const many = 2000
	var event struct { // the kernel's struct sigevent
		value  uint64
		signal int32
		notify int32
		_      [48]byte
	}
	event.notify = 1 // by no signal
	var ids []int32
	defer func() {
		for _, id := range ids {
			err = errors.Join(err, sys(unix.SYS_TIMER_DELETE, uintptr(id)))
		}
	}()
	for range many {
		var id int32
		sent, made := uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&id))
		if err := sys(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, sent, made); err != nil {
			return err
		}
		ids = append(ids, id)
	}
	return nil
}

// readOnlyMemory fills memory, piece by piece, and makes each to be read only: then the kernel
// counts it for no limit. The host takes a moment to see it.
func readOnlyMemory(s settings) (err error) {
	const piece = 32 << 20
	var all [][]byte
	defer func() {
		for _, m := range all {
			err = errors.Join(err, unix.Munmap(m))
		}
	}()
	for range s.Memory / piece {
		m, err := unix.Mmap(-1, 0, piece, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return err
		}
		all = append(all, m)
		for i := 0; i < len(m); i += 4096 {
			m[i] = 1
		}
		if err := unix.Mprotect(m, unix.PROT_READ); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second)
	return nil
}

// threads makes threads that wait for each other, and end. The runtime ends the process when it can
// have no more.
func threads(s settings) error {
	made, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	for range s.Threads {
		go func() {
			defer func() { ended <- struct{}{} }()
			runtime.LockOSThread() // it ends with this function
			made <- struct{}{}
			<-end
		}()
	}
	for range s.Threads {
		<-made
	}
	close(end)
	for range s.Threads {
		<-ended
	}
	return nil
}
