package core

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// shell returns a secret whose command is a script of the shell.
func shell(t *testing.T, script string) *secret {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("it needs a shell")
	}
	c := config.Secret{StandIn: "⟦x⟧", Title: `secret "x" (a.hcl:3)`, Exec: []string{"sh", "-c", script},
		Dir: t.TempDir(), Timeout: 10 * time.Second}
	return &secret{Secret: c, redact: &redact.Set{}}
}

func TestSecretOfCommand(t *testing.T) {
	t.Parallel()
	s := shell(t, `echo run >> runs; echo "sesame-$(wc -l < runs | tr -d ' ')"`)
	var wait sync.WaitGroup
	for range 20 { // each has what was obtained before; all want another
		wait.Go(func() {
			if got, _, err := s.after(t.Context(), time.Time{}); got != "sesame-1" || err != nil {
				t.Error(got, err)
			}
		})
	}
	wait.Wait()
	_, at, err := s.after(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second had the same one as the first
		if got, _, err := s.after(t.Context(), at); got != "sesame-2" || err != nil {
			t.Error(got, err)
		}
	}
	runs, err := os.ReadFile(filepath.Join(s.Dir, "runs"))
	if err != nil || strings.Count(string(runs), "run") != 2 {
		t.Errorf("%q %v", runs, err)
	}
	if got := s.redact.String("sesame-2"); strings.Contains(got, "sesame") {
		t.Error("it is not hidden")
	}
}

func TestSecretsThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"true":                                  `secret "x" (a.hcl:3): sh printed nothing`,
		"echo known-4711 is sealed >&2; exit 3": `secret "x" (a.hcl:3): sh: exit status 3: "[redacted] is sealed"`,
		"echo half-4711; echo " +
			"half-4711 is odd >&2; exit 1": `secret "x" (a.hcl:3): sh: exit status 1: "[redacted] is odd"`,
		"yes":                                    `secret "x" (a.hcl:3): sh printed more than 64 KiB`,
		"head -c 70000 /dev/zero | tr '\\000' x": `secret "x" (a.hcl:3): sh printed more than 64 KiB`,
	} {
		s := shell(t, script)
		s.redact.Add("known-4711")
		if _, _, err := s.after(t.Context(), time.Time{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", script, err, want)
		}
	}
	s := shell(t, "exec sleep 60")
	s.Timeout = time.Millisecond
	if _, _, err := s.after(t.Context(), time.Time{}); err == nil ||
		!strings.Contains(err.Error(), "sh was not done within 1ms") {
		t.Error(err)
	}
	s.Exec = []string{"no-such-command-4711"}
	s.Timeout = time.Minute
	if _, _, err := s.after(t.Context(), time.Time{}); err == nil ||
		!strings.Contains(err.Error(), "executable file not found") {
		t.Error(err)
	}
}

// TestSecretsWithoutEnd: a command that prints for ever ends at once, and one that complains for
// ever in its time; neither fills the memory.
func TestSecretsWithoutEnd(t *testing.T) { // not parallel: the memory is the process's
	for script, want := range map[string]string{
		"yes":     "printed more than 64 KiB",
		"yes; :":  "printed more than 64 KiB", // by a child of the shell
		"yes >&2": "sh was not done within 2s",
	} {
		s := shell(t, script)
		s.Timeout = 2 * time.Second
		if want == "printed more than 64 KiB" {
			s.Timeout = 20 * time.Second
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, _, err := s.after(t.Context(), time.Time{})
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), want) || took > 15*time.Second {
			t.Errorf("%s: %v after %s", script, err, took)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
			t.Errorf("%s: it took %d MiB", script, got>>20)
		}
	}
}

// TestWordsOfACommandThatFails: what is known to be secret is not shown, and not half of it either.
func TestWordsOfACommandThatFails(t *testing.T) { // not parallel: the environment is the process's
	t.Setenv("VAULT_TOKEN", "environment-4711")
	s := shell(t, `echo "$VAULT_TOKEN is no good" >&2; i=0; while [ $i -lt 85 ]; do echo 0123456789a >&2; `+
		`i=$((i+1)); done; echo known-4711 >&2; exit 1`)
	s.redact.Add("known-4711")
	_, _, err := s.after(t.Context(), time.Time{})
	if err == nil || !strings.Contains(err.Error(), `"[redacted] is no good`) ||
		strings.Contains(err.Error(), "know") || !strings.HasSuffix(err.Error(), `…"`) || len(err.Error()) > 1200 {
		t.Error(err)
	}
}

func TestSecretOfKeyring(t *testing.T) { // not parallel: the keyring is the process's
	keyring.MockInit()
	if err := keyring.Set("jira", "me", "sesame-4711"); err != nil {
		t.Fatal(err)
	}
	s := &secret{Secret: config.Secret{Title: `keyring("jira", "me")`, Service: "jira", User: "me"},
		redact: &redact.Set{}}
	if got, _, err := s.after(t.Context(), time.Time{}); got != "sesame-4711" || err != nil {
		t.Error(got, err)
	}
	s = &secret{Secret: config.Secret{Title: `keyring("jira", "you")`, Service: "jira", User: "you"},
		redact: &redact.Set{}}
	if _, _, err := s.after(t.Context(), time.Time{}); err == nil ||
		err.Error() != `keyring("jira", "you"): the keyring holds no such password` {
		t.Error(err)
	}
}
