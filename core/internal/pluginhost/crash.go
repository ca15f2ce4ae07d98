// Crash: the end of a plugin's process as one error.

package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// shownLines is the number of a plugin's last lines in the error's text. LastLines has more.
const shownLines = 3

// A Crash is the error of every call that the end of the plugin's process interrupted. It is
// temporary, because a new process may succeed.
type Crash struct {
	Label     string   // of the [Spec]
	Signal    string   // what ended it, such as "killed"; "" if it exited
	ExitCode  int      // if it exited; 0 is a crash too, because nobody asked it to exit
	Panic     string   // message and place of a Go panic; "": none
	Trace     []string // of a Go panic, as the runtime printed it
	LastLines []string // its last output, oldest first, without the panic's trace
	// Silent: the process closed its connection but did not exit, so the host killed it.
	Silent bool
	// Memory is the limit in bytes that it exceeded, so that the host killed it; 0: it did not.
	Memory uint64
	// Early: it ended before it was ready.
	Early bool
}

// Crashed identifies a crash for code that does not import this package.
func (c *Crash) Crashed() bool { return true }

// At returns the label for code that does not import this package.
func (c *Crash) At() string { return c.Label }

func (c *Crash) Error() string {
	if c.Early {
		return c.Label + ": the plugin died before it was ready: " + c.Reason()
	}
	return c.Label + ": the plugin died: " + c.Reason()
}

// Reason says how it ended, without the label.
func (c *Crash) Reason() string {
	how := fmt.Sprintf("exit status %d", c.ExitCode)
	switch {
	case c.Memory > 0:
		how = fmt.Sprintf("it held more than %d MiB of memory, the most that a plugin may have, and was ended",
			c.Memory>>20)
	case c.Silent:
		how = "it closed its connection and had to be ended"
	case c.Signal != "":
		how = "signal: " + c.Signal
	}
	if c.Panic != "" {
		how += ": " + c.Panic
	}
	return how + c.lines()
}

// Stack is the trace of a Go panic, or else all of the plugin's last lines, if Error does not
// contain all of them. Each line ends with a newline. "": none.
func (c *Crash) Stack() string {
	all := c.Trace
	if len(all) == 0 && len(c.LastLines) > shownLines {
		all = c.LastLines
	}
	if len(all) == 0 {
		return ""
	}
	return strings.TrimRight(strings.Join(all, "\n"), "\n") + "\n"
}

// lines formats the last lines as the end of a sentence.
func (c *Crash) lines() string {
	n := len(c.LastLines)
	if n == 0 {
		return ""
	}
	return "; last lines: " + strings.Join(c.LastLines[max(0, n-shownLines):], " | ")
}

// errStopped is the error of calls that [Plugin.Stop] interrupted.
var errStopped = errors.New("the plugin was stopped")

// newCrash describes the end of a process. state is nil if the system reported none.
func newCrash(label string, state *os.ProcessState, out *lines) *Crash {
	c := &Crash{Label: label}
	c.LastLines, c.Panic = out.tail()
	c.Trace = out.trace()
	if state == nil {
		c.ExitCode = -1
		return c
	}
	c.ExitCode = state.ExitCode()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		c.Signal = status.Signal().String()
	}
	return c
}
