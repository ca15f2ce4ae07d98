// Crashes: shows an author the first error of a run, and keeps what plugins printed as they died.

package core

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/core/observe"
)

// StackOf returns what a plugin printed as it died, without secrets, if err is such a crash. It
// returns "" if err is none, or if its text already holds all of it.
func StackOf(err error) string {
	var crash *pluginhost.Crash
	if !errors.As(err, &crash) {
		return ""
	}
	return crash.Stack()
}

// errFirst is the cause with which a run without retries is cancelled.
var errFirst = errors.New("something went wrong, and nothing is tried again")

// firstError is a listener that keeps the first error of a run's events and then ends the run.
type firstError struct {
	mu  sync.Mutex
	end func()
	err error
}

// begin sets the function that ends the run.
func (f *firstError) begin(end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end = end
}

func (f *firstError) event(e observe.Event) {
	split, stage, err := observe.Trouble(e)
	if _, ended := e.(observe.RunEnded); err == nil || ended {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return
	}
	switch f.err = err; {
	case split != "":
		f.err = fmt.Errorf("%s: %w", split, err)
	case stage != "":
		f.err = at(stage, err)
	}
	f.end()
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// CrashFile is the name of the file, in the run's folder, with what plugins printed as they died.
const CrashFile = "crashes.txt"

// maxCrashes is the number of crashes that a run keeps. Repeated crashes add no information.
const maxCrashes = 20

// crashes is a listener that keeps what plugins printed as they died.
type crashes struct {
	mu   sync.Mutex
	dir  string // folder of the run; "" before it begins
	seen map[string]bool
	path string
	err  error // the first error of writing the file
}

// event takes the folder from the run's first event, and keeps crashes.
func (c *crashes) event(e observe.Event, dirOf func(run string) string) {
	if started, ok := e.(observe.RunStarted); ok {
		c.mu.Lock()
		c.dir = dirOf(started.Run)
		c.mu.Unlock()
	}
	_, _, err := observe.Trouble(e)
	c.note(err)
}

// note keeps a crash, once for each kind.
func (c *crashes) note(err error) {
	var crash *pluginhost.Crash
	if !errors.As(err, &crash) || crash.Stack() == "" {
		return
	}
	stack := crash.Stack()
	kind := cmp.Or(crash.Panic, stack) // two traces of one panic have different addresses
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dir == "" || c.seen[kind] || len(c.seen) >= maxCrashes || c.err != nil {
		return
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[kind] = true
	if c.err = c.add(fmt.Sprintf("%s %v\n%s\n", time.Now().Format(time.RFC3339), err, stack)); c.err == nil {
		c.path = filepath.Join(c.dir, CrashFile)
	}
}

func (c *crashes) add(text string) error {
	if err := disk.MakeDir(c.dir, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(c.dir, CrashFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// kept returns the path of the file ("" if there were no crashes), and the error of writing it.
func (c *crashes) kept() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.path, c.err
}
