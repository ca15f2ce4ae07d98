// A plugin that waits to be attached to.

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
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

// TestAttach: a plugin that was started by hand, as a debugger does, is run by two hosts one after
// another, and outlives both.
func TestAttach(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a process there cannot be asked to end")
	}
	plugin := exec.CommandContext(t.Context(), os.Args[0])
	plugin.Args[0] = "troubled"
	plugin.Env = append(os.Environ(), "SCRAPEKIT_DEBUG=1")
	stderr, err := plugin.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := plugin.Start(); err != nil {
		t.Fatal(err)
	}
	says := bufio.NewReader(stderr)
	attach := regexp.MustCompile(`--attach (troubled=\S+)`).FindStringSubmatch(lineWith(t, says, "--attach"))[1]

	dir := t.TempDir()
	file := filepath.Join(dir, "attached.hcl")
	text := "source \"./troubled\" {\n  trouble = \"rejects\"\n}\nsink \"jsonl\" {\n  path = \"out.jsonl\"\n}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "troubled"))
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out, err := exec.CommandContext(t.Context(), os.Args[0], "run", file, "--full", "--attach",
			attach).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "source troubled  4") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), os.Args[0], "run", file, "--attach",
		strings.Replace(attach, "troubled", "other", 1)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no stage of that name; there are troubled, jsonl") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := plugin.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := plugin.Wait(); err != nil {
		t.Errorf("the plugin, after Ctrl-C: %v", err)
	}
	out, err = exec.CommandContext(t.Context(), os.Args[0], "run", file, "--attach", attach).CombinedOutput()
	if err == nil || !strings.Contains(strings.Join(strings.Fields(string(out)), " "), "nobody listens at") {
		t.Errorf("%v\n%s", err, out)
	}
}
