// What a confined process has: its limits and its grants. What it has not is the probe's to try, in
// package pluginhost.

package sandbox_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/sandbox"
)

// hog is a program of nothing but the runtime, without the race detector, which no limit of memory
// is made for.
var hog = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hog")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", dir+"/hog", "./testdata/hog")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", &buildError{string(out)}
	}
	return dir + "/hog", nil
})

type buildError struct{ text string }

func (e *buildError) Error() string { return e.text }

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := hog(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// confined runs the hog and returns what it printed; ok is whether it did what it was asked for.
func confined(t *testing.T, p sandbox.Policy, args ...string) (said string, ok bool) {
	t.Helper()
	path, err := hog()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	var out bytes.Buffer
	cmd := &exec.Cmd{Path: path, Args: append([]string{path}, args...), Env: []string{}, Stdout: &out, Stderr: &out}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the process ends with the thread that started it
		if err := sandbox.Start(cmd, program, p); err != nil {
			t.Error(err)
		}
		done <- cmd.Wait()
	}()
	err = <-done
	return out.String(), err == nil
}

// eachLevel runs a test at the levels that confine, where they are to be had.
func eachLevel(t *testing.T, test func(t *testing.T, level sandbox.Level)) {
	t.Parallel()
	for _, level := range []sandbox.Level{sandbox.Strong, sandbox.Full} {
		t.Run(string(level), func(t *testing.T) {
			t.Parallel()
			if err := sandbox.System().Check(level); err != nil {
				t.Skip(err)
			}
			test(t, level)
		})
	}
}

//ci:plain
func TestLimits(t *testing.T) {
	eachLevel(t, func(t *testing.T, level sandbox.Level) {
		limits := sandbox.Limits{Memory: 256 << 20, Threads: 50, Files: 100}
		// The first stage is this test, and the race detector in it maps more than any limit
		// allows.
		race := sandbox.DefaultLimits().Memory == 0
		if race {
			limits.Memory = 0
		}
		for what, c := range map[string]struct{ within, beyond, says string }{
			"memory": {"20", "400", "out of memory"},
			"files":  {"50", "200", "too many open files"},
		} {
			if what == "memory" && race {
				t.Log("the limit of memory is tested without the race detector")
				continue
			}
			p := sandbox.Policy{Level: level, Limits: limits}
			if said, ok := confined(t, p, what, c.within); !ok {
				t.Errorf("%s within the limit: %s", what, said)
			}
			if said, ok := confined(t, p, what, c.beyond); ok || !strings.Contains(said, c.says) {
				t.Errorf("%s beyond the limit: %.500s", what, said)
			}
			p.Limits = sandbox.Limits{Threads: 1000, Files: 1000}
			if said, ok := confined(t, p, what, c.beyond); !ok {
				t.Errorf("%s with a higher limit: %.500s", what, said)
			}
		}
	})
}

// TestLimitOfThreads: the limit lies beyond all that the machine has.
func TestLimitOfThreads(t *testing.T) {
	eachLevel(t, func(t *testing.T, level sandbox.Level) {
		if s := sandbox.System(); s.Root && !s.SetUID {
			t.Skip("the kernel counts no threads of root, and this root cannot be another user")
		}
		p := sandbox.Policy{Level: level, Limits: sandbox.Limits{Threads: 50, Files: 100}}
		if said, ok := confined(t, p, "threads", "40"); !ok {
			t.Errorf("within the limit: %.500s", said)
		}
		if said, ok := confined(t, p, "threads", strconv.Itoa(machineTasks(t)+400)); ok ||
			!strings.Contains(said, "failed to create new OS thread") {
			t.Errorf("beyond the limit: %.500s", said)
		}
	})
}

func machineTasks(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	_, all, _ := strings.Cut(strings.Fields(string(raw))[3], "/")
	n, err := strconv.Atoi(all)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestGrants(t *testing.T) {
	eachLevel(t, func(t *testing.T, level sandbox.Level) {
		dir := t.TempDir()
		for _, name := range []string{"in", "in/out", "out", "neither"} {
			if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, "file"), []byte("text"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		at := func(name string) string { return filepath.Join(dir, name) }
		p := sandbox.Policy{Level: level, Read: []string{at("in"), at("not there")},
			Write: []string{at("out"), at("in/out")}}
		// The modes of open files can be changed where those that may only be read are mounted so.
		s := sandbox.System()
		sealed := level == sandbox.Full || s.Root && s.Namespaces() == nil
		for _, c := range []struct {
			what, with string
			ok         bool
		}{
			{"read", "in/file", true}, {"write", "in/file", false}, {"write", "in/new", false},
			{"chmod", "in/file", false},
			{"read", "out/file", true}, {"write", "out/file", true}, {"use", "out", true}, {"link", "out/link", false},
			{"chmod", "out/file", sealed},
			{"read", "in/out/file", true}, {"write", "in/out/file", true}, {"use", "in/out", true},
			{"chmod", "in/out/file", sealed},
			{"read", "neither/file", false}, {"write", "neither/file", false}, {"write", "new", false},
			{"read", "in/../neither/file", false},
		} {
			if said, ok := confined(t, p, c.what, at(c.with)); ok != c.ok {
				t.Errorf("%s %s: %v: %s", c.what, c.with, ok, said)
			}
		}
	})
}

// TestProgramAmongItsFiles: a program in a folder that it may write cannot be changed by itself.
func TestProgramAmongItsFiles(t *testing.T) {
	eachLevel(t, func(t *testing.T, level sandbox.Level) {
		path, err := hog()
		if err != nil {
			t.Fatal(err)
		}
		p := sandbox.Policy{Level: level, Write: []string{filepath.Dir(path)}}
		for _, name := range []string{path, "/proc/self/exe"} {
			if said, ok := confined(t, p, "chmod", name); ok {
				t.Errorf("%s: %s", name, said)
			}
		}
	})
}

// TestNoBytesWithoutAGrant: the folder of its socket is not where a plugin keeps things.
func TestNoBytesWithoutAGrant(t *testing.T) {
	eachLevel(t, func(t *testing.T, level sandbox.Level) {
		dir, err := os.MkdirTemp("/tmp", "sk")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		p := sandbox.Policy{Level: level, Sockets: dir}
		said, ok := confined(t, p, "write", filepath.Join(dir, "file"))
		if info, err := os.Stat(filepath.Join(dir, "file")); ok || err != nil || info.Size() > 0 {
			t.Errorf("%v %v: %s", info, err, said)
		}
	})
}

func TestParseLevel(t *testing.T) {
	t.Parallel()
	for _, l := range sandbox.Levels() {
		if got, err := sandbox.ParseLevel(string(l)); err != nil || got != l {
			t.Errorf("%s: %s, %v", l, got, err)
		}
	}
	if _, err := sandbox.ParseLevel("strng"); err == nil ||
		!strings.Contains(err.Error(), "there are full, strong, env, none") {
		t.Errorf("got %v", err)
	}
}
