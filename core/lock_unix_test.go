//go:build unix

package core_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scrapekit/scrapekit/core"
)

// TestLockOfTheDead: the child that a run was about to start when it was killed still has its lock.
func TestLockOfTheDead(t *testing.T) {
	t.Parallel()
	p := load(t, pipelineFile(t, fmt.Sprintf(toFile, serving(t, "1\n"))), options(io.Discard, nil))
	if err := os.MkdirAll(p.StateDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(core.Holder{PID: dead.Process.Pid, Host: host, Started: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.StateDir(), "holder.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := os.Create(filepath.Join(p.StateDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(l.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	heir := exec.Command("cat")
	heir.ExtraFiles = []*os.File{l}
	in, err := heir.StdinPipe()
	if err == nil {
		err = heir.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = in.Close() })
	run, err := p.Start(t.Context(), core.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Close(); err != nil {
		t.Error(err)
	}
	if err := heir.Wait(); err != nil {
		t.Error(err)
	}
}
