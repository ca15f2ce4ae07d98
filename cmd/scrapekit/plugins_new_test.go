// Repositories of new plugins, held to their own CI.

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// newRepository writes a repository, and returns its folder and the environment that its CI needs to be offline.
func newRepository(t *testing.T, args ...string) (dir string, env []string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the CI of a new plugin is a shell script")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Modules come from the cache that this test was built from. The flags of this test's own build are not those of the plugin's.
	env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "CGO_ENABLED=0", "SCRAPEKIT="+self)
	dir = filepath.Join(t.TempDir(), "repo")
	cmd := exec.CommandContext(t.Context(), self, append([]string{"plugins", "new", "--dir", dir}, args...)...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "go mod tidy") {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir, env
}

func runCI(t *testing.T, dir string, env []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", ".ci/run")
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), " 0 failed, ") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNewPlugins(t *testing.T) {
	t.Parallel()
	module, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"source", "transform", "sink"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir, env := newRepository(t, kind, "first", "--replace", module)
			runCI(t, dir, env)
		})
	}
}
