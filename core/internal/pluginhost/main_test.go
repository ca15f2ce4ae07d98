// The test binary is also the plugin, and the host that is killed: see TestMain and roles_test.go.

//go:build unix

package pluginhost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/probe"
	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != "as" {
		os.Exit(m.Run())
	}
	switch name, args := os.Args[2], os.Args[3:]; name {
	case "source":
		serve.Main(sourcePlugin())
	case "transform":
		serve.Main(transformPlugin(args))
	case "sink":
		serve.Main(sinkPlugin(args))
	case "say": // a line on stdout, another on stderr, then nothing for a while
		fmt.Fprintln(os.Stderr, "about to speak")
		fmt.Println(strings.ReplaceAll(args[0], "$DIR", os.Getenv("PLUGIN_UNIX_SOCKET_DIR")))
		time.Sleep(time.Minute)
	case "sleep":
		fmt.Fprintln(os.Stderr, "still at it")
		time.Sleep(time.Minute)
	case "litter":
		for i := range 100_000 {
			must(0, os.WriteFile(fmt.Sprintf("%s/%d", os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), i), nil, 0o600))
		}
		time.Sleep(time.Minute)
	case "rundir":
		fmt.Println(must(runParent("")))
	case "mute":
		os.Stdout.Close()
		time.Sleep(time.Minute)
	case "exit":
		fmt.Fprintln(os.Stderr, "no license\x1b[31m found")
		syscall.Exit(must(strconv.Atoi(args[0])))
	case "host":
		runAsHost(args[0])
	case "probe":
		serve.Main(probe.Plugin())
	case "prober":
		runAsProber(args[0], args[1])
	default:
		panic("no such role: " + name)
	}
	syscall.Exit(0) // not by the race detector's exit, which takes a second
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// collected is an sdk.Output that keeps what comes.
type collected struct {
	payload bytes.Buffer
	first   func() // called when the first batch has come
}

func (c *collected) Batch(b sdk.Batch) error {
	c.payload.Write(b.Payload)
	if c.first != nil {
		c.first()
		c.first = nil
	}
	return nil
}
func (c *collected) Cursor([]byte) error     { return nil }
func (c *collected) Split(sdk.Split) error   { return nil }
func (c *collected) Reject(sdk.Reject) error { return nil }

// bestLevel is what the system has: a kernel without Landlock still tests the rest.
func bestLevel() sandbox.Level { return sandbox.System().Best() }

// newHost makes a host whose run directories are the test's own, and whose plugins are confined as
// far as the system can, or as level says.
func newHost(t testing.TB, level ...sandbox.Level) *Host {
	t.Helper()
	h, err := New(Options{RunDirs: shortDir(t), Sandbox: append(level, bestLevel())[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

// shortDir is a t.TempDir with a name that leaves room for a socket's.
func shortDir(t testing.TB) string {
	t.Helper()
	parent := os.TempDir()
	if len(parent) > 30 {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "ph")
	if err != nil {
		t.Fatal(err)
	}
	// Root's plugins are another user, who must get there.
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// spec is a plugin of this test binary.
func spec(config string, role ...string) Spec {
	return Spec{Label: role[0] + " fake", Path: must(os.Executable()), Args: append([]string{"as"}, role...),
		Config: json.RawMessage(config)}
}

func start(t testing.TB, h *Host, s Spec) *Plugin {
	t.Helper()
	p, err := h.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// read reads the fake source's only split.
func read(t testing.TB, p *Plugin, out *collected) error {
	t.Helper()
	return p.Source().Read(t.Context(), sdk.Split{ID: "all"}, sdk.NewWriter(out))
}

// files lists what is in dir, at any depth, without the locks.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && path != dir && d.Name() != lockName {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// counts returns how many descriptors and goroutines this process has.
func counts(t testing.TB) (openFiles, goroutines int) {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries), runtime.NumGoroutine()
}

// settles waits until problem finds none, for as long as a slow machine may need.
func settles(t testing.TB, problem func() string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		p := problem()
		if p == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(p)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// zombie reports whether the process has ended and only waits for whoever adopted it. Only Linux
// tells.
func zombie(pid int) bool { return processState(pid) == "Z" }

// freeze stops a process and returns when all its threads have stopped.
func freeze(t testing.TB, pid int) {
	t.Helper()
	must(0, syscall.Kill(pid, syscall.SIGSTOP))
	settles(t, func() string {
		if s := processState(pid); s != "T" && s != "" {
			return "the process runs on, in state " + s
		}
		return ""
	})
}

// processState is the letter that Linux gives it, "" where there is none.
func processState(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}
