// A plugin while it is written: dev with a real edit.

package e2e

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// lineWith reads until a line holds a text, and returns it.
func lineWith(t *testing.T, r *bufio.Reader, text string) string {
	t.Helper()
	var all strings.Builder
	for {
		line, err := r.ReadString('\n')
		all.WriteString(line)
		if strings.Contains(line, text) {
			return line
		}
		if err != nil {
			t.Fatalf("no line with %q before %v in\n%s", text, err, all.String())
		}
	}
}

//ci:plain
func TestDev(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	module, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir, env := newRepository(t, "transform", "first", "--replace", module)
	tmp := t.TempDir()
	cmd := exec.CommandContext(t.Context(), scrapekit, "plugins", "dev", ".", "-n", "1")
	cmd.Dir, cmd.Env = dir, append(env, "TMPDIR="+tmp)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(r)
	lineWith(t, out, `"seen":"yes"`)
	lineWith(t, out, "waiting for a change")

	// An edit, one that does not build, and one that does again.
	edit(t, filepath.Join(dir, "transform.go"), `default:"yes"`, `default:"edited"`)
	lineWith(t, out, "transform.go changed")
	lineWith(t, out, `"seen":"edited"`)
	lineWith(t, out, "waiting for a change")
	edit(t, filepath.Join(dir, "transform.go"), "package main", "package main,")
	lineWith(t, out, "error: go build")
	lineWith(t, out, "waiting for a change")
	edit(t, filepath.Join(dir, "transform.go"), "package main,", "package main")
	edit(t, filepath.Join(dir, "example.hcl"), `field = "seen"`, `field = "found"`)
	lineWith(t, out, `"found":"edited"`)
	lineWith(t, out, "waiting for a change")
	// What it prints is shown, and a panic with its stack, once.
	edit(t, filepath.Join(dir, "transform.go"), "var out sdk.Builder",
		"println(\"at work\"); panic(\"not yet\"); var out sdk.Builder")
	lineWith(t, out, "transform first: at work")
	lineWith(t, out, "error: transform first: the plugin died: exit status 2: panic: not yet")
	lineWith(t, out, "    goroutine ")
	lineWith(t, out, "transform.go:")
	lineWith(t, out, "waiting for a change")

	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted || string(rest) != "stopped\n" {
		t.Errorf("after Ctrl-C: %v, %q", err, rest)
	}
	left, err := filepath.Glob(filepath.Join(tmp, "scrapekit-b*"))
	if err != nil || len(left) > 0 {
		t.Errorf("it leaves %v (%v)", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".scrapekit")); err == nil {
		t.Error("it leaves the state of its runs")
	}
}

func edit(t *testing.T, file, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(raw), from) {
		t.Fatalf("no %q in %s (%v)", from, file, err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(raw), from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}
