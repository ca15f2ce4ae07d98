package core

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// withinSession says that a test is its own child, on a message bus of its own.
const withinSession = "SCRAPEKIT_TEST_SESSION"

// TestSecretOfRealKeyring asks the keyring of GNOME, by the Secret Service. It needs
// dbus-run-session and gnome-keyring-daemon, and touches neither the bus nor the keyring of whoever
// runs it.
func TestSecretOfRealKeyring(t *testing.T) {
	if os.Getenv(withinSession) == "" {
		t.Parallel()
		runInSession(t)
		return
	}
	unlockKeyring(t)
	if err := keyring.Set("jira", "me", "sesame-4711"); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{"me": "", "you": "the keyring holds no such password"} {
		s := &secret{Secret: config.Secret{Title: "keyring", Service: "jira", User: user}, redact: &redact.Set{}}
		got, _, err := s.after(t.Context(), time.Time{})
		if want == "" && (err != nil || got != "sesame-4711") || want != "" &&
			(err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q %v", user, got, err)
		}
	}
}

// busWithoutServices is a message bus that starts no programs: it would start a keyring of its own,
// which nobody unlocks, for who asks before the test's is there.
const busWithoutServices = `<busconfig>
  <type>session</type>
  <listen>unix:dir=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`

// runInSession runs the test that calls it once more, on a bus and with a home of its own.
func runInSession(t *testing.T) {
	t.Helper()
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	bus := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(bus, fmt.Appendf(nil, busWithoutServices, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dbus-run-session", "--config-file="+bus, "--", os.Args[0], "-test.run=^"+t.Name()+"$",
		"-test.v")
	cmd.Env = append(os.Environ(), withinSession+"=1", "HOME="+dir, "XDG_DATA_HOME="+dir,
		"XDG_RUNTIME_DIR="+filepath.Join(dir, "run"))
	if err := os.Mkdir(filepath.Join(dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

// unlockKeyring starts a keyring and waits until it serves.
func unlockKeyring(t *testing.T) {
	t.Helper()
	daemon := exec.Command("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	daemon.Stdin = strings.NewReader("password")
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Kill() // an error: it has ended
		_ = daemon.Wait()         // it was killed
	})
	for range 3000 {
		if _, err := keyring.Get("jira", "nobody"); errors.Is(err, keyring.ErrNotFound) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the keyring does not answer")
}
