// Two hosts on one pipeline: a host that was stopped, and wakes up when another has taken over,
// commits nothing.

//go:build linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slow are the settings of a pipeline whose host can be stopped in its middle.
const slow = "  records = 240\n  every = 8\n  pause = \"80ms\""

// sleeper is a host that was stopped in the middle of a run.
type sleeper struct {
	trial
	cmd *exec.Cmd
	out *bytes.Buffer
}

// asleep starts a host and stops it when its sink has written.
func (b tools) asleep(t *testing.T) sleeper {
	t.Helper()
	x := b.newTrial(t, slow)
	// longer than the test's: a stopped host does not end by itself
	ctx, cancel := context.WithCancel(context.Background())
	s := sleeper{x, x.command(ctx), &bytes.Buffer{}}
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = s.cmd.Wait() // it has mostly ended before
	})
	for {
		info, err := os.Stat(filepath.Join(x.dir, "out", "records.jsonl"))
		if err == nil && info.Size() > 5000 {
			break
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	for s.stop(t); !s.stateIsFree(t); s.stop(t) {
		s.signal(t, syscall.SIGCONT) // it was in the middle of a commit, which nobody else can come into
		time.Sleep(10 * time.Millisecond)
	}
	return s
}

// stop stops the host, and returns when the last of its threads has stopped: until then it can go
// on to write.
func (s sleeper) stop(t *testing.T) {
	t.Helper()
	s.signal(t, syscall.SIGSTOP)
	for !s.stopped(t) {
		time.Sleep(time.Millisecond)
	}
}

func (s sleeper) stopped(t *testing.T) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("the host has no threads: %v", err)
	}
	for _, name := range threads {
		stat, err := os.ReadFile(name)
		if err != nil {
			return false // the thread has ended just now
		}
		if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

func (s sleeper) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// walWriteLock is the byte of its log's index that SQLite locks as long as a transaction writes.
const walWriteLock = 120

// stateIsFree reports whether another process could write to the state.
func (s sleeper) stateIsFree(t *testing.T) bool {
	t.Helper()
	f, err := os.Open(filepath.Join(s.dir, ".scrapekit", "p", "state.db-shm"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lock := syscall.Flock_t{Type: syscall.F_RDLCK, Start: walWriteLock, Len: 1}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil {
		t.Fatal(err)
	}
	return lock.Type == syscall.F_UNLCK
}

// wakes lets the host go on, and returns how it ended.
func (s sleeper) wakes(t *testing.T) (code int, output string) {
	t.Helper()
	s.signal(t, syscall.SIGCONT)
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode(), s.out.String()
}

// another runs the pipeline once more beside it.
func (s sleeper) another(t *testing.T) (code int, output string) {
	t.Helper()
	cmd := s.command(t.Context())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// loseLock takes the lock of the state folder away, as somebody does who thinks that it is a
// leftover.
func (s sleeper) loseLock(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(s.dir, ".scrapekit", "p", "lock")); err != nil {
		t.Fatal(err)
	}
}

func TestTwoHosts(t *testing.T) {
	t.Parallel()
	b := needTools(t)
	_, want := b.calm(t, slow)
	t.Run("the lock holds", func(t *testing.T) {
		t.Parallel()
		s := b.asleep(t)
		if code, out := s.another(t); code != 4 || !strings.Contains(out, "is being run by process") {
			t.Errorf("a second host: code %d\n%s", code, out)
		}
		if code, out := s.wakes(t); code != 0 {
			t.Errorf("the first host: code %d\n%s", code, out)
		}
		s.endsSame(t, "after a second host", want)
	})
	t.Run("the lock is lost", func(t *testing.T) {
		t.Parallel()
		s := b.asleep(t)
		s.loseLock(t)
		if code, out := s.another(t); code != 1 || !strings.Contains(out, "another sink or run writes to this path") {
			t.Errorf("a second host, while the first one's sink has the files: code %d\n%s", code, out)
		}
		s.isFenced(t)
		s.endsSame(t, "after a takeover", want)
	})
	t.Run("the lock is lost, and the sink with its locks", func(t *testing.T) {
		t.Parallel()
		s := b.asleep(t)
		s.loseLock(t)
		if pid := childServing(s.cmd.Process.Pid, "jsonl"); pid == 0 || syscall.Kill(pid, syscall.SIGKILL) != nil {
			t.Fatalf("the sink (%d) could not be killed", pid)
		}
		if code, out := s.another(t); code != 0 {
			t.Errorf("a second host: code %d\n%s", code, out)
		}
		s.isFenced(t)
		if err := s.same(want); err != nil {
			t.Errorf("when the first host has ended: %v", err)
		}
		s.endsSame(t, "after a takeover", want)
	})
}

// isFenced wakes the host, and expects it to say that another has taken over, and nothing that is
// not so.
func (s sleeper) isFenced(t *testing.T) {
	t.Helper()
	code, out := s.wakes(t)
	if code != 4 || !strings.Contains(out, "another process has taken over") || strings.Contains(out, "is complete") {
		t.Errorf("the first host, awake again: code %d\n%s", code, out)
	}
}
