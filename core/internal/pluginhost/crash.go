// A plugin's death, told as one error.

package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// shownLines is how many of a plugin's last lines an error's text holds; LastLines has more.
const shownLines = 3

// A Crash is the error of every call that a plugin's death has ended. It is temporary: a fresh
// process may fare better.
type Crash struct {
	Label     string   // of the [Spec]
	Signal    string   // what ended it, such as "killed"; "" if it exited by itself
	ExitCode  int      // if it exited by itself; 0 too: a plugin that goes uninvited has crashed
	Panic     string   // text and place of a Go panic; ""
	Trace     []string // of a Go panic, as the runtime printed it
	LastLines []string // what it last wrote, oldest first, without the panic's trace
	// Silent: it still ran but had closed its connection, and so the host has ended it.
	Silent bool
	// Memory is the limit in bytes beyond which it held memory, so that the host has ended it; 0:
	// it did not.
	Memory uint64
	// Early: it was not ready yet.
	Early bool
}

// Crashed tells a crash from other errors without knowledge of this package.
func (c *Crash) Crashed() bool { return true }

// At tells who died to those that do not know this package.
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

// Stack is what an author looks for: the trace of a Go panic; without one all that the plugin last
// wrote, if Error has not all of that. Each line is ended; "": there is none.
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

// lines returns the last lines as the end of a sentence.
func (c *Crash) lines() string {
	n := len(c.LastLines)
	if n == 0 {
		return ""
	}
	return "; last lines: " + strings.Join(c.LastLines[max(0, n-shownLines):], " | ")
}

// errStopped is the error of calls that [Plugin.Stop] has ended.
var errStopped = errors.New("the plugin was stopped")

// newCrash tells how a process ended. state is nil where the system did not say.
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
