// The lock of a pipeline: one run at a time. A second one learns who holds it.

package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/state"
)

// ErrTakenOver ends a run that another process has resumed although the lock should prevent it:
// somebody removed the lock, or it is on a network file system whose locks do not work.
var ErrTakenOver = checkpoint.ErrFenced

// LockedError says that another process runs the pipeline.
type LockedError struct {
	Pipeline string
	Holder   Holder
}

// Holder is the process that runs a pipeline.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("pipeline %s is being run by another process", e.Pipeline)
	}
	return fmt.Sprintf("pipeline %s is being run by process %d on %s, since %s",
		e.Pipeline, e.Holder.PID, e.Holder.Host, e.Holder.Started.Local().Format("2006-01-02 15:04:05"))
}

// lockState takes the lock of a pipeline's state. The error is a [LockedError] if another process
// holds it. The system frees the lock when the process ends, however it ends.
func lockState(name string, home state.Home) (unlock func() error, err error) {
	dir := home.Dir()
	if err := ownState(dir); err != nil {
		return nil, err
	}
	if err := disk.MakeDir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := ownState(dir); err != nil { // another process may have made it meanwhile
		return nil, err
	}
	l := flock.New(home.Lock())
	if err := take(l, name, home); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Unlock())
		}
	}()
	raw, err := json.Marshal(Holder{PID: os.Getpid(), Host: hostname(), Started: time.Now()})
	if err == nil {
		err = disk.Replace(home.Holder(), raw, false)
	}
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	return l.Unlock, nil
}

// ownState returns an error if other users could write to the state folder or replace it.
func ownState(dir string) error {
	err := disk.Ours(dir)
	if above := filepath.Dir(dir); err == nil && above != dir {
		err = disk.Above(above)
	}
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// deadLockWait bounds how long the lock of a dead process may last: a child that was forked when the
// process was killed holds its descriptors until exec.
const deadLockWait = 10 * time.Second

// take takes the lock. It waits only if the holder is dead, for at most afterlife.
func take(l *flock.Flock, name string, home state.Home) error {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		got, err := l.TryLock()
		if err != nil {
			return fmt.Errorf("lock of the state folder: %w", err)
		}
		if got {
			return nil
		}
		held := &LockedError{Pipeline: name, Holder: holderOf(home)}
		if held.Holder.Host != hostname() || alive(held.Holder.PID) || time.Since(began) > deadLockWait {
			return held
		}
	}
}

// holderOf returns the current or last holder of a state folder's lock. It is empty if the holder
// has only just started.
func holderOf(home state.Home) (h Holder) {
	if raw, err := os.ReadFile(home.Holder()); err == nil {
		_ = json.Unmarshal(raw, &h)
	}
	return h
}

// isHeld reports whether a process holds, or may hold, the lock of a state folder.
func isHeld(home state.Home) bool {
	if h := holderOf(home); h.PID != 0 && h.Host == hostname() && !alive(h.PID) {
		return false // without touching the lock: a process that takes it now must not find it taken
	}
	path := home.Lock()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	l := flock.New(path)
	got, err := l.TryRLock()
	if got {
		_ = l.Unlock() // the lock was only probed
	}
	return !got || err != nil
}

func hostname() string {
	host, err := os.Hostname()
	if err != nil {
		return "this machine"
	}
	return host
}
