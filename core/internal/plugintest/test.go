// Test: what a check runs in, in the place of a *testing.T.

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

// test is one check, or a part of one. It implements conformance.T.
type test struct {
	ctx    context.Context
	suite  *suite
	check  *test  // the check that it is a part of; itself at the top
	prefix string // of its messages: which part of the check it is

	mu       sync.Mutex
	failed   bool
	skipped  bool
	messages []string // what went wrong, or why it was skipped
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

// Skipf skips a whole check; a part of one that is skipped leaves no trace.
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

// Run runs a check of the suite, or a part of this one.
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

// do runs f to its end, which may be that of its goroutine, and cleans up after it.
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

// wait calls f in a goroutine of its own, because Fatalf and Skipf end one.
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
