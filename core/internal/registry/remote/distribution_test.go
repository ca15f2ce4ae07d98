package remote_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
)

// TestDistribution runs what holds for one kind of registry against another: that of the
// distribution project, which is a program of its own (tools/registry), because of what it needs.
// Go with
//
//	go build -C tools/registry -o /tmp/registry .
//	SCRAPEKIT_REGISTRY=/tmp/registry go test -run Distribution ./core/internal/registry/remote
//
//ci:registry
func TestDistribution(t *testing.T) {
	t.Parallel()
	program := os.Getenv("SCRAPEKIT_REGISTRY")
	if program == "" {
		t.Skip("SCRAPEKIT_REGISTRY does not name the program of tools/registry; .ci/run registries does")
	}
	t.Run("open", func(t *testing.T) {
		t.Parallel()
		source := startDistribution(t, program) + "/acme/scrapekit-hello"
		testPushed(t, open(t, source, remote.Options{}), source)
		testForeign(t, source)
	})
	t.Run("private", func(t *testing.T) {
		t.Parallel()
		users := filepath.Join(t.TempDir(), "htpasswd")
		// acme, secret
		if err := os.WriteFile(users, []byte("acme:$2a$04$.3uOvUMIjDTSjurrlHFVl.xabTV0Abteny21jFZUOYZDtJPP3wySa\n"),
			0o600); err != nil {
			t.Fatal(err)
		}
		testPrivate(t, startDistribution(t, program, "-htpasswd", users))
	})
}

// startDistribution returns the registry's host and port. It ends with its standard input.
func startDistribution(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}
