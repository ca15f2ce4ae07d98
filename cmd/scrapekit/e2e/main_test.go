// Package e2e tests whole programs: what is killed, what takes long, what the manual says, and what
// strangers build. `go test -short` leaves it out.
package e2e

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// The exit codes that tests look for.
const (
	exitFailed      = 1
	exitIncomplete  = 3
	exitInterrupted = 130
)

// gaugesVar names a file to which the host under test appends how many goroutines it has; see
// main_test.go of the command.
const gaugesVar = "SCRAPEKIT_TEST_GAUGES"

// scrapekit is the host under test: the command's test binary, which is the command when it has its
// name. It has the race detector if these tests have it. needTools has the command as it ships.
var scrapekit string

// toolsDir is where needTools builds.
var toolsDir string

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("left out with -short")
		return
	}
	dir, err := os.MkdirTemp("", "scrapekit-e2e-*")
	if err == nil {
		err = prepare(dir)
	}
	code := 1
	if err == nil {
		code = m.Run()
	}
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

// prepare builds the host under test, and makes it the scrapekit of every shell.
func prepare(dir string) error {
	scrapekit, toolsDir = filepath.Join(dir, "bin", "scrapekit"), filepath.Join(dir, "tools")
	args := []string{"test", "-c", "-o", scrapekit, ".."}
	if crashtest.Raced {
		args = slices.Insert(args, 2, "-race")
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("building: %w\n%s", err, out)
	}
	if level, reason := core.BestSandbox(); reason != nil { // the kernel has not what the sandbox needs
		fmt.Println("plugins run at the sandbox level", level+":", reason)
		if err := os.Setenv(core.SandboxVar, level); err != nil {
			return err
		}
	}
	return errors.Join(
		os.Chmod(dir, 0o755), // an ordinary user runs the tools too
		os.Setenv("PATH", filepath.Dir(scrapekit)+string(filepath.ListSeparator)+os.Getenv("PATH")),
		os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"), // or a process waits a second at its end
	)
}

// newRegistry starts an empty registry on this machine and returns its host and port.
func newRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithReferrersSupport(true)))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}
