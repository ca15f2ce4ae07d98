// Crashes: what an author sees of an error, at once; what a run keeps of the deaths of its plugins.

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

// StackOf returns what a plugin printed as it died, if err is its death: lines, without secrets.
// "": it is not, or the error has all.
func StackOf(err error) string {
	var crash *pluginhost.Crash
	if !errors.As(err, &crash) {
		return ""
	}
	return crash.Stack()
}

// errFirst is the cause of a run's end that is not to try anything twice.
var errFirst = errors.New("something went wrong, and nothing is tried again")

// firstError keeps the first error of a run's events, and ends the run. It is a listener.
type firstError struct {
	mu  sync.Mutex
	end func()
	err error
}

// begin says how the run is ended.
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

// CrashFile is the name of the file in a run's folder that has what plugins printed as they died.
const CrashFile = "crashes.txt"

// maxCrashes is how many deaths of a run are kept: one that comes again and again says nothing new.
const maxCrashes = 20

// crashes keeps what plugins printed as they died.
type crashes struct {
	mu   sync.Mutex
	dir  string // of the run, once it has begun
	seen map[string]bool
	path string
	err  error // of keeping one
}

// event learns of the run's beginning, and notes what goes wrong.
func (c *crashes) event(e observe.Event, dirOf func(run string) string) {
	if started, ok := e.(observe.RunStarted); ok {
		c.mu.Lock()
		c.dir = dirOf(started.Run)
		c.mu.Unlock()
	}
	_, _, err := observe.Trouble(e)
	c.note(err)
}

// note keeps a death, each kind once.
func (c *crashes) note(err error) {
	var crash *pluginhost.Crash
	if !errors.As(err, &crash) || crash.Stack() == "" {
		return
	}
	stack := crash.Stack()
	kind := cmp.Or(crash.Panic, stack) // two traces of one panic differ in their addresses
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

// kept returns the file, if there is one, and what went wrong with it.
func (c *crashes) kept() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.path, c.err
}
