// System calls of other architectures, which a filter that knows one lets pass, and those that only
// old programs make.

package probe

import (
	"fmt"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

func foreign() []attempt {
	return []attempt{
		{group: "kernel", name: "a system call of 32-bit programs", deadly: true,
			try: func(settings) error { return int80() }},
		{group: "kernel", name: "a system call of x32 programs", deadly: true, try: func(settings) error {
			return sys(0x40000000 | unix.SYS_GETPID)
		}},
		{group: "granted files", name: "make a program that runs as its owner, by an old call", granted: true,
			plain: true, try: func(s settings) error {
				path, err := unix.BytePtrFromString(filepath.Join(s.Write, "setuid4"))
				if err != nil {
					return err
				}
				fd, _, errno := unix.Syscall(unix.SYS_CREAT, uintptr(unsafe.Pointer(path)), 0o4755, 0)
				return held(fd, errno)
			}},
	}
}

// int80 asks for the process's id as a program of 1995 would.
func int80() error {
	code := []byte{
		0xb8, 20, 0, 0, 0, // mov eax, 20 (getpid)
		0xcd, 0x80, // int 0x80
		0xc3, // ret
	}
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(page) }()
	copy(page, code)
	entry := uintptr(unsafe.Pointer(&page[0]))
	closure := unsafe.Pointer(&entry) // a func is a pointer to the address of its code
	if got := (*(*func() int32)(unsafe.Pointer(&closure)))(); int(got) != unix.Getpid() {
		return fmt.Errorf("it returned %d", got)
	}
	return nil
}
