// The tracer: one thread that starts the program and receives each of its stops.

//go:build linux && (amd64 || arm64)

package crashtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Supported returns why programs cannot be traced here, or nil if they can.
func Supported() error { return nil }

const (
	ofThisThread   = 0x20000000 // __WNOTHREAD
	waitForAll     = 0x40000000 // __WALL
	traceSeccomp   = 0x80
	killOnExit     = 0x100000
	eventSeccomp   = 7
	getSyscallInfo = 0x420e
	follow         = syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACEFORK | syscall.PTRACE_O_TRACEVFORK |
		syscall.PTRACE_O_TRACEEXEC
	options = follow | syscall.PTRACE_O_TRACESYSGOOD | traceSeccomp | killOnExit
)

// tracer follows one program.
type tracer struct {
	Program
	out     *Outcome
	stdout  string       // link of its standard output in /proc/PID/fd
	first   int          // its process
	alive   map[int]bool // its threads
	pending map[int]*Op  // the operation that a thread has begun
	full    bool
	struck  map[int]bool // processes killed by a strike
	hits    int
}

// Run runs the program to the end of its last process. An error means that it could not be traced.
func (p Program) Run(ctx context.Context) (*Outcome, error) {
	out := &Outcome{Code: -1}
	var err error
	if p.Record {
		if out.before, err = readDisk(p.Root); err != nil {
			return nil, err
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", w.Fd()))
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	t := &tracer{Program: p, out: out, stdout: name, alive: map[int]bool{}, pending: map[int]*Op{},
		struck: map[int]bool{}}
	ended := make(chan error, 1)
	go func() { ended <- t.run(ctx, w) }()
	out.Output, err = io.ReadAll(r)
	return out, errors.Join(<-ended, err)
}

// run stays on one thread, because the system knows a tracer by its thread.
func (t *tracer) run(ctx context.Context, w *os.File) error {
	runtime.LockOSThread()
	env := t.Env
	if env == nil {
		env = os.Environ()
	}
	proc, err := os.StartProcess(t.Path, append([]string{t.Path}, t.Args...), &os.ProcAttr{
		Dir: t.Dir, Env: append(env[:len(env):len(env)], watchEnv+"=1"), Files: []*os.File{nil, w, w},
		Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	t.first = proc.Pid
	t.alive[t.first] = true
	defer proc.Release() //nolint:errcheck // it has been reaped, or dies with this thread
	defer context.AfterFunc(ctx, func() { _ = syscall.Kill(t.first, syscall.SIGKILL) })()
	if err := t.begin(); err != nil {
		return errors.Join(err, syscall.Kill(t.first, syscall.SIGKILL), t.follow())
	}
	if err := t.follow(); err != nil {
		return err // the thread ends with this goroutine, and its tracees with it
	}
	runtime.UnlockOSThread()
	return ctx.Err()
}

// begin handles the first stop, before the program's first instruction.
func (t *tracer) begin() error {
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(t.first, &ws, waitForAll, nil); err != nil {
		return err
	}
	if !ws.Stopped() {
		return fmt.Errorf("%s ended before it began", t.Path)
	}
	if err := syscall.PtraceSetOptions(t.first, options); err != nil {
		return fmt.Errorf("ptrace: %w", err)
	}
	return syscall.PtraceCont(t.first, 0)
}

// follow handles one stop after another until all processes have ended.
func (t *tracer) follow() error {
	for len(t.alive) > 0 {
		thread, ws, err := t.wait()
		if err != nil {
			return err
		}
		if thread == 0 {
			return nil // they have all ended
		}
		if !ws.Stopped() {
			if thread == t.first && ws.Exited() {
				t.out.Code = ws.ExitStatus()
			}
			delete(t.alive, thread)
			delete(t.pending, thread)
			continue
		}
		if err := t.stopped(thread, ws); err != nil && !errors.Is(err, syscall.ESRCH) { // it may be killed meanwhile
			return err
		}
	}
	return nil
}

// wait waits for one of the program's threads, and returns 0 if none is left. It ignores other
// children of this thread, which the test may have started before the tracer ran on it.
func (t *tracer) wait() (int, syscall.WaitStatus, error) {
	var ws syscall.WaitStatus
	for {
		thread, err := peek()
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.ECHILD):
			clear(t.alive)
			return 0, ws, nil
		case err != nil:
			return 0, ws, fmt.Errorf("waiting for the program: %w", err)
		}
		if t.alive[thread] || tracerOf(thread) == syscall.Gettid() {
			t.alive[thread] = true
			got, err := syscall.Wait4(thread, &ws, waitForAll|syscall.WNOHANG, nil)
			if got == thread || err != nil {
				return thread, ws, err
			}
			continue // killed after peek: its end is reported with that of its other threads
		}
		for thread := range t.alive {
			got, err := syscall.Wait4(thread, &ws, waitForAll|syscall.WNOHANG, nil)
			if got == thread && err == nil {
				return thread, ws, nil
			}
			if errors.Is(err, syscall.ECHILD) {
				delete(t.alive, thread)
			}
		}
		if len(t.alive) == 0 {
			return 0, ws, nil
		}
		time.Sleep(time.Millisecond)
	}
}

// peek returns a child or tracee of this thread with a pending event, and leaves the event pending.
func peek() (int, error) {
	var info [128]byte
	_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, 0, 0, uintptr(unsafe.Pointer(&info)),
		syscall.WEXITED|syscall.WSTOPPED|syscall.WNOWAIT|waitForAll|ofThisThread, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(*(*int32)(unsafe.Pointer(&info[16]))), nil // si_pid
}

func (t *tracer) stopped(thread int, ws syscall.WaitStatus) error {
	switch sig := ws.StopSignal(); {
	case sig == syscall.SIGTRAP|0x80:
		return t.returned(thread)
	case sig == syscall.SIGTRAP && ws.TrapCause() == eventSeccomp:
		return t.called(thread)
	case sig == syscall.SIGTRAP && ws.TrapCause() == syscall.PTRACE_EVENT_EXEC:
		if former, err := syscall.PtraceGetEventMsg(thread); err == nil && int(former) != thread {
			delete(t.alive, int(former)) // the thread has taken the process's id by execve
		}
		return syscall.PtraceCont(thread, 0)
	case sig == syscall.SIGTRAP && ws.TrapCause() > 0:
		if began, err := syscall.PtraceGetEventMsg(thread); err == nil && tracerOf(int(began)) == syscall.Gettid() {
			t.alive[int(began)] = true
		}
		return syscall.PtraceCont(thread, 0)
	case sig == syscall.SIGSTOP:
		return syscall.PtraceCont(thread, 0) // a new thread or process
	default:
		return syscall.PtraceCont(thread, int(sig))
	}
}

// syscallInfo is the kernel's description of a stop, the same on every architecture.
type syscallInfo struct {
	op   uint8
	_    [3]uint8
	arch uint32
	_    [2]uint64
	nr   uint64 // or the returned value
	args [6]uint64
	_    [2]uint64
}

func infoOf(thread int) (syscallInfo, error) {
	var i syscallInfo
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(thread), unsafe.Sizeof(i),
		uintptr(unsafe.Pointer(&i)), 0, 0)
	if errno != 0 {
		return i, errno
	}
	return i, nil
}

// called: a thread is about to make a call that is in the table.
func (t *tracer) called(thread int) error {
	info, err := infoOf(thread)
	if err != nil {
		return err
	}
	c := &call{thread: thread, nr: int(info.nr), args: info.args}
	read := calls[c.nr]
	if read == nil {
		return syscall.PtraceCont(thread, 0)
	}
	op, err := read(c, t)
	if errors.Is(err, os.ErrNotExist) { // no such file: the call will fail in the same way
		return syscall.PtraceCont(thread, 0)
	}
	if err != nil {
		return fmt.Errorf("looking at a system call of the program: %w", err)
	}
	if op.Kind != Said && (op.Kind == "" || !t.counts(op.Path)) {
		return syscall.PtraceCont(thread, 0)
	}
	op.First = t.processOf(thread) == t.first
	return t.step(thread, op)
}

// counts reports whether a path is below the root.
func (t *tracer) counts(path string) bool {
	return path == t.Root || strings.HasPrefix(path, t.Root+string(filepath.Separator))
}

func (t *tracer) below(path string) string {
	if path == "" {
		return ""
	}
	rel, err := filepath.Rel(t.Root, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

// step allows an operation, or prevents it.
func (t *tracer) step(thread int, op Op) error {
	op.Path, op.To = t.below(op.Path), t.below(op.To)
	if op.Kind == Said {
		if !op.First {
			return syscall.PtraceCont(thread, 0)
		}
		op.Path = ""
	} else {
		t.hits++
		if done, err := t.strike(thread); done || err != nil {
			return err
		}
		if done, err := t.fault(thread, op); done || err != nil {
			return err
		}
	}
	t.pending[thread] = &op
	return syscall.PtraceSyscall(thread, 0)
}

// returned: the call has returned.
func (t *tracer) returned(thread int) error {
	op := t.pending[thread]
	delete(t.pending, thread)
	info, err := infoOf(thread)
	if err != nil {
		return err
	}
	if n := int64(info.nr); op != nil && (n >= 0 || n < -4095) {
		if op.Kind == Write {
			op.Size = n
			op.Data = op.Data[:min(int64(len(op.Data)), n)]
		}
		t.out.Ops = append(t.out.Ops, *op)
	}
	return syscall.PtraceCont(thread, 0)
}

// processOf returns the process of a thread; 0 if it is gone.
func (t *tracer) processOf(thread int) int { return statusOf(thread, "Tgid") }

// tracerOf returns the thread that traces a thread; 0: none.
func tracerOf(thread int) int { return statusOf(thread, "TracerPid") }

func statusOf(thread int, field string) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(raw, []byte("\n"+field+":"))
	n := 0
	_, _ = fmt.Sscan(string(rest), &n) // 0: it is gone
	return n
}
