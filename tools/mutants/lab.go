// The lab: broken files, the tests that are built of them, and what those say.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/tools/internal/overlay"
)

// lab is a folder for what is built, beside the repository that is left alone.
type lab struct {
	root, dir string
	limit     time.Duration

	mu    sync.Mutex
	sound map[string]func() error // by test: whether it passes without a mutant
	next  int
}

func newLab(root string, limit time.Duration) (*lab, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, "core")); err != nil {
		return nil, fmt.Errorf("%s is not the repository: %w", root, err)
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return nil, err
	}
	return &lab{root: root, dir: dir, limit: limit, sound: map[string]func() error{}}, nil
}

func (l *lab) close() {
	if err := os.RemoveAll(l.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// try reports whether a mutant is found out: its test passes without it and fails with it.
func (l *lab) try(m mutant) error {
	overlay, err := l.overlay(m)
	if err != nil {
		return err
	}
	if err := l.passes(m); err != nil {
		return err
	}
	out, err := l.test(m, overlay)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return fmt.Errorf("%s passes with it", m.test)
	case errors.As(err, &exit) && l.blames(m, out):
		return nil
	}
	return fmt.Errorf("%s ends in another way than by failing: %w\n%s", m.test, err, tail(out))
}

// blames reports whether it was the named test that failed. A run that hangs says so too.
func (l *lab) blames(m mutant, out []byte) bool {
	return bytes.Contains(out, []byte("--- FAIL: "+m.test)) || bytes.Contains(out, []byte("panic: ")) &&
		bytes.Contains(out, []byte(m.test))
}

// passes runs a test without a mutant, once for all mutants that it finds out.
func (l *lab) passes(m mutant) error {
	key := strings.Join(append([]string{m.pkg, m.test}, m.env...), " ")
	l.mu.Lock()
	f := l.sound[key]
	if f == nil {
		f = sync.OnceValue(func() error {
			out, err := l.test(m, "")
			switch {
			case err != nil:
				return fmt.Errorf("%s fails without it: %w\n%s", m.test, err, tail(out))
			case !bytes.Contains(out, []byte("--- PASS: "+m.test)):
				return fmt.Errorf("%s did not run:\n%s", m.test, tail(out))
			}
			return nil
		})
		l.sound[key] = f
	}
	l.mu.Unlock()
	return f()
}

// test builds the tests of a mutant's package, and runs the one that is to find it out.
func (l *lab) test(m mutant, overlay string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.limit)
	defer cancel()
	flags := os.Getenv("GOFLAGS")
	if overlay != "" {
		flags += " -overlay=" + overlay
	}
	env := append(append(os.Environ(), "GOFLAGS="+strings.TrimSpace(flags)), m.env...)
	binary := filepath.Join(l.dir, fmt.Sprintf("test%d", l.number()))
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./"+m.pkg)
	build.Dir, build.Env = l.root, env
	if out, err := build.CombinedOutput(); err != nil {
		return out, fmt.Errorf("it does not compile: %s", tail(out))
	}
	run := exec.CommandContext(ctx, binary, "-test.v", "-test.failfast", "-test.timeout", l.limit.String(), "-test.run",
		"^"+strings.ReplaceAll(m.test, "/", "$/^")+"$")
	run.Dir, run.Env = filepath.Join(l.root, filepath.FromSlash(m.pkg)), env
	run.WaitDelay = 10 * time.Second
	out, err := run.CombinedOutput()
	return out, errors.Join(err, os.Remove(binary))
}

func (l *lab) number() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.next
}

// overlay writes the broken files and what tells the compiler of them.
func (l *lab) overlay(m mutant) (string, error) {
	return overlay.Write(l.root, filepath.Join(l.dir, fmt.Sprint(l.number())), m.edits)
}

// tail is the end of an output, where failures are told.
func tail(out []byte) string {
	const most = 1500
	if len(out) > most {
		out = append([]byte("…"), out[len(out)-most:]...)
	}
	return string(out)
}
