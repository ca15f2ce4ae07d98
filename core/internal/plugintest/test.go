// Test: replaces *testing.T for checks.

package plugintest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// test is a check or a part of one. It implements conformance.T.
type test struct {
	ctx    context.Context
	suite  *suite
	check  *test  // the check that it belongs to, or itself
	prefix string // prefix of its messages: the part of the check

	mu       sync.Mutex
	failed   bool
	skipped  bool
	messages []string // errors, or the reason for skipping
	notes    []string
	cleanups []func()
}

var _ conformance.T = (*test)(nil)

func (t *test) Context() context.Context { return t.ctx }
func (t *test) Helper()                  {}

func (t *test) Logf(format string, args ...any) {
	t.check.note(t.prefix + fmt.Sprintf(format, args...))
}

func (t *test) Errorf(format string, args ...any) {
	t.fail()
	t.check.say(t.prefix + fmt.Sprintf(format, args...))
}

func (t *test) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

// Skipf skips a whole check. A skipped part leaves no trace.
func (t *test) Skipf(format string, args ...any) {
	if t == t.check {
		t.mu.Lock()
		t.skipped = true
		t.mu.Unlock()
		t.say(fmt.Sprintf(format, args...))
	}
	runtime.Goexit()
}

func (t *test) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *test) TempDir() string {
	dir, err := os.MkdirTemp(t.suite.Dir, "check-")
	if err != nil {
		t.Fatalf("a temporary folder: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("a temporary folder: %v", err)
		}
	})
	return dir
}

func (t *test) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

// Run runs a check of the suite, or a part of this check.
func (t *test) Run(name string, f func(conformance.T)) bool {
	if t.suite.root == t {
		return t.suite.run(name, f)
	}
	part := t.part(name)
	part.do(f)
	if part.Failed() {
		t.fail()
	}
	return !part.Failed()
}

func (t *test) part(name string) *test {
	return &test{ctx: t.ctx, suite: t.suite, check: t.check, prefix: t.prefix + name + ": "}
}

func (t *test) fail() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
}

func (t *test) say(message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.messages = append(t.messages, message)
}

func (t *test) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, text)
}

// do runs f to its end, which may be the end of its goroutine, and then the cleanups.
func (t *test) do(f func(conformance.T)) {
	ctx, cancel := context.WithCancel(t.ctx)
	t.ctx = ctx
	t.wait(func() { f(t) })
	cancel()
	t.mu.Lock()
	all := t.cleanups
	t.mu.Unlock()
	for _, cleanup := range slices.Backward(all) {
		t.wait(cleanup)
	}
}

// wait runs f in its own goroutine, because Fatalf and Skipf end the goroutine.
func (t *test) wait(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("the check itself panics: %v\n%s", p, debug.Stack())
			}
		}()
		f()
	}()
	<-done
}
