// Repositories of new plugins, held to their own CI.

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// newRepository writes a repository, and returns its folder and the environment that its CI needs
// to be offline.
func newRepository(t *testing.T, args ...string) (dir string, env []string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the CI of a new plugin is a shell script")
	}
	// The flags of this test's own build are not those of the plugin's.
	env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOSUMDB=off", "CGO_ENABLED=0", "SCRAPEKIT="+scrapekit)
	dir = filepath.Join(t.TempDir(), "repo")
	cmd := exec.CommandContext(t.Context(), scrapekit,
		append([]string{"plugins", "new", "--tidy=false", "--dir", dir}, args...)...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return dir, env // not in Go
	}
	requires, sums := offlineModules(t)
	appendFile(t, filepath.Join(dir, "go.mod"), requires)
	appendFile(t, filepath.Join(dir, "go.sum"), sums)
	return dir, env
}

// offlineModules returns what `go mod tidy` adds to the go.mod and go.sum of a plugin, without the
// network that it needs: it reads old versions' go.mod files, which `go test` does not fetch. The
// modules listed are those that this test was built from, so the cache holds them.
func offlineModules(t *testing.T) (requires, sums string) {
	t.Helper()
	module := filepath.Join("..", "..", "..")
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}\t{{.Path}} {{.Version}}{{end}}{{end}}",
		"./cmd/scrapekit", "./sdk/serve", "./sdk/sdktest")
	list.Dir, list.Env = module, append(os.Environ(), "GOFLAGS=", "GOPROXY=off")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	slices.Sort(lines)
	raw, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	return "\nrequire (\n" + strings.Join(slices.Compact(lines), "\n") + "\n)\n", string(raw)
}

func appendFile(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func runCI(t *testing.T, dir string, env []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", ".ci/run")
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), " 0 failed, ") {
		t.Errorf("%v\n%s", err, out)
	}
}

//ci:plain
func TestNewPlugins(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	module, err := filepath.Abs(filepath.Join("..", "..", ".."))
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
