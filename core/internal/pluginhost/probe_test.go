// The sandbox, held to its word: a plugin tries everything at every level, as every kind of user.

//go:build unix

package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/probe"
	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
)

// probed is what a host of its own found out.
type probed struct {
	Missing string // why the level is not available
	Results []probe.Result
}

// runAsProber is a host that has the probe try everything.
func runAsProber(level, runs string) {
	var out probed
	if err := sandbox.System().Check(sandbox.Level(level)); err != nil {
		out.Missing = err.Error()
	} else {
		h := must(New(Options{RunDirs: runs, Sandbox: sandbox.Level(level)}))
		limits := sandbox.DefaultLimits()
		limits.Threads, limits.Memory = probe.Threads, min(limits.Memory, probe.Memory)
		out.Results = must(probe.Run(context.Background(),
			func(ctx context.Context, s probe.Start) (sdk.Source, func(), error) {
				p, err := h.Start(ctx, Spec{
					Label: "source probe", Path: "/proc/self/exe", Args: []string{"as", "probe"}, Config: s.Settings,
					Read: s.Read, Write: s.Write, Limits: limits,
				})
				if err != nil {
					return nil, nil, err
				}
				return p.Source(), func() { _ = p.Stop(context.Background()) }, nil
			}))
		must(0, h.Close())
	}
	must(0, json.NewEncoder(os.Stdout).Encode(out))
}

// probeAs runs such a host as a user.
func probeAs(t *testing.T, user int, level sandbox.Level) probed {
	t.Helper()
	attr := &syscall.SysProcAttr{}
	if user != os.Getuid() {
		attr.Credential = &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}
	}
	return probeIn(t, level, attr)
}

// probeIn runs such a host in a process with attributes.
func probeIn(t *testing.T, level sandbox.Level, attr *syscall.SysProcAttr) probed {
	t.Helper()
	runs := shortDir(t)
	if c := attr.Credential; c != nil {
		must(0, os.Chown(runs, int(c.Uid), int(c.Gid)))
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "as", "prober", string(level), runs)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "HOME="+runs, "TMPDIR="+runs)
	cmd.Stdin = bytes.NewReader([]byte("hunter2"))
	cmd.SysProcAttr = attr
	raw, err := cmd.Output()
	var out probed
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		t.Fatalf("%v\n%s%s", err, raw, &stderr)
	}
	return out
}

// users are those who this test can be: itself, and for root an ordinary one too.
func users() []int {
	if os.Getuid() == 0 {
		return []int{0, 12345}
	}
	return []int{os.Getuid()}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is a sandbox on Linux only")
	}
	for _, user := range users() {
		for _, level := range []sandbox.Level{sandbox.Full, sandbox.Strong} {
			t.Run(fmt.Sprintf("%s as %d", level, user), func(t *testing.T) {
				t.Parallel()
				got := probeAs(t, user, level)
				if got.Missing != "" {
					t.Skip(got.Missing)
				}
				system := sandbox.System()
				hidden := level == sandbox.Full || user == 0 && system.Namespaces() == nil
				for _, r := range got.Results {
					t.Logf("%-13s %-50s %v: %s", r.Group, r.Name, r.Allowed, r.Said)
					if r.Allowed && !remains(r.Name, hidden, user == 0 && !system.BoundsThreads()) {
						t.Errorf("allowed: %s: %s: %s", r.Group, r.Name, r.Said)
					}
				}
				if len(got.Results) < 50 {
					t.Errorf("only %d attempts", len(got.Results))
				}
			})
		}
	}
}

// remains reports whether the kernel at hand cannot deny something: what is known of it is in
// README.
func remains(name string, hidden, manyThreads bool) bool {
	switch name {
	case "see whether a file exists", "see where a link leads":
		return !hidden
	case probe.BeyondMemory:
		return sandbox.DefaultLimits().Memory == 0
	case "more threads than its limit":
		return manyThreads
	}
	return name == "keep others from a file that it may read, by a lock" ||
		name == "keep others from writing a file that it may read, by a lock of a part"
}

// TestProbeUnconfined: what the sandbox is held to would succeed without it.
func TestProbeUnconfined(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the probe is Linux's")
	}
	for _, user := range users() {
		t.Run(fmt.Sprint(user), func(t *testing.T) {
			t.Parallel()
			var denied []string
			for _, r := range probeAs(t, user, sandbox.None).Results {
				if r.Plain && !r.Allowed {
					t.Errorf("denied, though nothing confines the probe: %s: %s: %s", r.Group, r.Name, r.Said)
				} else if !r.Allowed {
					denied = append(denied, fmt.Sprintf("%s: %s", r.Name, r.Said))
				}
			}
			slices.Sort(denied)
			t.Logf("not to be had on this machine at all: %q", denied)
		})
	}
}

// TestProbeAtEnv: without the kernel's help a plugin still finds nothing of the host's round
// itself.
func TestProbeAtEnv(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the probe is Linux's")
	}
	for _, user := range users() {
		for _, r := range probeAs(t, user, sandbox.Env).Results {
			// Root may read everybody's memory.
			if r.Group == "surroundings" && r.Allowed && user != 0 || r.Name == "see the host's environment" &&
				r.Allowed {
				t.Errorf("as %d: allowed: %s", user, r.Name)
			}
		}
	}
}
